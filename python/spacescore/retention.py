"""How long recordings are kept: as long as their node keeps any, and no longer than a space says.

Nothing of what still grows is deleted. While the books of spaces cannot be read, what they would
say is not known, and the node's word alone counts.
"""

from pathlib import Path

import structlog
from anyio import to_thread

from spacescore.desk import Desk
from spacescore.errors import StoreError, UnknownRecordingError
from spacescore.recordings import STAMP_SECONDS, Recording
from spacescore.shelf import Shelf

__all__ = ["Retention", "kept_days"]

DAY_SECONDS = 86_400.0
_log = structlog.get_logger("spacescore")


def kept_days(node: float, space: int) -> float:
    """Return the shorter of both; 0, for ever, sets no end. Pure."""
    return min(filter(None, (node, space)), default=0.0)


class Retention:
    """Deletes what was kept for long enough."""

    def __init__(self, desk: Desk, days: float) -> None:
        """days: that this node keeps recordings, counted from their end; 0: for ever."""
        self._desk = desk
        self._days = days

    async def expire(self) -> None:
        """Look at each recording once."""
        shelf, spaces = self._desk.shelf, self._desk.engine.spaces
        if shelf is None:
            return
        growing = {Path(space.recording).stem for space in spaces if space.recording}
        for one in await shelf.all():
            if one.id not in growing and await self._is_over(one):
                await _delete(shelf, one)

    async def _is_over(self, one: Recording) -> bool:
        age = (self._desk.clock() - one.began - one.seconds) / DAY_SECONDS
        days = kept_days(self._days, await self._days_of_space(one))
        return bool(days and age > days)

    async def _days_of_space(self, one: Recording) -> int:
        """Return what the space said that was recorded; others of its name may have followed."""
        began = one.began + STAMP_SECONDS
        try:
            head = await self._desk.office.backplane.find_at(one.space, began)
        except StoreError:
            return 0
        return head.details.keep_days if head and not 0 < head.ended < one.began else 0


async def _delete(shelf: Shelf, one: Recording) -> None:
    try:
        await to_thread.run_sync(shelf.recordings.delete, one.id)
    except UnknownRecordingError:  # its host was faster
        return
    shelf.forget()
    _log.info("recording deleted", recording=one.id, reason="kept long enough")
