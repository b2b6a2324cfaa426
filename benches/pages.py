"""A crowd of pages in virtual time: each asks for `state.json` when it was told to.

A page waits for its turn as `web/space.js` does: it asks for nothing but that file until its cohort
is below the cursor, then once for the ticket, and goes on asking what goes on; from then on it
listens, and asks for `live.json` as well, at that file's own pace.
"""

import json
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import trio

from shared_cache import SharedCache
from spacescore.admission import COHORTS

__all__ = ["Pages"]

TICK = 0.1  # seconds: pages of one tick ask together
Ask = Callable[[int], Awaitable[float]]  # of a page; returns its pace


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
        self._due: defaultdict[int, list[tuple[int, Ask]]] = defaultdict(list)
        for page in range(self.count):
            self._due[int(self._dice.random() * self.arrive / TICK)].append((page, self._look))
        self._waiting = bytearray(b"\1" * self.count)
        self._read: dict[str, tuple[bytes, dict[str, Any]]] = {}
        self._tick = 0

    async def run(self, seconds: float) -> None:
        """Be there for a while."""
        for self._tick in range(int(seconds / TICK)):
            for page, ask in self._due.pop(self._tick, ()):
                pace = await ask(page)
                self._ask_in(pace * (0.8 + 0.4 * self._dice.random()), page, ask)
            await trio.sleep(TICK)

    def _ask_in(self, seconds: float, page: int, ask: Ask) -> None:
        self._due[self._tick + max(1, round(seconds / TICK))].append((page, ask))

    async def _look(self, page: int) -> float:
        self.state = await self._get("state.json")
        pace: float = self.state["pace"]
        self.paces.add(pace)
        if self._waiting[page] and page * COHORTS // self.count < self.state["admit"]["cohorts"]:
            await self._enter(page)
        return pace

    async def _enter(self, page: int) -> None:
        self._waiting[page] = 0
        self.entered += 1
        await self.cache.get(f"/api/spaces/{self.space}/ticket")
        self._ask_in(0, page, self._accompany)

    async def _accompany(self, page: int) -> float:
        pace: float = (await self._get("live.json"))["pace"]
        return pace

    async def _get(self, name: str) -> dict[str, Any]:
        self.asked += 1
        body = (await self.cache.get(f"/api/spaces/{self.space}/{name}")).body
        if name not in self._read or self._read[name][0] is not body:
            self._read[name] = body, json.loads(body)  # one reading for all who got the same
        return self._read[name][1]
