"""The ledger: what was done is told to the audit book, and to whoever asked for webhooks.

What follows from facts is written with them, in one transaction (`acts`, `sort`); what no fact
tells of, a token that was given or an act that was refused, is added by itself (`note`, `refused`).
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from spacescore.backplane import Backplane
from spacescore.errors import ForbiddenError, StoreError
from spacescore.limits import Limit, Limiter
from spacescore.logs import words_of
from spacescore.policy import Caller, Grant
from spacescore.rooms.acts import QUIET, Act, Party, act_of, is_moderation
from spacescore.rooms.commands import Command
from spacescore.rooms.facts import Fact
from spacescore.rooms.room import Room
from spacescore.store import Letter
from spacescore.store.base import party

__all__ = ["Ledger", "Post"]

# A troll's hundredth try says no more than the first ones.
REFUSALS = Limit(1 / 60, 5.0)
_log = structlog.get_logger("spacescore")

Post = Callable[[Sequence[Act]], list[Letter]]  # makes letters of acts


class Ledger:
    """One office's."""

    def __init__(self, backplane: Backplane, clock: Callable[[], float]) -> None:
        self._backplane = backplane
        self._clock = clock
        self._count = 0
        self._node = secrets.token_hex(3)
        self._refusals = Limiter(REFUSALS)
        self.post: Post = lambda acts: []
        self.on_letters: Callable[[], None] = lambda: None

    def acts(self, room: Room, made: Sequence[Fact], by: Caller, key: str) -> list[Act]:
        """Return what the facts amount to that are about to be written behind `room`."""
        found, now, who = [], self._clock(), party(by)
        for fact in made:
            found.append(act_of(room, fact, who, number=self._number(now), at=now, key=key))
            room = room.after(fact, now)
        return found

    def sort(self, acts: Sequence[Act]) -> tuple[list[Act], list[Letter]]:
        """Return what belongs into the audit book, and what is to be told."""
        audited = [act for act in acts if is_moderation(act)]
        return audited, self.post([act for act in acts if act.what not in QUIET])

    async def tell(self, act: Act) -> None:
        """Tell of what has happened without a fact, and audits nothing."""
        if letters := self.post([act]):
            await self._backplane.ask(lambda store: store.outbox.add(letters))
            self.on_letters()

    async def note(
        self, key: str, space: str, what: str, by: Caller, whom: Party | None = None, **detail: Any
    ) -> None:
        """Audit what no fact tells of. Raises StoreError: what is not noted is not done."""
        act = self.act(key, space, what, party(by), whom, detail)
        await self._backplane.ask(lambda store: store.audit.add([act]))

    async def refused(
        self, key: str, room: Room, command: Command, by: Caller, error: ForbiddenError
    ) -> None:
        """Audit that somebody tried what they may not do; the first times, not every time."""
        if not isinstance(by, Grant) or self._refusals.wait(f"{key} {by.who}", self._clock()):
            return
        peer = getattr(command, "peer", 0)
        known = room.people.get(peer)
        whom = Party(known.identity, known.name, peer) if known else Party(peer=peer)
        detail = {"command": words_of(command)}
        act = self.act(key, room.slug, "command.refused", party(by), whom, detail)
        act = replace(act, outcome=str(error))
        with suppress(StoreError):  # it was refused all the same
            await self._backplane.ask(lambda store: store.audit.add([act]))

    def act(
        self,
        key: str,
        space: str,
        what: str,
        by: Party,
        whom: Party | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> Act:
        """Make an act of now."""
        now = self._clock()
        return Act(self._number(now), now, space, key, what, by, whom or Party(), detail or {})

    def _number(self, now: float) -> str:
        """Return an id behind every one before, of whichever node, as far as clocks agree."""
        self._count = (self._count + 1) % 2**24
        return f"{int(now * 1000):012x}{self._count:06x}{self._node}"
