"""Who may enter when: the door of a space opens cohort by cohort. Pure.

Every listener belongs to one of 1,000 cohorts: a public ticket's by chance, a personal one's by
signature. A cursor says how many cohorts may enter; it is in `state.json`, which any cache may
keep, so nobody who waits asks the service for anything. Who stands before it is met with silence.

    open      everybody
    closed    nobody yet
    paced     the cursor moves evenly and has passed everybody after so many seconds
    auto      the cursor moves as fast as joins get through: faster while the node keeps up,
              half as fast at once when it does not
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from spacescore.errors import InvalidRequestError

__all__ = [
    "COHORTS",
    "FIRST_PEERS",
    "MAX_SECONDS",
    "MIN_SECONDS",
    "Door",
    "Load",
    "Mode",
    "check_mode",
    "cohort_of",
]

COHORTS = 1_000
FIRST_PEERS = (2**32 - 1) // COHORTS  # numbers from 1 on whose cohort is let in before all others
MIN_SECONDS, MAX_SECONDS = 1, 86_400
# In cohorts a second. The first step of "auto" lets a hundredth in; at its fastest a crowd passes
# in ten seconds, which is a storm by any name.
SLOWEST, FIRST, FASTEST = 0.5, 10.0, 100.0
FASTER, SLOWER = 1.25, 0.5
LONGEST_STEP = 5.0  # seconds: a node that slept lets in no crowd at once
MEAN_SECONDS = 10.0  # over which who waits at an automatic door is told its rate


def cohort_of(peer: int) -> int:
    """Return the cohort of somebody with a number, which is drawn by chance: it stays theirs."""
    return peer * COHORTS >> 32


class Mode(StrEnum):
    """How the door is kept."""

    OPEN = "open"
    CLOSED = "closed"
    PACED = "paced"
    AUTO = "auto"


def check_mode(mode: str, seconds: float) -> Mode:
    """Return a way to keep a door; seconds: of "paced". Raises InvalidRequestError."""
    if mode not in frozenset(Mode):
        raise InvalidRequestError(f"mode is one of {', '.join(Mode)}.")
    if mode == Mode.PACED and not MIN_SECONDS <= seconds <= MAX_SECONDS:
        raise InvalidRequestError(f"seconds is {MIN_SECONDS} to {MAX_SECONDS}.")
    return Mode(mode)


@dataclass(frozen=True, slots=True)
class Load:
    """What a node has counted so far: it does not keep up when either grows."""

    ticks_late: int = 0
    joins_refused: int = 0


@dataclass(slots=True)
class Door:
    """The door of one space."""

    mode: Mode = Mode.OPEN
    cursor: float = float(COHORTS)
    rate: float = 0.0  # cohorts a second
    mean: float = 0.0  # of the rate, over the last seconds: an estimate by it does not jump
    _then: float = 0.0
    _load: Load | None = None

    def keep(self, mode: str, *, now: float, seconds: float = 0.0, passed: float = 0.0) -> None:
        """Keep the door another way; who was let in stays so, unless it is closed.

        seconds: of "paced", and how many it has moved so already. Raises InvalidRequestError.
        """
        checked = check_mode(mode, seconds)
        self.move(now, self._load or Load())
        self.mode = checked
        if self.mode is Mode.OPEN:
            self.cursor = float(COHORTS)
        elif self.mode is Mode.CLOSED or self.cursor >= COHORTS:
            self.cursor = 0.0
        self.rate = {Mode.PACED: COHORTS / (seconds or 1.0), Mode.AUTO: FIRST}.get(self.mode, 0.0)
        self.mean = self.rate
        if self.mode is Mode.PACED:
            self.cursor = min(self.cursor + self.rate * passed, float(COHORTS))

    def move(self, now: float, load: Load) -> int:
        """Move the cursor to where it is now; return how many cohorts may enter."""
        passed = min(max(now - self._then, 0.0), LONGEST_STEP) if self._then else 0.0
        self._then = now
        if self.mode is Mode.AUTO and self._load is not None and passed > 0:
            keeps_up = load == self._load
            pace = FASTER**passed if keeps_up else SLOWER
            self.rate = min(max(self.rate * pace, SLOWEST), FASTEST)
        self._load = load
        self.mean += (self.rate - self.mean) * min(passed / MEAN_SECONDS, 1.0)
        self.cursor = min(self.cursor + self.rate * passed, float(COHORTS))
        return self.admitted

    def noted(self) -> dict[str, float | str]:
        """Return what `of` makes the same door of, after a restart."""
        return {"mode": self.mode, "cursor": self.cursor, "rate": self.rate}

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> Self:
        """Return the door that was noted. Raises ValueError, KeyError, TypeError."""
        cursor, rate = float(noted["cursor"]), float(noted["rate"])
        if not (0 <= cursor <= COHORTS and 0 <= rate < math.inf):
            raise ValueError("no cursor, or no rate")
        return cls(Mode(noted["mode"]), cursor, rate, rate)

    @property
    def admitted(self) -> int:
        """How many cohorts may enter."""
        return int(self.cursor)
