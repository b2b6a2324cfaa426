"""Sounds to test with: tones, and something that rises and falls like speech."""

from collections.abc import Callable

import numpy as np
import pytest

FRAME = 960
RATE = 48_000


def make_tone(hertz: float, frames: int, amplitude: float = 0.5) -> np.ndarray:
    time = np.arange(frames * FRAME) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32).reshape(-1, FRAME)


def make_speech(seed: int, frames: int, peak: float = 0.5) -> np.ndarray:
    """Harmonics of a voice under syllables of 150 to 300 ms, with a little breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(frames * FRAME) / RATE
    pitch = rng.uniform(90, 220)
    phase = 2 * np.pi * pitch * (time + 0.002 * np.sin(2 * np.pi * rng.uniform(3, 6) * time))
    voice = sum(np.sin(n * phase + rng.uniform(0, 6.28)) / n for n in range(1, 20))
    beat = np.sin(2 * np.pi * rng.uniform(1.8, 3) * time + rng.uniform(0, 6))
    syllables = np.maximum(beat, 0.01)
    sound = syllables * (voice + 0.05 * rng.standard_normal(time.size))
    return (peak * sound / np.abs(sound).max()).astype(np.float32).reshape(-1, FRAME)


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    return make_tone


@pytest.fixture
def speech() -> Callable[..., np.ndarray]:
    return make_speech
