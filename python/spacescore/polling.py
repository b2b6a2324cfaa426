"""How long pages wait before they ask again: the service says so, as it can bear it. Pure.

Nobody counts those who only look: a page that waits for its turn, or for the beginning, has no
connection. What can be seen is the strain that all of them are. So the pace is a control loop as
TCP's: under strain it slows down at once, in proportion, and it recovers a little each second. It
needs to know neither how many there are nor whether a cache answers for the service.

What is known beforehand goes before what is felt: listeners are counted, so their pace is that at
which all of them together are no burden to a cache either; and who waits for something that has a
time needs not ask before it comes near.
"""

from dataclasses import dataclass

from spacescore.errors import InvalidRequestError

__all__ = ["Bounds", "Pacing", "Strain", "live_pace", "next_pace", "pace_of"]

# What a node bears with ease, and slows its pages down above.
ASKS_PER_SECOND = 500.0  # a fifth of what a core answers, sockets and all
LAG_SECONDS = 0.1  # of the event loop
LATE_SHARE = 0.05  # of the ticks of media, those late by more than 10 ms
SLOWER, EASED = 2.0, 0.95  # at most so much slower at a time, so much faster a second
# What a cache in front bears with ease, from all listeners of one space together.
CACHED_ASKS_PER_SECOND = 10_000.0
CROWD_SECONDS = 5.0  # at least, where a crowd of any size may wait
EARLY = 20.0  # who waits for a time asks so many times until it comes, and more often in the end
LIVE_SHARE, LIVE_SECONDS = 4.0, 1.0  # captions are asked for so much more often, not below
LIVELY_SECONDS = 60.0  # after the last of them or of the applause: speech has its pauses
LONGEST_SECONDS = 3_600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """The shortest and the longest pace, in seconds. Raises InvalidRequestError."""

    least: float = 2.0
    most: float = 20.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.least <= self.most <= LONGEST_SECONDS:
            raise InvalidRequestError(
                f"pages wait 1 to {LONGEST_SECONDS:.0f} seconds, and the shortest pace is "
                f"not over the longest: not {self.least:g} to {self.most:g}."
            )

    def clamp(self, seconds: float) -> float:
        """Return what is within."""
        return min(max(seconds, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Strain:
    """What a node bears now."""

    asked: float = 0.0  # requests a second that reached it
    lag: float = 0.0  # seconds by which its event loop is late
    late: float = 0.0  # the share of its ticks of media that are late

    @property
    def level(self) -> float:
        """1.0: as much as it bears with ease."""
        return max(self.asked / ASKS_PER_SECOND, self.lag / LAG_SECONDS, self.late / LATE_SHARE)


def next_pace(pace: float, strain: Strain, seconds: float, bounds: Bounds) -> float:
    """Return the pace that follows one which was told for so long, under that strain."""
    return bounds.clamp(pace * min(max(strain.level, EASED**seconds), SLOWER))


def pace_of(
    felt: float, bounds: Bounds, *, listeners: int = 0, until: float | None = None
) -> float:
    """Return in how many seconds the pages of one space are to ask again.

    felt: what strain has made of it (`next_pace`). until: seconds to what a crowd waits for, 0
    where it may come at any moment; None where nobody waits.
    """
    waiting = 0.0 if until is None else max(CROWD_SECONDS, until / EARLY)
    return round(bounds.clamp(max(felt, listeners / CACHED_ASKS_PER_SECOND, waiting)), 1)


def live_pace(pace: float, *, still: float) -> float:
    """Return when those who listen are to ask again for captions and reactions, in seconds.

    still: seconds since there was one. Most rooms have none: they ask as for the rest.
    """
    return pace if still > LIVELY_SECONDS else round(max(pace / LIVE_SHARE, LIVE_SECONDS), 1)


class Pacing:
    """The loop of one node. Whoever answers requests counts them in `asked`."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.asked = 0
        self.felt = self.bounds.least
        self._lag = 0.0
        self._asked, self._told = 0.0, self.felt  # means over about one pace
        self._looked: float | None = None
        self._ticks = self._late = 0

    def note_lag(self, seconds: float) -> None:
        """Note how late the event loop was; the worst of a second counts."""
        self._lag = max(self._lag, seconds)

    def is_due(self, now: float) -> bool:
        """Whether a second has gone by since the last look, or the clock went back."""
        return self._looked is None or not 0 <= now - self._looked < 1.0

    def look(self, now: float, *, ticks: int, late: int) -> None:
        """Take one turn of the loop. ticks, late: as the media core has counted them so far."""
        if self._looked is not None and now > self._looked:
            seconds = now - self._looked
            share = (late - self._late) / max(ticks - self._ticks, 1)
            strain = Strain(self._foreseen(seconds), self._lag, share)
            self.felt = next_pace(self.felt, strain, seconds, self.bounds)
        self._looked, self._ticks, self._late = now, ticks, late
        self.asked, self._lag = 0, 0.0

    def _foreseen(self, seconds: float) -> float:
        """Return how often pages will ask, once all of them have heard the latest pace.

        Who asks now waited as long as was told one pace ago, and who came together asks together:
        so both are means over a round.
        """
        weight = min(seconds / self.felt, 1.0)
        self._asked += weight * (self.asked / seconds - self._asked)
        self._told += weight * (self.felt - self._told)
        return self._asked * self._told / self.felt

    def pace(self, *, listeners: int = 0, until: float | None = None) -> float:
        """See `pace_of`."""
        return pace_of(self.felt, self.bounds, listeners=listeners, until=until)
