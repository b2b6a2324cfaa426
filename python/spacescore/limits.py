"""How often who may ask: a token bucket for each, in a table that does not grow. Pure.

The table forgets who was not seen for longest. Whoever has more addresses than the table has rows
begins anew with each, and meets the limit that all strangers share.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from spacescore.errors import PacedError

__all__ = ["Limit", "Limiter", "TokenBucket"]

MAX_KNOWN = 20_000  # about 6 MB


@dataclass(slots=True)
class TokenBucket:
    """At most `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: float
    _level: float = -1.0
    _seen: float = 0.0

    def take(self, now: float) -> float:
        """Take one. Returns 0.0, or the seconds until there will be one (and takes none)."""
        if self._level < 0:
            self._level, self._seen = self.burst, now
        elapsed = max(0.0, now - self._seen)
        self._level = min(self.burst, self._level + elapsed * self.rate)
        self._seen = now
        if self._level < 1.0:
            return (1.0 - self._level) / self.rate
        self._level -= 1.0
        return 0.0


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: float
    what: str = ""  # is limited: others with the same numbers are other limits


@dataclass(slots=True)
class Limiter:
    """One limit, for each of many."""

    limit: Limit
    max_known: int = MAX_KNOWN
    _buckets: OrderedDict[str, TokenBucket] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, who: str, now: float) -> float:
        """Take one for `who`. Returns 0.0, or the seconds until there will be one."""
        bucket = self._buckets.get(who)
        if bucket is None:
            bucket = self._buckets[who] = TokenBucket(self.limit.rate, self.limit.burst)
            if len(self._buckets) > self.max_known:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(who)
        return bucket.take(now)

    def take(self, who: str, now: float, why: str) -> None:
        """Take one for `who`. Raises PacedError with the sentence `why`."""
        if wait := self.wait(who, now):
            raise PacedError(why, 1 + int(wait))
