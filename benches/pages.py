"""A crowd of pages in virtual time: each asks for `state.json` when it was told to.

A page waits for its turn as `web/space.js` does: it asks for nothing but that file until its cohort
is below the cursor, then once for the ticket, and goes on asking what goes on.
"""

import json
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import trio

from shared_cache import SharedCache, Stored
from spacescore.admission import COHORTS

__all__ = ["Pages"]

TICK = 0.1  # seconds: pages of one tick ask together


@dataclass
class Pages:
    """So many, who come within some seconds."""

    cache: SharedCache
    count: int
    arrive: float = 5.0
    space: str = "demo"
    asked: int = 0
    entered: int = 0
    paces: set[float] = field(default_factory=set)
    state: dict[str, Any] = field(default_factory=dict)  # as it was read last

    def __post_init__(self) -> None:
        self._dice = random.Random(1)
        self._due: defaultdict[int, list[int]] = defaultdict(list)
        for page in range(self.count):
            self._due[int(self._dice.random() * self.arrive / TICK)].append(page)
        self._waiting = bytearray(b"\1" * self.count)
        self._body = b""

    async def run(self, seconds: float) -> None:
        """Be there for a while."""
        path = f"/api/spaces/{self.space}/state.json"
        for tick in range(int(seconds / TICK)):
            for page in self._due.pop(tick, ()):
                self.asked += 1
                pace, cohorts = self._told(await self.cache.get(path))
                if self._waiting[page] and page * COHORTS // self.count < cohorts:
                    await self._enter(page)
                jittered = pace * (0.8 + 0.4 * self._dice.random())
                self._due[tick + max(1, round(jittered / TICK))].append(page)
            await trio.sleep(TICK)

    async def _enter(self, page: int) -> None:
        self._waiting[page] = 0
        self.entered += 1
        await self.cache.get(f"/api/spaces/{self.space}/ticket")

    def _told(self, answer: Stored) -> tuple[float, int]:
        if answer.body is not self._body:  # one reading for all who got the same
            self._body, self.state = answer.body, json.loads(answer.body)
            self.paces.add(self.state["pace"])
        return self.state["pace"], self.state["admit"]["cohorts"]
