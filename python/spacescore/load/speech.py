"""What virtual speakers say: Opus packets, made before the test begins."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from spacescore._native import _core
from spacescore.load.requests import LoadError

__all__ = ["packets_of", "tone"]

FRAME, RATE = 960, 48_000
TICKS = 50  # frames a second
MAX_SECONDS = 600

Packets = list[tuple[bytes, int]]


def tone(hertz: float = 440.0, amplitude: float = 0.25) -> Packets:
    """Return a second of a tone; an even frequency makes it seamless when repeated."""
    frames = (np.arange(start, start + FRAME) for start in count(0, FRAME))
    encoder = _core.OpusEncoder(dtx=False)
    made = [
        encoder.encode((amplitude * np.sin(2 * np.pi * hertz * n / RATE)).astype(np.float32))
        for n, _ in zip(frames, range(2 * TICKS), strict=False)
    ]
    return [(packet, FRAME) for packet in made[TICKS:]]  # the encoder has settled by then


def packets_of(path: Path) -> Packets:
    """Return a file's audio as Opus packets of 20 ms, at most ten minutes of it.

    Packets of an Ogg Opus file are taken as they are. Raises LoadError.
    """
    try:
        import av
    except ImportError:
        raise LoadError("Files are read by PyAV: pip install 'spacescore[files]'.") from None
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise LoadError(f"{path} has no audio.")
            stream = container.streams.audio[0]
            is_opus = stream.codec_context.name in ("opus", "libopus")
            found = list(_as_they_are(container) if is_opus else _encoded(container))
    except (OSError, av.error.FFmpegError) as error:
        raise LoadError(f"{path} cannot be read: {error}") from error
    if not found:
        raise LoadError(f"{path} has no audio.")
    return found


def _as_they_are(container: Any) -> Iterator[tuple[bytes, int]]:
    left = MAX_SECONDS * RATE
    for packet in container.demux(audio=0):
        data = bytes(packet)
        samples = int(packet.duration * packet.time_base * RATE) if packet.duration else FRAME
        left -= samples
        if left < 0:
            return
        if data:
            yield data, samples


def _encoded(container: Any) -> Iterator[tuple[bytes, int]]:
    import av

    encoder = _core.OpusEncoder(dtx=False)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE, frame_size=FRAME)
    frames = 0
    for decoded in container.decode(audio=0):
        for frame in resampler.resample(decoded):
            if frame.samples == FRAME:
                yield encoder.encode(frame.to_ndarray().reshape(-1)), FRAME
                frames += 1
            if frames == MAX_SECONDS * TICKS:
                return
