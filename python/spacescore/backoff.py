"""When to try again what was refused: after a second, then after twice as long each time. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, field

__all__ = ["LONGEST_SECONDS", "Backoff"]

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0  # people wait, and most refusals cost next to nothing


@dataclass(slots=True)
class Backoff:
    """For each of many things by itself."""

    _tries: dict[str, tuple[float, float]] = field(default_factory=dict)  # when it is due, pause

    def is_due(self, what: str, now: float) -> bool:
        """Whether to try; what was never refused is due."""
        return now >= self._tries.get(what, (0.0, 0.0))[0]

    def refused(self, what: str, now: float) -> float:
        """Note that it was; return in how many seconds it is due again."""
        _, last = self._tries.get(what, (0.0, 0.0))
        pause = min(2 * last, LONGEST_SECONDS) or FIRST_SECONDS
        self._tries[what] = now + pause, pause
        return pause

    def keep_only(self, wanted: Collection[str]) -> None:
        """Forget all others."""
        self._tries = {what: one for what, one in self._tries.items() if what in wanted}
