"""What nodes have in common for a while, and nobody writes down: behind one interface.

- **admission**: how the door of each space is kept, and how far its cursor is. Anybody may set
  it; who has the space on air moves it, and lets it go with the space;
- **live text**: the last captions of a space, and how often it was cheered;
- **the shunned**: from which networks those came who were blocked;
- **limits**: how often who has asked.

All of it may be lost with the driver's memory, and a driver for several nodes may be a second late.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from spacescore.admission import COHORTS, Mode
from spacescore.limits import Limit, Limiter
from spacescore.live import Caption, Live
from spacescore.shunned import Shunned

__all__ = ["Admission", "Commons", "LocalCommons"]

MAX_LIVE = 2_000  # spaces; those that were silent for longest are forgotten


@dataclass(frozen=True, slots=True)
class Admission:
    """Who may enter now, and how fast the cursor moves."""

    cohorts: int = COHORTS
    mode: str = Mode.OPEN
    rate: float = 0.0  # cohorts a second

    def shown(self) -> dict[str, Any]:
        """Return what pages are told."""
        return asdict(self) | {"rate": round(self.rate, 2)}


class Commons(Protocol):
    """See the module. Everything may raise StoreError. `key` is a space's own, `slug` its name."""

    async def set_admission(self, slug: str, admission: Admission) -> None:
        """Keep a door another way, or move its cursor."""

    async def admission(self, slug: str) -> Admission:
        """Return where the cursor is."""

    async def doors(self) -> Mapping[str, Admission]:
        """Return every door that is not simply open."""

    async def caption(
        self,
        key: str,
        text: str,
        *,
        now: float,
        start: float | None = None,
        end: float | None = None,
        name: str = "",
    ) -> Caption:
        """Take a line. Raises what Live does."""

    async def react(self, key: str, reaction: str, who: str, *, now: float) -> None:
        """Count a reaction. Raises what Live does."""

    async def live(self, key: str) -> Live:
        """Return what accompanies a space, to be read."""

    async def came(self, key: str, who: str, network: str) -> None:
        """Note from where somebody took part by name."""

    async def shun(self, key: str, who: str, now: float) -> None:
        """Somebody was blocked."""

    async def forgive(self, key: str, who: str) -> None:
        """They may come again."""

    async def check_network(self, key: str, network: str, now: float) -> None:
        """Return if a stranger may take part from there. Raises ForbiddenError."""

    async def take(self, limit: Limit, who: str, now: float) -> float:
        """Take one for `who`. Returns 0.0, or the seconds until there will be one."""


class LocalCommons:
    """In the memory of one process."""

    def __init__(self) -> None:
        self._admission: dict[str, Admission] = {}
        self._live: OrderedDict[str, Live] = OrderedDict()
        self._shunned = Shunned()
        self._limiters: dict[Limit, Limiter] = {}

    async def set_admission(self, slug: str, admission: Admission) -> None:
        """See Commons."""
        self._admission[slug] = admission
        if admission == Admission():
            del self._admission[slug]

    async def admission(self, slug: str) -> Admission:
        """See Commons."""
        return self._admission.get(slug, Admission())

    async def doors(self) -> Mapping[str, Admission]:
        """See Commons."""
        return dict(self._admission)

    async def caption(
        self,
        key: str,
        text: str,
        *,
        now: float,
        start: float | None = None,
        end: float | None = None,
        name: str = "",
    ) -> Caption:
        """See Commons."""
        return self._written(key).caption(text, now=now, start=start, end=end, name=name)

    async def react(self, key: str, reaction: str, who: str, *, now: float) -> None:
        """See Commons."""
        self._written(key).react(reaction, who, now=now)

    async def live(self, key: str) -> Live:
        """See Commons."""
        return self._live.get(key) or Live()

    async def came(self, key: str, who: str, network: str) -> None:
        """See Commons."""
        self._shunned.came(key, who, network)

    async def shun(self, key: str, who: str, now: float) -> None:
        """See Commons."""
        self._shunned.block(key, who, now)

    async def forgive(self, key: str, who: str) -> None:
        """See Commons."""
        self._shunned.unblock(key, who)

    async def check_network(self, key: str, network: str, now: float) -> None:
        """See Commons."""
        self._shunned.check(key, network, now)

    async def take(self, limit: Limit, who: str, now: float) -> float:
        """See Commons."""
        if limit not in self._limiters:
            self._limiters[limit] = Limiter(limit)
        return self._limiters[limit].wait(who, now)

    def _written(self, key: str) -> Live:
        live = self._live.setdefault(key, Live())
        self._live.move_to_end(key)
        if len(self._live) > MAX_LIVE:
            self._live.popitem(last=False)
        return live
