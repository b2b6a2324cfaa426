"""What the followers of a space share: texts made once a second, and a bell for all of them."""

import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from spacescore.errors import OverloadedError
from spacescore.rooms.room import Room

__all__ = ["PACE_SECONDS", "Feed", "Told"]

PACE_SECONDS = 1.0
MAX_FOLLOWERS, MAX_OF_ONE = 2_000, 4
Make = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(slots=True)
class Told:
    """One text."""

    text: str
    changed: float  # when it last became another
    looked: float  # when it was last made
    rung: bool = False  # whether something was decided since


@dataclass(slots=True)
class Feed:
    """What the followers of one front share."""

    _made: dict[tuple[str, bool], Told] = field(default_factory=dict)
    _waiting: dict[str, set[anyio.Event]] = field(default_factory=dict)
    _of: dict[str, int] = field(default_factory=dict)
    _dominant: dict[str, int] = field(default_factory=dict)

    def changed(self, slug: str) -> None:
        """Wake who follows a space."""
        for keeper in (True, False):
            if made := self._made.get((slug, keeper)):
                made.rung = True
        for event in self._waiting.get(slug, ()):
            event.set()

    def dominant(self, slug: str) -> int | None:
        """Return who has the word, as far as it was told here."""
        return self._dominant.get(slug)

    def has_the_word(self, slug: str, peer: int) -> None:
        """Note who is the dominant speaker."""
        self._dominant[slug] = peer
        self.changed(slug)

    @contextmanager
    def follower(self, who: str) -> Iterator[None]:
        """Count one more. Raises OverloadedError."""
        if sum(self._of.values()) >= MAX_FOLLOWERS or self._of.get(who, 0) >= MAX_OF_ONE:
            raise OverloadedError("Too many connections of this kind.")
        self._of[who] = self._of.get(who, 0) + 1
        try:
            yield
        finally:
            self._of[who] -= 1
            if not self._of[who]:
                del self._of[who]

    async def latest(self, room: Room, make: Make, *, keeper: bool) -> Told:
        """Return what to tell now: the same for everybody of a kind, another once a second."""
        key, now = (room.slug, keeper), anyio.current_time()
        known = self._made.get(key)
        if known is None or now >= self._due(known):
            message = {"type": "room", "version": room.version, "room": await make()}
            text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            same = known is not None and known.text == text
            changed = known.changed if known and same else now
            self._made[key] = known = Told(text, changed, now)
        return known

    async def wait(self, slug: str, last: Told, *, keeper: bool) -> None:
        """Return when there may be something newer than `last`."""
        event = anyio.Event()
        waiting = self._waiting.setdefault(slug, set())
        waiting.add(event)
        try:
            while self._made.get((slug, keeper)) is last:
                patience = self._due(last) - anyio.current_time()
                if patience <= 0:
                    return
                with anyio.move_on_after(patience):
                    await (anyio.sleep(patience) if last.rung else event.wait())
        finally:
            waiting.discard(event)
            if not waiting:
                self._waiting.pop(slug, None)

    def _due(self, known: Told) -> float:
        """Return when a text may be made anew; at once after a decision, if the last is old."""
        return (known.changed if known.rung else known.looked) + PACE_SECONDS

    def forget(self, slug: str) -> None:
        """Forget a space that has ended."""
        self._dominant.pop(slug, None)
        for keeper in (True, False):
            self._made.pop((slug, keeper), None)
