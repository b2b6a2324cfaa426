"""What does it cost to tell who is there, with 10, 1,000 and 100,000 listeners?

Listeners are simulated: the core's count of them moves with every look, as it does while a crowd
comes in, and they ask for `state.json` once a second each (as many as a thousand do; a cache has
the others). A host, a co-host and a speaker follow the space by its feed. The clock is virtual, so
the figures are of messages and bytes, and no noise: per second, and flat.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing

from spacescore import Engine, KeyRing, api, asgi, follow
from spacescore.policy import Grant, Role

CROWDS = (10, 1_000, 100_000)
SECONDS = 20
ASKING = 1_000
BUDGET = 1.2  # the largest crowd over the smallest: digits of a number
PATH = "/api/spaces/demo/state.json"
Send = Callable[[Any], Awaitable[None]]


class Counted:
    """What a crowd made the service do."""

    def __init__(self) -> None:
        self.messages = self.bytes = self.rendered = self.state_bytes = 0

    async def feed(self, message: Any) -> None:
        """Take what a follower hears."""
        if message["type"] == "websocket.send":
            self.messages += 1
            self.bytes += len(message["text"].encode())

    async def state(self, message: Any) -> None:
        """Take what a page gets."""
        self.state_bytes = len(message.get("body", b"")) or self.state_bytes


@contextmanager
def crowded(engine: Engine, listeners: int, counted: Counted) -> Iterator[None]:
    """Let so many be there, with some coming and going all the time."""
    stats, shown = engine.stats, api.shown_room
    looks = 0

    def moving(space: str) -> Any:
        nonlocal looks
        looks += 1
        return replace(stats(space), listeners=listeners + looks % 7)

    async def rendered(*arguments: Any) -> Any:
        counted.rendered += 1
        return await shown(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "stats", moving)
        patch.setattr(api, "shown_room", rendered)
        patch.setattr(follow, "shown_room", rendered)
        yield


def scope(kind: str, path: str) -> dict[str, Any]:
    """What a server tells of a request."""
    more = {"method": "GET", "http_version": "1.1", "scheme": "http", "subprotocols": []}
    return {"type": kind, "path": path, "query_string": b"", "headers": [], "root_path": ""} | more


async def listen(app: Any, token: str, counted: Counted) -> None:
    """Follow the space."""
    say, hear = trio.open_memory_channel[dict[str, Any]](2)
    say.send_nowait({"type": "websocket.connect"})
    say.send_nowait({"type": "websocket.receive", "text": json.dumps({"token": token})})
    await app(scope("websocket", "/live/demo"), hear.receive, counted.feed)


async def ask(app: Any, pages: int, counted: Counted) -> None:
    """Be so many pages, each of which asks once a second, at its own moment."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    while True:
        for _ in range(10):
            for _ in range(pages // 10):
                await app(scope("http", PATH), receive, counted.state)
            await trio.sleep(0.1)


def evening(engine: Engine, listeners: int) -> Counted:
    """Let a crowd be there for a while."""
    counted = Counted()
    app = asgi(engine, keys=KeyRing.ephemeral())
    desk = app.state.desk
    begin = desk.clock()
    people = [
        Grant("demo", role, n, str(role), int(begin) + 9_000, issued=begin + 60)
        for n, role in enumerate((Role.HOST, Role.COHOST, Role.SPEAKER), 1)
    ]
    tokens = [desk.keys.issue(who, now=begin) for who in people]

    async def main() -> None:
        desk.clock = desk.office.clock = lambda: begin + trio.current_time()
        async with trio.open_nursery() as nursery:
            for token in tokens:
                nursery.start_soon(listen, app, token, counted)
            nursery.start_soon(ask, app, min(listeners, ASKING), counted)
            await trio.sleep(SECONDS)
            nursery.cancel_scope.cancel()

    with crowded(engine, listeners, counted):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return counted


def bench_the_roster_is_flat(engine: Engine, benchmark: Any) -> None:
    """Messages and bytes a second, whatever the crowd."""
    found = {crowd: evening(engine, crowd) for crowd in CROWDS}
    benchmark.pedantic(lambda: evening(engine, CROWDS[0]), rounds=1)
    smallest, largest = found[CROWDS[0]], found[CROWDS[-1]]
    ratio = max(
        largest.messages / smallest.messages,
        largest.bytes / smallest.bytes,
        largest.rendered / smallest.rendered,
        largest.state_bytes / smallest.state_bytes,
    )
    benchmark.extra_info.update(
        floor_ratio=round(ratio, 3),
        budget=BUDGET,
        feed_messages_per_second={n: one.messages / SECONDS for n, one in found.items()},
        feed_bytes_per_second={n: round(one.bytes / SECONDS) for n, one in found.items()},
        rendered_per_second={n: one.rendered / SECONDS for n, one in found.items()},
        state_bytes={n: one.state_bytes for n, one in found.items()},
    )
    assert ratio <= BUDGET, f"{ratio:.3f}: the roster grows with the crowd"
    # One a second for each of three followers; two kinds of text and a page are made.
    assert largest.messages <= 3 * (SECONDS + 1)
    assert largest.rendered <= 3 * (SECONDS + 1)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """With an open space."""
    with Engine(host="127.0.0.1", port=0) as engine:
        engine.create_space("demo", record=False)
        yield engine
