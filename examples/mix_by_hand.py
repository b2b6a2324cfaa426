"""Two speakers behind a path that loses packets, mixed into a file: no server, no network.

    python examples/mix_by_hand.py mix.wav 0.05
Each packet comes with a copy of the one before it (RFC 2198), as browsers send them.
"""

import sys
import wave
from collections.abc import Iterable, Sequence

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


def arrive(voice: spacescore.Voice, packets: Sequence[bytes], tick: int) -> None:
    """One datagram comes in: the packet of this tick, and a copy of the one before."""
    for n in (n for n in (tick, tick - 1) if n >= 0):
        voice.push(packets[n], sequence=n, timestamp=n * FRAME, arrival=tick / 50, copy=n < tick)


def main(path: str = "mix.wav", loss: float | str = 0.05) -> None:
    """Send, lose, repair, mix, write."""
    chance = np.random.default_rng(1)
    voices = {peer: spacescore.Voice() for peer in PITCH}
    said = {peer: list(spoken(hertz)) for peer, hertz in PITCH.items()}
    mixer = spacescore.Mixer(encode=False)
    for peer in voices:
        mixer.add(peer)
    sound = np.empty((TICKS, FRAME), np.int16)
    for tick in range(TICKS):
        for peer, voice in voices.items():
            if chance.random() >= float(loss):
                arrive(voice, said[peer], tick)
            mixer.set_voice(peer, voice.read(tick / 50 + 0.005))
        mixer.mix(out=sound[tick])
    with wave.open(path, "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    for peer, voice in voices.items():
        print("{}: {packets_lost} lost, {packets_repaired} repaired".format(peer, **voice.stats))


if __name__ == "__main__":
    main(*sys.argv[1:3])
