"""A lossy network in virtual time, for sans-IO tests: the same seed gives the same fate.

`Link` carries datagrams one way; `run` joins two peers by two links and turns the clock to
whatever comes next. No thread, no socket, no real time.
"""

import heapq
import random
from collections.abc import Callable
from typing import Protocol

__all__ = ["Link", "Peer", "run"]

SECOND_US = 1_000_000


class Peer(Protocol):
    """What `run` asks of a sans-IO endpoint, e.g. `_core.DtlsSession`."""

    next_timeout: int | None

    def handle_datagram(self, now_us: int, datagram: bytes) -> None: ...
    def handle_timeout(self, now_us: int) -> None: ...
    def poll_transmit(self) -> bytes | None: ...


class Link:
    """One direction of a path.

    `loss`, `duplicate` and `reorder` are probabilities; a reordered datagram arrives
    `reorder_us` late, so that what was sent after it overtakes it. `jitter_us` is added
    uniformly from zero up, and may reorder too. `filter`, given the count of datagrams sent
    before and the datagram, drops it on false.
    """

    def __init__(
        self,
        seed: int,
        *,
        delay_us: int = 20_000,
        jitter_us: int = 0,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        reorder_us: int = 30_000,
        filter: Callable[[int, bytes], bool] | None = None,  # noqa: A002
    ):
        self._random = random.Random(seed)
        self._delay_us, self._jitter_us = delay_us, jitter_us
        self._loss, self._duplicate = loss, duplicate
        self._reorder, self._reorder_us = reorder, reorder_us
        self._filter = filter
        self._queue: list[tuple[int, int, bytes]] = []
        self.sent: list[tuple[int, bytes]] = []
        self.lost = 0

    def send(self, now_us: int, datagram: bytes) -> None:
        draw = self._random.random
        passed = self._filter is None or self._filter(len(self.sent), datagram)
        copies = 0 if draw() < self._loss or not passed else 1 + (draw() < self._duplicate)
        self.lost += copies == 0
        self.sent.append((now_us, datagram))
        for copy in range(copies):
            late = self._reorder_us if draw() < self._reorder else 0
            arrival = now_us + self._delay_us + int(draw() * self._jitter_us) + late
            heapq.heappush(self._queue, (arrival, 2 * len(self.sent) + copy, datagram))

    @property
    def next_arrival(self) -> int | None:
        return self._queue[0][0] if self._queue else None

    def receive(self, now_us: int) -> list[bytes]:
        """All that has arrived by now, in order of arrival."""
        arrived = []
        while self._queue and self._queue[0][0] <= now_us:
            arrived.append(heapq.heappop(self._queue)[2])
        return arrived


def run(
    left: Peer,
    right: Peer,
    to_right: Link,
    to_left: Link,
    *,
    now_us: int = 0,
    until_us: int = 60 * SECOND_US,
    done: Callable[[], bool] = lambda: False,
) -> int:
    """Runs both peers until `done`, silence or `until_us`; the virtual time then."""

    def flush() -> None:
        for peer, link in ((left, to_right), (right, to_left)):
            while (datagram := peer.poll_transmit()) is not None:
                link.send(now_us, datagram)

    flush()
    while not done():
        nexts = (left.next_timeout, right.next_timeout, to_right.next_arrival, to_left.next_arrival)
        due = min((when for when in nexts if when is not None), default=None)
        if due is None or due > until_us:
            break
        now_us = max(now_us, due)
        for link, peer in ((to_right, right), (to_left, left)):
            for datagram in link.receive(now_us):
                peer.handle_datagram(now_us, datagram)
                flush()
        for peer in (left, right):
            if peer.next_timeout is not None and peer.next_timeout <= now_us:
                peer.handle_timeout(now_us)
        flush()
    return now_us
