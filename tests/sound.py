"""Sounds that tests make, and what they look for in those they get back. Mono, -1 to 1."""

import math
import wave
from pathlib import Path

import av
import numpy as np

RATE = 48_000
SPEECH = Path(__file__).parents[2] / "shared" / "traces" / "audio_long16.wav"


def sine(frequency: float, seconds: float, *, dbfs: float) -> np.ndarray:
    """A tone whose peaks are at `dbfs`."""
    at = np.arange(round(seconds * RATE)) / RATE
    return 10 ** (dbfs / 20) * np.sin(2 * np.pi * frequency * at)


def speech(seconds: float, *, start: float = 0) -> np.ndarray | None:
    """Somebody reading aloud; None where the recording is not at hand."""
    if not SPEECH.exists():
        return None
    with wave.open(str(SPEECH)) as file:
        file.setpos(round(start * file.getframerate()))
        data = file.readframes(round(seconds * file.getframerate()))
        step = RATE / file.getframerate()
    samples = np.frombuffer(data, "<i2") / 32_768
    return np.interp(np.arange(samples.size * step) / step, np.arange(samples.size), samples)


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


def decoded(recording: Path) -> np.ndarray:
    """What FFmpeg makes of a recording."""
    with av.open(str(recording)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def level(samples: np.ndarray, frequency: float) -> float:
    """How loud one frequency is, dBFS: the peaks of a sine."""
    window = np.hanning(samples.size)
    phase = 2j * np.pi * frequency * np.arange(samples.size) / RATE
    amplitude = 2 * abs(np.dot(samples * window, np.exp(-phase))) / window.sum()
    return 20 * math.log10(amplitude + 1e-9)


def loudest(samples: np.ndarray) -> float:
    """The frequency that is loudest, Hz, to one part of the window's length."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.argmax(spectrum)) * RATE / samples.size


def below(samples: np.ndarray, frequency: float) -> np.ndarray:
    """Only what is lower than `frequency`."""
    spectrum = np.fft.rfft(samples)
    spectrum[int(frequency * samples.size / RATE) :] = 0
    return np.fft.irfft(spectrum, samples.size)


def likeness(part: np.ndarray, whole: np.ndarray) -> float:
    """The best correlation of `part` with any stretch of `whole`: 1 where it is in there."""
    size = 1 << (part.size + whole.size).bit_length()
    part = part - part.mean()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    energy = np.cumsum(np.concatenate([[0.0], np.square(whole, dtype=np.float64)]))
    stretches = energy[part.size :] - energy[: -part.size]
    norms = np.sqrt(np.maximum(stretches, 1e-6) * np.sum(np.square(part)))
    return float(np.max(product[: norms.size] / norms))
