"""Somebody with everybody's ticket who forges who they are: checks, with a hello behind each."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from handmade import sealed_check
from served import Served
from spacescore._native import _core
from virtual_peer import new_context, wait_for

__all__ = ["forging"]

AT_FIRST, BY_AND_BY = 400, 10  # more than are trusted, and more in 0.2 s than regain it
PAUSE_S = 0.2


@contextmanager
def forging(served: Served) -> Iterator[None]:
    """Meanwhile the node trusts no hello of the demo space's without a cookie."""
    ticket, done = json.loads(served.get("/api/spaces/demo/ticket")), Event()
    thread = Thread(target=_forge, args=(ticket, done))
    thread.start()
    try:
        wait_for(lambda: _cookies_asked(served) > AT_FIRST // 4)
        yield
    finally:
        done.set()
        thread.join()


def _cookies_asked(served: Served) -> int:
    metrics = served.get("/metrics").decode()
    return sum(map(int, re.findall(r"^spacescore_cookies_asked_total{.*} (\d+)", metrics, re.M)))


def _forge(ticket: dict[str, Any], done: Event) -> None:
    hello = _core.DtlsSession(new_context(), role="client").poll_transmit()
    count = AT_FIRST
    while True:
        for _ in range(count):
            _forge_one(ticket, hello)
        count = BY_AND_BY
        if done.wait(PAUSE_S):
            return


def _forge_one(ticket: dict[str, Any], hello: bytes) -> None:
    """From a port that nobody listens to any more when the answer comes."""
    candidate = ticket["candidates"][0]
    nonce = os.urandom(12)
    ufrag = _core.make_ufrag(ticket["ticket"], nonce, 111)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.connect((candidate["ip"], candidate["port"]))
        stranger.send(sealed_check(ufrag, ticket["password"], nonce))
        stranger.send(hello)
