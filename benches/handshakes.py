"""DTLS clients by the dozen, and the bare library that answers them: the floor of joins."""

from collections.abc import Callable
from time import thread_time
from typing import Any

from spacescore._native import _core

NOW_US = 1_800_000_000_000_000

Datagrams = list[bytes]


class Clients:
    """The other side, untimed: hellos, second flights, and the proof that all connected."""

    def __init__(self, context: Any, count: int) -> None:
        self.sessions = [_core.DtlsSession(context, role="client") for _ in range(count)]

    def transmit(self) -> Datagrams:
        """One datagram of each."""
        return [session.poll_transmit() or b"" for session in self.sessions]

    def answer(self, datagrams: Datagrams) -> Datagrams:
        """What each says to its datagram."""
        for session, datagram in zip(self.sessions, datagrams, strict=True):
            session.handle_datagram(NOW_US, datagram)
        return self.transmit()

    def keys(self) -> list[bytes]:
        """What the server seals with; raises unless all have connected."""
        return [session.keys().remote for session in self.sessions]


def cpu_seconds(
    work: Callable[[Datagrams], Datagrams], datagrams: Datagrams
) -> tuple[float, Datagrams]:
    start = thread_time()
    datagrams = work(datagrams)
    return thread_time() - start, datagrams


def bare_handshake(certificate: Any, context: Any, count: int) -> float:
    """CPU seconds of the server's half of one, by the library alone, over `count` at once."""
    clients, bare = Clients(context, count), _core.FloorHandshakes(certificate, count)
    first, flights = cpu_seconds(bare.answer, clients.transmit())
    second, flights = cpu_seconds(bare.answer, clients.answer(flights))
    clients.answer(flights)
    assert len(set(clients.keys())) == count
    return (first + second) / count
