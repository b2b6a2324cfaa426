"""How often who may ask: a token bucket for each, in a table that does not grow. Pure.

The table forgets who was not seen for longest. Whoever has more addresses than the table has rows
begins anew with each, and meets the limit that all strangers share.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from spacescore.errors import PacedError
from spacescore.policy import TokenBucket

__all__ = ["Limit", "Limiter"]

MAX_KNOWN = 20_000  # about 6 MB


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
