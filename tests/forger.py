"""Somebody with everybody's ticket who forges who they are: checks, with a hello behind each."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from handmade import sealed_check
from spacescore._native import _core
from virtual_peer import new_context

__all__ = ["forging"]

AT_FIRST, BY_AND_BY = 400, 10  # more than are trusted, and more in 0.2 s than regain it
PAUSE_S = 0.2


@contextmanager
def forging(ticket: dict[str, Any]) -> Iterator[None]:
    """Meanwhile the node trusts no hello without a cookie. `ticket` as the API gives it."""
    done = Event()
    thread = Thread(target=_forge, args=(ticket, done))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


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
