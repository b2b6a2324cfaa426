"""Several engines on one port as one: the kernel's part of it, and the rings between them."""

from collections import Counter
from typing import Any

from spacescore._native import _core

Address = tuple[str, int]


class Meshed:
    """What a test does with one engine, done with all; looks like one to `world.World`.

    Who gets a datagram follows from its source address, as under SO_REUSEPORT; `reaches` is
    where a test says otherwise.
    """

    def __init__(self, workers: int, *, max_listeners: int = 1_000, **options: Any):
        self.mesh = _core.Mesh(workers, max_listeners)
        certificate = _core.Certificate.generate()
        self.engines = [
            _core.Engine(
                mesh=self.mesh,
                worker=i,
                max_listeners=max_listeners,
                certificate_pem=certificate.certificate_pem,
                private_key_pem=certificate.private_key_pem,
                **options,
            )
            for i in range(workers)
        ]
        self.reaches: dict[Address, int] = {}
        self.asleep: set[int] = set()  # workers that do not look at what others hand over
        self.fingerprint = self.engines[0].fingerprint

    def worker_of(self, source: Address) -> int:
        return self.reaches.setdefault(source, len(self.reaches) % len(self.engines))

    def handle_datagram(self, now_us: int, source: Address, datagram: bytes) -> None:
        self.engines[self.worker_of(source)].handle_datagram(now_us, source, datagram)
        self.settle(now_us)

    def handle_timeout(self, now_us: int) -> None:
        for engine in self.engines:
            engine.handle_timeout(now_us)
        self.settle(now_us)

    def settle(self, now_us: int) -> None:
        """Wakes whoever was handed something, until nobody is."""
        awake = [engine for i, engine in enumerate(self.engines) if i not in self.asleep]
        while sum(engine.handle_mesh(now_us) for engine in awake):
            pass

    def poll_transmits(self, now_us: int) -> list[tuple[Address, bytes]]:
        return [sent for engine in self.engines for sent in engine.poll_transmits(now_us)]

    def poll_recorded(self) -> list[tuple[int, int, bytes]]:
        return [frame for engine in self.engines for frame in engine.poll_recorded()]

    def poll_events(self) -> list[Any]:
        return [event for engine in self.engines for event in engine.poll_events()]

    def next_timeout(self, now_us: int) -> int:
        return min(engine.next_timeout(now_us) for engine in self.engines)

    def counters(self) -> dict[str, int]:
        return dict(sum((Counter(engine.counters()) for engine in self.engines), Counter()))

    def add_ticket_key(self, key_id: int, key: bytes) -> None:
        for engine in self.engines:
            engine.add_ticket_key(key_id, key)

    def create_space(
        self, now_us: int, space: int, recorded: bool = False, music: bool = False
    ) -> None:
        for engine in self.engines:
            engine.create_space(now_us, space, recorded, music)

    def close_space(self, space: int) -> bool:
        return max([engine.close_space(space) for engine in self.engines])

    def end_session(self, now_us: int, session: bytes) -> bool:
        return max([engine.end_session(now_us, session) for engine in self.engines])

    def space_stats(self, space: int) -> Any:
        return self.engines[self.mesh.home(space)].space_stats(space)

    @property
    def listeners(self) -> int:
        return sum(engine.listeners for engine in self.engines)

    @property
    def speakers(self) -> int:
        return sum(engine.speakers for engine in self.engines)

    @property
    def handshakes(self) -> int:
        return sum(engine.handshakes for engine in self.engines)
