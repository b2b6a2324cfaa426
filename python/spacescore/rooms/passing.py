"""Where time works: spaces open, hands and invitations run out, seats of the disconnected are given
back, and a co-host on stage takes over when the host's grace is over. Without one the space goes on
as it is.
"""

from spacescore.rooms import commands, facts
from spacescore.rooms.details import is_due
from spacescore.rooms.facts import Fact
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.standing import Case

__all__ = ["note"]


def note(case: Case, command: commands.Note) -> list[Fact]:
    """Return what time, and who is connected, has made of a space."""
    if case.room.phase is Phase.PLANNED:
        return [facts.Opened()] if is_due(case.room.details, case.now) else []
    found = [*_run_out(case), *_presence(case.room, command.online)]
    return [*found, *_given_up(case, command.online)]


def _run_out(case: Case) -> list[Fact]:
    room, now, patience = case.room, case.now, case.patience
    hands = [
        facts.HandLowered(peer, "expired")
        for peer, at in room.hands.items()
        if now >= at + patience.hand
    ]
    offers = [
        facts.OfferEnded(peer, "expired")
        for peer, at in room.offers.items()
        if now >= at + patience.offer
    ]
    return [*hands, *offers]


def _presence(room: Room, online: frozenset[int]) -> list[Fact]:
    return [
        facts.Connected(peer) if peer in online else facts.Disconnected(peer)
        for peer, absent in room.seats.items()
        if (peer in online) == bool(absent)
    ]


def _given_up(case: Case, online: frozenset[int]) -> list[Fact]:
    """Free the seats of those who did not come back, and find another host."""
    room, now, patience = case.room, case.now, case.patience
    gone: list[Fact] = [
        facts.LeftStage(peer)
        for peer, absent in room.seats.items()
        if peer != room.host and peer not in online and absent and now >= absent + patience.seat
    ]
    lost = room.seats.get(room.host, 0.0)
    if lost and room.host not in online and now >= lost + room.details.grace:
        heirs = [who.peer for who in room.cohosts if who.peer in online and who.peer in room.seats]
        if heirs:
            gone += [facts.HostNamed(heirs[0], "took over"), facts.LeftStage(room.host)]
    return gone
