"""Who is there, as everybody may see it: never more than a few, however many listen. Pure.

Listeners are a number, and a sample of those who took part by name: who raised a hand or came from
the stage, and whose page is still heard of. Who only listens is nobody's business. The sample is
the same for everybody, in the order of their coming, and changes only when somebody comes or goes.
"""

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice

from spacescore.rooms.room import Person, Room

__all__ = ["Seen", "called", "sample"]

SAMPLED = 24
MAX_CALLED = 50
SEEN_SECONDS = 180.0  # the page of who only listens asks once in a minute, where it asks seldom
MAX_SEEN = 20_000


class Seen:
    """Who has asked this node what they are in a space, and when last."""

    def __init__(self) -> None:
        self._at: OrderedDict[tuple[str, int], float] = OrderedDict()

    def note(self, slug: str, peer: int, now: float) -> None:
        """They are there."""
        self._at[slug, peer] = now
        self._at.move_to_end((slug, peer))
        if len(self._at) > MAX_SEEN:
            self._at.popitem(last=False)

    def is_here(self, slug: str, peer: int, now: float) -> bool:
        """Whether they were there lately."""
        return now - self._at.get((slug, peer), float("-inf")) < SEEN_SECONDS


def sample(room: Room, is_here: Callable[[int], bool], listeners: int) -> list[Person]:
    """Return some of so many listeners: the last few who took part by name, oldest first."""
    if not room.details.show_names:
        return []
    known = (who for who in reversed(list(room.people.values())) if not who.role.speaks)
    here = (who for who in known if is_here(who.peer))
    return list(islice(here, min(SAMPLED, listeners)))[::-1]


def called(room: Room) -> list[int]:
    """Return who is to ask what they are now: invited to speak, let on stage and not there, or,
    the latest first, sent away.

    So whoever else waits with a token needs not ask at all.
    """
    let_on = (peer for peer in room.seats if not room.is_here(peer))
    sent_away = (peer for peer in reversed(room.sent_away) if peer not in room.people)
    return list(islice(dict.fromkeys([*room.offers, *let_on, *sent_away]), MAX_CALLED))
