"""What accompanies a space while it is live: captions as they are spoken, and reactions.

Pure and bounded: a page that asks gets the last few captions and a total for each reaction, the
same bytes for everybody, so a cache in front answers a million of them.
"""

import math
from collections import deque
from dataclasses import dataclass, field

from spacescore.errors import InvalidRequestError, OverloadedError
from spacescore.limits import Limit, Limiter, TokenBucket
from spacescore.spaces import clean_text

__all__ = ["REACTIONS", "Caption", "Live"]

REACTIONS = ("👏", "❤️", "😂", "😮", "🎉", "💯")
KEPT_CAPTIONS = 8  # a page that asks every second misses none
MAX_CAPTION_CHARS = 400
MAX_CAPTION_SECONDS = 30.0
PAST_SECONDS, AHEAD_SECONDS = 120.0, 5.0  # speech-to-text is late, and clocks are not one
# Of one space and of one who cheers: a crowd may cheer, nobody may cheer for a crowd.
SPACE_RATE, SPACE_BURST = 500.0, 1_000.0
CHEERS = Limit(2.0, 6.0)


@dataclass(frozen=True, slots=True)
class Caption:
    """A line of text and when it was spoken, in Unix seconds."""

    number: int
    start: float
    end: float
    name: str
    text: str


@dataclass(slots=True)
class Live:
    """One space's."""

    captions: deque[Caption] = field(default_factory=lambda: deque(maxlen=KEPT_CAPTIONS))
    reactions: dict[str, int] = field(default_factory=dict)
    stirred: float = -math.inf  # when the last of either came
    _said: int = 0
    _pace: TokenBucket = field(default_factory=lambda: TokenBucket(SPACE_RATE, SPACE_BURST))
    _paces: Limiter = field(default_factory=lambda: Limiter(CHEERS))

    def caption(
        self, text: str, *, now: float, start: float | None, end: float | None, name: str = ""
    ) -> Caption:
        """Take a line that was spoken from `start` to `end`; now, where nobody says when.

        Raises InvalidRequestError for a line without text, or from another time.
        """
        text = clean_text(text, MAX_CAPTION_CHARS)
        if not text:
            raise InvalidRequestError("A caption needs text.")
        end = now if end is None else end
        start = end if start is None else start
        if not (math.isfinite(start) and math.isfinite(end)):
            raise InvalidRequestError("start and end are Unix times, in seconds.")
        if not 0 <= end - start <= MAX_CAPTION_SECONDS:
            raise InvalidRequestError(f"A caption lasts 0 to {MAX_CAPTION_SECONDS:.0f} seconds.")
        if not now - PAST_SECONDS <= end <= now + AHEAD_SECONDS:
            raise InvalidRequestError(f"A caption is at most {PAST_SECONDS:.0f} seconds late.")
        self._said += 1
        caption = Caption(self._said, start, end, clean_text(name, MAX_CAPTION_CHARS), text)
        self.captions.append(caption)
        self.stirred = now
        return caption

    def react(self, reaction: str, who: str, *, now: float) -> None:
        """Count one, of a person or an address; of nobody known where `who` is "".

        Raises InvalidRequestError, PacedError for who cheers too fast, and OverloadedError.
        """
        if reaction not in REACTIONS:
            raise InvalidRequestError(f"A reaction is one of {' '.join(REACTIONS)}")
        if who:
            self._paces.take(who, now, "That is a lot of applause.")
        if self._pace.take(now):
            raise OverloadedError("That is a lot of applause.", 1)
        self.reactions[reaction] = self.reactions.get(reaction, 0) + 1
        self.stirred = now
