"""How do two speakers sound through a path that loses packets: bare, with FEC, with redundancy?

They talk by turns. Scores are of the mix against the mix of the same packets through a path that
loses none: PESQ (ITU-T P.862.2, wideband) where it is installed, and the log-spectral distance,
which needs nothing. Turns, and for the distance seconds, are laid over their originals: that one
comes 20 ms later is no matter of sound, and `delay_ms` says it.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sound import speech
from spacescore._native import _core

Sound = NDArray[np.float32]

TURN = 6  # seconds, of a talk
TURNS = 4
SECONDS = TURN * TURNS
LEAD = 1  # seconds of silence, in which the buffers come down to the delay that they need
STARTS = (4.0, 52.0)  # of the two speakers, in the recording
LONGEST_SHIFT = 8  # ticks
LOSS = 0.05
BURST = 1.5  # packets, in the mean
JITTER_MS = 30
TICK_US, FRAME, RATE = 20_000, 960, 48_000
SEEDS = range(3)
RECOVERIES = {"plain": (), "fec": ("fec",), "red": ("red",), "red+fec": ("red", "fec")}
# What each must add to the score of concealment alone: far below what it does (docs/sound.md).
PESQ_GAINS = {"fec": 0.3, "red": 0.5, "red+fec": 0.7}
LSD_GAINS = {"red": 0.2, "red+fec": 0.2}  # dB; FEC is coarse, which this minds and ears do not


def lost_packets(rng: random.Random, count: int) -> set[int]:
    """Return what a Gilbert path loses: two states, the bad one loses everything."""
    leave = 1 / BURST
    enter = LOSS * leave / (1 - LOSS)
    lost, bad = set(), False
    for number in range(count):
        bad = rng.random() >= leave if bad else rng.random() < enter
        if bad:
            lost.add(number)
    return lost


def arrivals(
    packets: Sequence[bytes], rng: random.Random, loss: bool, red: bool
) -> Iterator[tuple[int, int, bool]]:
    """Yield (microseconds, number, whether a copy) of what comes."""
    lost = lost_packets(rng, len(packets)) if loss else set()
    for number in range(len(packets)):
        at = number * TICK_US + rng.randrange(JITTER_MS * 1_000)
        if number in lost:
            continue
        yield at, number, False
        if red and number > 0:
            yield at + 1, number - 1, True


def played(packets: Sequence[bytes], seed: int, *, loss: bool, red: bool) -> tuple[Sound, Any]:
    """Return what is heard of one speaker, and the counters."""
    voice = _core.Voice()
    coming = sorted(arrivals(packets, random.Random(seed), loss, red), reverse=True)
    frames = []
    for tick in range(len(packets) + 10):
        now = tick * TICK_US
        while coming and coming[-1][0] <= now:
            at, number, copy = coming.pop()
            voice.push(at, number, number * FRAME, packets[number], level=20, copy=copy)
        voice.advance(now)
        frames.append(voice.frame())
    return np.concatenate(frames), voice.stats()


def mixed(voices: Sequence[Sound]) -> Sound:
    mixer = _core.Mixer(encode=False)
    out = np.empty(voices[0].size, np.float32).reshape(-1, FRAME)
    for peer in range(len(voices)):
        mixer.add(peer)
    for tick, frame in enumerate(out):
        for peer, voice in enumerate(voices):
            mixer.set_voice(peer, voice.reshape(-1, FRAME)[tick])
        mixer.mix(list(range(len(voices))))
        mixer.read(frame)
    return out.ravel()


def laid_over(clean: Sound, heard: Sound, seconds: int) -> Iterator[tuple[Sound, Sound]]:
    """Yield parts as they were and as they were heard, shifted by whole ticks to where they fit."""
    length = seconds * RATE
    for start in range(0, SECONDS * RATE, length):
        part = clean[start : start + length]
        places = [start + shift * FRAME for shift in range(-LONGEST_SHIFT, LONGEST_SHIFT + 1)]
        shifted = [heard[at : at + length] for at in places if 0 <= at <= heard.size - length]
        yield part, min(shifted, key=lambda sound: log_spectral_distance(part, sound))


def log_spectral_distance(clean: Sound, heard: Sound) -> float:
    """Return the mean over 20 ms of the root mean square difference of spectra, dB."""
    window = np.hanning(FRAME)

    def spectra(sound: Sound) -> NDArray[np.float64]:
        power = np.abs(np.fft.rfft(sound.reshape(-1, FRAME) * window)) ** 2
        return 10 * np.log10(power[:, : FRAME * 8_000 // RATE] + 1e-4)  # speech lies below 8 kHz

    difference = spectra(clean) - spectra(heard)
    return float(np.mean(np.sqrt(np.mean(difference**2, axis=1))))


def pesq_score(clean: Sound, heard: Sound) -> float | None:
    try:
        from pesq import pesq
    except ImportError:
        return None

    def at_16_khz(sound: Sound) -> Sound:
        spectrum = np.fft.rfft(sound)[: sound.size // 6 + 1]
        return (np.fft.irfft(spectrum) / 3).astype(np.float32)

    return float(pesq(16_000, at_16_khz(clean), at_16_khz(heard), "wb"))


def measure(said: Sequence[Sound], recovery: Sequence[str], seed: int) -> dict[str, Any]:
    encoders = [
        _core.OpusEncoder(dtx=False, expected_loss=20 if "fec" in recovery else 0) for _ in said
    ]
    packets = [
        [encoder.encode(frame) for frame in sound.reshape(-1, FRAME)]
        for encoder, sound in zip(encoders, said, strict=True)
    ]
    results = {}
    for loss in (False, True):
        heard = [
            played(each, seed * 10 + peer, loss=loss, red="red" in recovery)
            for peer, each in enumerate(packets)
        ]
        results[loss] = mixed([sound for sound, _ in heard])
    stats = [stats for _, stats in heard]
    moments = laid_over(results[False], results[True], 1)
    turns = laid_over(results[False], results[True], TURN)
    scores = {
        "lsd_db": np.mean([log_spectral_distance(*moment) for moment in moments]),
        "lost": sum(s.packets_lost for s in stats) / sum(map(len, packets)),
        "delay_ms": 1_000
        * sum(s.jitter_buffer_delay for s in stats)
        / sum(s.jitter_buffer_emitted_count for s in stats),
        "concealed": sum(s.concealed_samples for s in stats) / sum(map(len, packets)) / FRAME,
        "kbit_s": np.mean([sum(map(len, of)) for of in packets]) * 8 / SECONDS / 1_000,
    }
    pesq = [score for turn in turns if (score := pesq_score(*turn)) is not None]
    return scores | ({"pesq": np.mean(pesq)} if pesq else {})


@pytest.mark.benchmark(group="sound")
def bench_sound_of_two_speakers_through_five_percent_loss(benchmark: Any) -> None:
    said = [speech(SECONDS, start=start) for start in STARTS]
    if any(sound is None for sound in said):
        pytest.skip("needs ../shared/traces/audio_long16.wav beside the project")
    said = [0.9 * sound.astype(np.float32) / np.abs(sound).max() for sound in said]
    for speaker, sound in enumerate(said):
        sound[: LEAD * RATE] = 0
        for turn in range(TURNS):
            if turn % 2 != speaker:
                sound[turn * TURN * RATE : (turn + 1) * TURN * RATE] = 0

    def all_of_them() -> dict[str, list[dict[str, float]]]:
        return {
            name: [measure(said, recovery, seed) for seed in SEEDS]
            for name, recovery in RECOVERIES.items()
        }

    runs = benchmark.pedantic(all_of_them, rounds=1)
    means = {
        name: {score: round(float(np.mean([run[score] for run in of])), 4) for score in of[0]}
        for name, of in runs.items()
    }
    benchmark.extra_info |= {"scores": means}
    for name, gain in LSD_GAINS.items():
        assert means["plain"]["lsd_db"] - means[name]["lsd_db"] > gain
    for name, gain in PESQ_GAINS.items() if "pesq" in means["plain"] else ():
        assert means[name]["pesq"] - means["plain"]["pesq"] > gain
