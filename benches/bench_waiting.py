"""What does a storm of waiting pages cost the service?

They are 1,000, 10,000 and 100,000, come within five seconds to a door that lets everybody in within
a minute, and obey `pace`. Before the service, all of it but the sockets, stands a shared cache that
keeps to RFC 9111. The clock is virtual, so what reaches the service is counted and not timed: as
much per second whatever the crowd.

Where nginx is installed, it stands before the service itself once more, with sockets and in real
time, and is asked as often as a client on this machine can.

Without a cache they all ask the service itself: then the pace is what holds them back, and each
request costs less than the bare handler of the same stack.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from bench_http import ASKED, BUDGET, STATE, Asker, bare
from nginx import nginx_before
from pages import Pages
from served import Served
from shared_cache import SharedCache
from spacescore import Engine, KeyRing, asgi
from spacescore.polling import ASKS_PER_SECOND, Bounds

CROWDS = (1_000, 10_000, 100_000)  # of the smallest too somebody asks each second
SECONDS = 30
WITHIN = 60.0  # seconds in which the door lets everybody in
FLAT = 1.1
REAL_SECONDS, CONNECTIONS = 4.0, 8
MOST_PER_FILE = 1.25  # a second: one, and what a window of some seconds has at its ends
FILES = 2  # that pages ask for again and again: state.json and live.json; for a ticket but once


class Uncached(SharedCache):
    """Nobody stands before the service."""

    async def get(self, path: str) -> Any:
        """Ask it each time."""
        self.asked += 1
        return await self.ask(path)


def storm(engine: Engine, count: int, kind: type[SharedCache], seconds: float) -> Any:
    """Let a crowd wait; return what was asked of whom."""
    app = asgi(engine, keys=KeyRing.ephemeral())
    desk = app.state.desk
    begin = desk.clock()
    cache = kind(app, trio.current_time)
    pages = Pages(cache, count)

    async def main() -> None:
        desk.clock = desk.office.clock = lambda: begin + trio.current_time()
        await desk.doors.keep("demo", "open")
        await desk.doors.keep("demo", "paced", seconds=WITHIN)
        await pages.run(seconds)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return pages


def bench_waiting_pages_cost_the_service_nothing(engine: Engine, benchmark: Any) -> None:
    """Requests that reach the service, whatever the crowd."""
    found = {count: storm(engine, count, SharedCache, SECONDS) for count in CROWDS}
    benchmark.pedantic(lambda: storm(engine, CROWDS[0], SharedCache, SECONDS), rounds=1)
    reached = {n: pages.cache.forwarded.total() / SECONDS for n, pages in found.items()}
    sent = {n: round(pages.cache.bytes / SECONDS) for n, pages in found.items()}
    ratio = max(
        reached[CROWDS[-1]] / reached[CROWDS[0]],
        sent[CROWDS[-1]] / sent[CROWDS[0]],
    )
    benchmark.extra_info.update(
        floor_ratio=round(ratio, 3),
        budget=FLAT,
        asked_per_second={n: round(pages.asked / SECONDS) for n, pages in found.items()},
        reached_the_service_per_second=reached,
        bytes_per_second=sent,
        entered={n: pages.entered for n, pages in found.items()},
        paces={n: sorted(pages.paces) for n, pages in found.items()},
    )
    assert all(pages.entered > n * 0.3 for n, pages in found.items()), "the door does not open"
    assert ratio <= FLAT, f"{ratio:.3f}: what reaches the service grows with the crowd"
    assert max(reached.values()) <= FILES * MOST_PER_FILE


def bench_who_waits_without_a_cache(engine: Engine, against_floor: Any, benchmark: Any) -> None:
    """All ask the service itself: a kept answer each, over the bare handler, and how many."""
    crowd, seconds = 10_000, 60.0
    pages = storm(engine, crowd, Uncached, seconds)
    ours = Asker(asgi(engine, keys=KeyRing.ephemeral()), STATE)
    ours()
    against_floor(ours, Asker(bare(STATE, ours.bytes), STATE), budget=BUDGET, units=ASKED)
    each = benchmark.extra_info["ns_per_unit"] / 1e9
    settled = max(FILES * crowd / Bounds().most, ASKS_PER_SECOND)  # without captions
    benchmark.extra_info.update(
        crowd=crowd,
        asked_per_second=round(pages.asked / seconds),
        settles_at_per_second=round(settled),
        handler_cores_for_100_000=round(FILES * 100_000 / Bounds().most * each, 3),
        paces=[min(pages.paces), max(pages.paces)],
    )
    assert max(pages.paces) > 10, "the pace does not feel the crowd"


def bench_nginx_answers_for_the_service(tmp_path: Path, benchmark: Any) -> None:
    """Requests that reach `spacescore serve` behind what packaging/nginx says."""
    served = Served(tmp_path / "data", "--demo")
    try:
        with nginx_before(served.port, tmp_path) as port:
            path = STATE.format(space="demo")
            few = ask_for(port, path, served, pause=0.05)
            ask = partial(ask_for, port, path, served, pause=0.0)
            many = benchmark.pedantic(ask, rounds=1)
    finally:
        served.end()
    reached = [passed_on / REAL_SECONDS for _, passed_on in (few, many)]
    benchmark.extra_info.update(
        asked_per_second=[round(asked / REAL_SECONDS) for asked, _ in (few, many)],
        reached_the_service_per_second=reached,
    )
    assert many[0] > 20 * few[0], "this is no crowd"
    assert max(reached) <= MOST_PER_FILE, "what reaches the service grows with the crowd"


def ask_for(port: int, path: str, served: Served, *, pause: float) -> tuple[int, int]:
    """Ask for some seconds; return how often, and how much of it reached the service."""
    asked, head = 0, f"GET {path} HTTP/1.1\r\nHost: rooms.test\r\n\r\n".encode()

    async def client() -> None:
        nonlocal asked
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        async with stream:
            while True:
                await stream.send_all(head)
                assert (await whole_answer(stream)).startswith(b"HTTP/1.1 200")
                asked += 1
                await trio.sleep(pause)

    async def main() -> None:
        with trio.move_on_after(REAL_SECONDS):
            async with trio.open_nursery() as nursery:
                for _ in range(CONNECTIONS):
                    nursery.start_soon(client)

    before = requests_of(served)
    trio.run(main)
    return asked, requests_of(served) - before - 1  # the first look at the metrics is one


async def whole_answer(stream: trio.SocketStream) -> bytes:
    """Return an answer with its body, however it comes in pieces."""
    read = b""
    while True:
        read += await stream.receive_some(65_536)
        head, _, body = read.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        if length and len(body) >= int(length[1]):
            return read


def requests_of(served: Served) -> int:
    """Return how many requests a service has answered."""
    told = served.get("/metrics").decode()
    counts = re.findall(r"^spacescore_http_requests_total\{.*\} (\S+)$", told, re.MULTILINE)
    return sum(int(float(count)) for count in counts)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """With an open space."""
    with Engine(host="127.0.0.1", port=0) as engine:
        engine.create_space("demo", record=False)
        yield engine
