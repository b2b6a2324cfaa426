"""Until when a token for a space is good: through its evening, whenever that is.

Whoever is invited a week before comes in on the night, so time counts from the planned start, and
leaves room for a start that is moved. A token opens one space and nothing behind its end, so a long
life gives nobody more than the evening. In an open space it is short, and renewed for whoever the
room knows.
"""

from dataclasses import replace

from spacescore.policy import Grant
from spacescore.rooms.details import MAX_AHEAD_SECONDS
from spacescore.rooms.room import Phase, Room

__all__ = ["EVENING_SECONDS", "MAX_LIFE_SECONDS", "MAX_TTL_SECONDS", "begin", "expiry", "renewed"]

EVENING_SECONDS = 12 * 3_600
MAX_TTL_SECONDS = 30 * 86_400  # from the start on
MAX_LIFE_SECONDS = MAX_AHEAD_SECONDS + MAX_TTL_SECONDS


def begin(room: Room, now: float) -> int:
    """Return from when on time counts, in Unix seconds: the start, where that is to come."""
    return int(max(now, room.details.starts if room.phase is Phase.PLANNED else 0))


def expiry(room: Room, now: float) -> int:
    """Return when a token of now expires, where nobody says otherwise."""
    return begin(room, now) + _usual(room)


def renewed(room: Room, grant: Grant, now: float) -> Grant | None:
    """Return the same grant for longer, where the room knows its holder and half of it is over.

    It gives no more than before: what the room has made of somebody is the room's to know.
    """
    expires = expiry(room, now)
    if grant.peer not in room.people or 2 * (expires - grant.expires) < _usual(room):
        return None
    return replace(grant, expires=expires, issued=now)


def _usual(room: Room) -> int:
    return MAX_TTL_SECONDS if room.phase is Phase.PLANNED else EVENING_SECONDS
