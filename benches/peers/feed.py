"""The audio that servers without a speaker of their own are fed with: plain RTP, in real time."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from spacescore._native import _core
from spacescore.load.speech import tone

__all__ = ["PAYLOAD_TYPE", "feed"]

PAYLOAD_TYPE = 111
PERIOD_SECONDS = 0.02


@contextmanager
def feed(host: str, port: int) -> Iterator[None]:
    """Send a tone to a port meanwhile: what a virtual speaker says as well."""
    over = threading.Event()
    thread = threading.Thread(target=_send, args=((host, port), over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _send(to: tuple[str, int], over: threading.Event) -> None:
    packets = tone()
    began = time.monotonic()
    timestamp = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for number in count():
            if over.wait(max(0.0, began + number * PERIOD_SECONDS - time.monotonic())):
                return
            payload, samples = packets[number % len(packets)]
            header = _core.write_rtp_header(
                payload_type=PAYLOAD_TYPE,
                sequence=number & 0xFFFF,
                timestamp=timestamp & 0xFFFFFFFF,
                ssrc=9,
                csrc=[],
            )
            out.sendto(header + payload, to)
            timestamp += samples
