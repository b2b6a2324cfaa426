"""Two speakers behind a path that loses packets, mixed into a file: no server, no network.

    python examples/mix_by_hand.py mix.wav 0.05
Each packet comes with a copy of the one before it (RFC 2198), as browsers send them.
"""

import itertools
import sys
import wave
from collections.abc import Iterable

import numpy as np

import spacescore
from spacescore.audio import FRAME, RATE

TICKS = 250
PITCH = {1: 220.0, 2: 330.0}  # Hz, by peer


def spoken(hertz: float) -> Iterable[bytes]:
    """Opus packets of a tone that rises and falls; a mixer of one is an encoder."""
    alone = spacescore.Mixer()
    alone.add(0)
    for tick in range(TICKS):
        time = np.arange(tick * FRAME, (tick + 1) * FRAME) / RATE
        swell = np.maximum(np.sin(2 * np.pi * 2 * time), 0.05)
        alone.set_voice(0, (8_000 * swell * np.sin(2 * np.pi * hertz * time)).astype(np.int16))
        yield alone.mix().packet


def main(path: str = "mix.wav", loss: float | str = 0.05) -> None:
    """Send, lose, repair, mix, write."""
    chance = np.random.default_rng(1)
    voices = {peer: spacescore.Voice() for peer in PITCH}
    said = {peer: list(spoken(hertz)) for peer, hertz in PITCH.items()}
    mixer = spacescore.Mixer(encode=False)
    for peer in voices:
        mixer.add(peer)
    sound = np.empty((TICKS, FRAME), np.int16)
    for tick, (peer, voice) in itertools.product(range(TICKS), voices.items()):
        now = tick * 0.020
        if chance.random() >= float(loss):
            for number in (tick, tick - 1)[: 1 + (tick > 0)]:
                header = {"sequence": number, "timestamp": number * FRAME}
                voice.push(said[peer][number], arrival=now, copy=number < tick, **header)
        mixer.set_voice(peer, voice.read(now + 0.005))
        if peer == max(voices):
            mixer.mix(out=sound[tick])
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    for peer, voice in voices.items():
        stats = voice.stats
        print(f"{peer}: {stats['packets_lost']} lost, {stats['packets_repaired']} repaired")


if __name__ == "__main__":
    main(*sys.argv[1:3])
