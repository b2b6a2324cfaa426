"""What does it cost to tell who is there, with 10, 1,000 and 100,000 listeners?

Listeners are simulated: the core's count of them moves with every look, as it does while a crowd
comes in. All of them have a page, which asks for `state.json` a shared cache, at the pace that it
was told; up to a hundred have raised a hand, so they are known by name. A host, a co-host and a
speaker follow the space by its feed. The clock is virtual, so the figures are of messages and
bytes, and no noise: per second, and flat.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
import trio.testing

from pages import Pages
from shared_cache import SharedCache
from spacescore import Engine, KeyRing, api, asgi, follow
from spacescore.policy import Grant, Role
from spacescore.rooms.commands import Meet
from spacescore.roster import SAMPLED

CROWDS = (10, 1_000, 100_000)
SECONDS = 20
NAMED = 100
PATH = "/api/spaces/demo/state.json"
BUDGET = 1.2  # the largest crowd over the one that first fills the sample: digits of a number
MOST_BYTES = 2_048  # of an answer, with ordinary names


class Counted:
    """What a crowd made the service do."""

    def __init__(self) -> None:
        self.messages = self.bytes = self.rendered = 0
        self.asked = self.answers = self.answered_bytes = 0
        self.state: dict[str, Any] = {}

    async def feed(self, message: Any) -> None:
        """Take what a follower hears."""
        if message["type"] == "websocket.send":
            self.messages += 1
            self.bytes += len(message["text"].encode())

    def pages(self, pages: Pages) -> None:
        """Take what pages asked, and what of it reached the service."""
        self.asked, self.answers = pages.asked, pages.cache.forwarded[PATH]
        self.answered_bytes, self.state = pages.cache.bytes, pages.state


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


async def introduce(desk: Any, count: int, now: float) -> None:
    """Have so many listeners known by name, and seen."""
    for peer in range(1_000, 1_000 + count):
        grant = Grant("demo", Role.LISTENER, peer, f"Guest {peer}", int(now) + 9_000, issued=now)
        await desk.office.do("demo", Meet(grant), None)
        desk.seen.note("demo", peer, now)


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
        await introduce(desk, min(listeners, NAMED), begin)
        async with trio.open_nursery() as nursery:
            for token in tokens:
                nursery.start_soon(listen, app, token, counted)
            pages = Pages(SharedCache(app, trio.current_time), listeners)
            await pages.run(SECONDS)
            counted.pages(pages)
            nursery.cancel_scope.cancel()

    with crowded(engine, listeners, counted):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return counted


def bench_the_roster_is_flat(engine: Engine, benchmark: Any) -> None:
    """Messages and bytes a second, whatever the crowd."""
    found = {crowd: evening(engine, crowd) for crowd in CROWDS}
    benchmark.pedantic(lambda: evening(engine, CROWDS[0]), rounds=1)
    smallest, middle, largest = found.values()
    ratio = max(
        largest.messages / smallest.messages,
        largest.rendered / smallest.rendered,
        largest.answers / smallest.answers,
        largest.bytes / middle.bytes,
        largest.answered_bytes / middle.answered_bytes,
    )
    sampled = {n: len(one.state["sample"]) for n, one in found.items()}
    benchmark.extra_info.update(
        floor_ratio=round(ratio, 3),
        budget=BUDGET,
        feed_messages_per_second={n: one.messages / SECONDS for n, one in found.items()},
        feed_bytes_per_second={n: round(one.bytes / SECONDS) for n, one in found.items()},
        rendered_per_second={n: one.rendered / SECONDS for n, one in found.items()},
        asked_per_second={n: round(one.asked / SECONDS) for n, one in found.items()},
        answered_per_second={n: one.answers / SECONDS for n, one in found.items()},
        bytes_per_second={n: round(one.answered_bytes / SECONDS) for n, one in found.items()},
        sampled=sampled,
        pace={n: one.state["pace"] for n, one in found.items()},
    )
    assert ratio <= BUDGET, f"{ratio:.3f}: the roster grows with the crowd"
    assert list(sampled.values()) == [CROWDS[0], SAMPLED, SAMPLED]
    assert len(json.dumps(largest.state)) <= MOST_BYTES
    # One a second for each of three followers; two kinds of text and a page are made.
    assert largest.messages <= 3 * (SECONDS + 1)
    assert largest.rendered <= 3 * (SECONDS + 1)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """With an open space."""
    with Engine(host="127.0.0.1", port=0) as engine:
        engine.create_space("demo", record=False)
        yield engine
