"""What a command comes to: facts, or a refusal that says why.

Who may do what stands in `policy`, who somebody is in `standing`; here stands when it has a sense,
and what follows. What follows from time alone is in `passing`.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from spacescore.admission import Mode, check_mode
from spacescore.errors import (
    ForbiddenError,
    InvalidRequestError,
    OverloadedError,
    StageFullError,
    WrongMomentError,
)
from spacescore.policy import (
    Action,
    Caller,
    Grant,
    Role,
    may,
    require,
)
from spacescore.rooms import commands, facts, passing, pins
from spacescore.rooms.commands import Command
from spacescore.rooms.details import check_details
from spacescore.rooms.facts import Details, Fact
from spacescore.rooms.lifetime import MAX_TTL_SECONDS, begin, expiry
from spacescore.rooms.room import Link, Person, Phase, Room
from spacescore.rooms.standing import Case, Patience, admit
from spacescore.spaces import (
    MAX_NAME_CHARS,
    MAX_PEOPLE,
    check_slug,
    clean_text,
)

__all__ = ["MAX_USES", "decide"]

MAX_HANDS = 500
MAX_LINKS = 500
MAX_BLOCKED = 5_000
MAX_USES = 100_000


def decide(
    room: Room, command: Command, by: Caller, now: float, patience: Patience | None = None
) -> list[Fact]:
    """Return what happens when `by` gives `command` at `now` (Unix seconds).

    No facts: it is so already. Raises ForbiddenError, UnauthenticatedError, and whatever
    else says why not.
    """
    if room.phase is Phase.ENDED:
        raise WrongMomentError("This space has ended.")
    return _RULES[type(command)](Case(room, by, now, patience or Patience()), command)


# The life of a space.


def _create(case: Case, command: commands.Create) -> list[Fact]:
    case.require(Action.CREATE_SPACE)
    if case.room.version:
        raise WrongMomentError("This space is there already.")
    slug = check_slug(command.slug)
    details = check_details(command.details, case.now)
    made: list[Fact] = [
        facts.Created(slug, replace(details, title=details.title or slug), command.since)
    ]
    if command.host:
        made += [_came(command.host), facts.HostNamed(command.host.peer)]
    return made


def _edit(case: Case, command: commands.Edit) -> list[Fact]:
    case.require(Action.EDIT)
    known = {each.name for each in fields(Details)}
    if unknown := sorted(command.changes.keys() - known):
        raise InvalidRequestError(f"A space has no {unknown[0]}.")
    changed = check_details(replace(case.room.details, **command.changes), case.now)
    changed = replace(changed, title=changed.title or case.room.slug)
    if case.room.phase is not Phase.PLANNED and changed.record != case.room.details.record:
        raise WrongMomentError("Whether it is recorded is settled when a space opens.")
    return [] if changed == case.room.details else [facts.Edited(changed)]


def _open(case: Case, command: commands.Open) -> list[Fact]:
    case.require(Action.OPEN_SPACE)
    return [] if case.room.phase is Phase.OPEN else [facts.Opened()]


def _end(case: Case, command: commands.End) -> list[Fact]:
    case.require(Action.CLOSE_SPACE)
    return [facts.Ended("cancelled" if case.room.phase is Phase.PLANNED else "ended")]


# People and the stage.


def _came(grant: Grant) -> facts.Came:
    name = clean_text(grant.name, MAX_NAME_CHARS) or "Guest"
    return facts.Came(grant.peer, grant.who, name, grant.role, grant.expires, grant.link)


def _meet(case: Case, command: commands.Meet) -> list[Fact]:
    grant = command.grant
    if grant.peer in case.room.people:
        return []
    admit(case.room, grant)
    return [*_make_room(case.room), _came(grant)]


def _make_room(room: Room) -> list[Fact]:
    """Forget the older half of those about whom nothing was decided."""
    if len(room.people) < MAX_PEOPLE:
        return []
    kept = {*room.seats, *room.hands, *room.offers, room.host}
    plain = [
        peer
        for peer, who in room.people.items()
        if peer not in kept and who.role is who.came_as and not who.muted
    ]
    if not plain:
        raise OverloadedError("Too many people are in this space.")
    return [facts.Forgotten(tuple(plain[: len(plain) // 2 + 1]))]


def _require_open(room: Room) -> None:
    if room.phase is not Phase.OPEN:
        raise WrongMomentError("This space is not open yet.")


def _require_seat(room: Room) -> None:
    if len(room.seats) >= room.details.max_speakers:
        seats = room.details.max_speakers
        raise StageFullError(f"All {seats} seats on stage are taken: somebody must step down.")


def _enter_stage(case: Case, command: commands.EnterStage) -> list[Fact]:
    grant, room = case.grant, case.room
    case.require(Action.SPEAK)
    _require_open(room)
    if not grant.can_publish:
        raise ForbiddenError("This token does not allow to speak.")
    if grant.peer in room.seats:
        return []
    role = case.rank
    if role not in (Role.HOST, Role.COHOST):  # whoever keeps order is never kept out
        _require_seat(room)
    found = _meet(case, commands.Meet(grant))
    if role is Role.HOST and not room.host:
        found.append(facts.HostNamed(grant.peer))
    return [*found, facts.Seated(grant.peer)]


def _raise_hand(case: Case, command: commands.RaiseHand) -> list[Fact]:
    grant, room = case.grant, case.room
    if grant.peer in room.hands:
        return []
    require(case.rank, Action.ASK_TO_SPEAK, itself=True)
    _require_open(room)
    if not grant.can_publish:
        raise ForbiddenError("This token does not allow to speak.")
    wait = room.dismissed.get(grant.peer, 0.0) + case.patience.again - case.now
    if wait > 0:
        raise OverloadedError("Your hand was just lowered: wait a little.", int(wait) + 1)
    if len(room.hands) >= MAX_HANDS:
        raise OverloadedError("Very many want to speak: try again later.", 30)
    return [*_meet(case, commands.Meet(grant)), facts.HandRaised(grant.peer)]


def _lower_hand(case: Case, command: commands.LowerHand) -> list[Fact]:
    case.person(command.peer, Action.LOWER_HAND)
    if command.peer not in case.room.hands:
        return []
    own = isinstance(case.by, Grant) and case.by.peer == command.peer
    return [facts.HandLowered(command.peer, "withdrawn" if own else "dismissed")]


def _offer_stage(case: Case, command: commands.OfferStage) -> list[Fact]:
    case.person(command.peer, Action.OFFER_STAGE)
    _require_open(case.room)
    if command.peer in case.room.hands:
        return _let_speak(case.room, command.peer)
    return [] if command.peer in case.room.offers else [facts.StageOffered(command.peer)]


def _let_speak(room: Room, peer: int) -> list[Fact]:
    """Give a listener the role and a seat, which is kept for them to connect."""
    _require_seat(room)
    ended: list[Fact] = [facts.HandLowered(peer, "granted")] if peer in room.hands else []
    if peer in room.offers:
        ended.append(facts.OfferEnded(peer, "accepted"))
    return [*ended, facts.RoleGiven(peer, Role.SPEAKER), facts.Seated(peer)]


def _answer_offer(case: Case, command: commands.AnswerOffer) -> list[Fact]:
    peer = case.grant.peer
    require(case.rank, Action.ANSWER_OFFER, itself=True)
    if peer not in case.room.offers:
        raise WrongMomentError("There is no invitation to answer, or it has run out.")
    if not command.accept:
        return [facts.OfferEnded(peer, "declined")]
    return _let_speak(case.room, peer)


def _give_role(case: Case, command: commands.GiveRole) -> list[Fact]:
    ranks = list(Role)
    known = case.room.people.get(command.peer)
    if known and ranks.index(command.role) > ranks.index(known.role):
        return _promote(case, known, command.role)
    person = case.person(command.peer, Action.DEMOTE)
    return [] if person.role is command.role else [facts.RoleGiven(person.peer, command.role)]


def _promote(case: Case, person: Person, role: Role) -> list[Fact]:
    case.require(Action.PROMOTE, role)
    if person.role is Role.SPEAKER:
        return [facts.RoleGiven(person.peer, role)]
    if role is not Role.SPEAKER:
        raise WrongMomentError("Only a speaker can be made a co-host.")
    if person.peer not in case.room.hands:
        raise WrongMomentError("They have not asked to speak: invite them.")
    return _let_speak(case.room, person.peer)


def _mute(case: Case, command: commands.Mute) -> list[Fact]:
    person = case.person(command.peer, Action.MUTE if command.muted else Action.UNMUTE)
    if person.muted == command.muted:
        return []
    return [facts.Muted(person.peer) if command.muted else facts.Unmuted(person.peer)]


def _mute_all(case: Case, command: commands.MuteAll) -> list[Fact]:
    case.require(Action.MUTE_ALL)
    rank, own = case.rank, case.by.peer if isinstance(case.by, Grant) else 0
    assert rank is not None  # noqa: S101  (strangers were refused above)
    on_stage = (case.room.people[peer] for peer in case.room.seats if peer in case.room.people)
    return [
        facts.Muted(who.peer)
        for who in on_stage
        if who.peer != own and not who.muted and may(rank, Action.MUTE, who.role)
    ]


def _remove(case: Case, command: commands.Remove) -> list[Fact]:
    return _send_away(case, case.person(command.peer, Action.REMOVE), Action.REMOVE)


def _send_away(case: Case, person: Person, action: Action) -> list[Fact]:
    """Remove everybody of the same identity: they are one person with several tokens."""
    same = [who for who in case.room.people.values() if who.identity == person.identity]
    return [facts.Removed(case.person(who.peer, action).peer, person.identity) for who in same]


def _block(case: Case, command: commands.Block) -> list[Fact]:
    person = case.person(command.peer, Action.BLOCK)
    if len(case.room.blocked) >= MAX_BLOCKED:
        raise OverloadedError("Too many people are blocked in this space.", 60)
    found: list[Fact] = [facts.Blocked(person.identity, person.name)]
    found += _send_away(case, person, Action.BLOCK)
    link = case.room.links.get(person.link)
    if link and (link.uses == 1 or command.with_link):
        found.append(facts.LinkRevoked(person.link))
    return found


def _unblock(case: Case, command: commands.Unblock) -> list[Fact]:
    case.require(Action.BLOCK, Role.LISTENER)
    known = command.identity in case.room.blocked
    return [facts.Unblocked(command.identity)] if known else []


def _hand_over(case: Case, command: commands.HandOver) -> list[Fact]:
    person = case.person(command.peer, Action.HAND_OVER)
    if case.room.phase is Phase.OPEN and person.peer not in case.room.seats:
        raise WrongMomentError("They are not on stage: nobody could end the space then.")
    return [facts.HostNamed(person.peer, "handed over")]


# Invite links.


def _make_link(case: Case, command: commands.MakeLink) -> list[Fact]:
    case.require(Action.ISSUE_TOKEN, command.role)
    if not 1 <= command.uses <= MAX_USES:
        raise InvalidRequestError(f"uses is 1 to {MAX_USES}.")
    if not case.now < command.expires <= begin(case.room, case.now) + MAX_TTL_SECONDS:
        raise InvalidRequestError(f"A link lives 1 to {MAX_TTL_SECONDS} seconds.")
    stale = [
        facts.LinkRevoked(name)
        for name, link in case.room.links.items()
        if link.expires <= case.now
    ]
    if len(case.room.links) - len(stale) >= MAX_LINKS:
        raise OverloadedError("This space has too many invite links: revoke some.", 60)
    name = clean_text(command.name, MAX_NAME_CHARS)
    made = facts.LinkMade(
        command.link, command.digest, command.role, command.expires, command.uses, name
    )
    return [*stale, made]


def _use_link(case: Case, command: commands.UseLink) -> list[Fact]:
    found = [
        (name, link) for name, link in case.room.links.items() if link.digest == command.digest
    ]
    if not found:
        raise ForbiddenError("This invitation opens nothing: it is wrong, or was revoked.")
    name, link = found[0]
    _require_good(link, case.now)
    grant = Grant(
        case.room.slug,
        link.role,
        command.peer,
        link.name or command.name,
        expiry(case.room, case.now),
        command.identity,
        name,
        issued=case.now,
    )
    admit(case.room, grant)
    met = _meet(case, commands.Meet(grant)) if link.role.speaks else []
    return [facts.LinkUsed(name, command.peer), *met]


def _require_good(link: Link, now: float) -> None:
    if link.expires <= now:
        raise ForbiddenError("This invitation has expired: ask for another.")
    if link.used >= link.uses:
        raise ForbiddenError("This invitation has been used: ask for another.")


def _revoke_link(case: Case, command: commands.RevokeLink) -> list[Fact]:
    link = case.room.links.get(command.link)
    case.require(Action.ISSUE_TOKEN, link.role if link else Role.LISTENER)
    return [facts.LinkRevoked(command.link)] if link else []


def _pin_links(case: Case, command: commands.PinLinks) -> list[Fact]:
    case.require(Action.PIN)
    wanted = pins.check_pins(command.pins)
    return [] if wanted == case.room.pins else [facts.Pinned(wanted)]


def _keep_door(case: Case, command: commands.KeepDoor) -> list[Fact]:
    case.require(Action.EDIT)
    mode = check_mode(command.mode, command.seconds)
    return [facts.DoorKept(mode, command.seconds if mode is Mode.PACED else 0.0)]


_RULES: Mapping[type[Command], Callable[[Case, Any], list[Fact]]] = {
    commands.Create: _create,
    commands.Edit: _edit,
    commands.Open: _open,
    commands.End: _end,
    commands.Meet: _meet,
    commands.EnterStage: _enter_stage,
    commands.RaiseHand: _raise_hand,
    commands.LowerHand: _lower_hand,
    commands.OfferStage: _offer_stage,
    commands.AnswerOffer: _answer_offer,
    commands.GiveRole: _give_role,
    commands.Mute: _mute,
    commands.MuteAll: _mute_all,
    commands.Remove: _remove,
    commands.Block: _block,
    commands.Unblock: _unblock,
    commands.HandOver: _hand_over,
    commands.MakeLink: _make_link,
    commands.UseLink: _use_link,
    commands.RevokeLink: _revoke_link,
    commands.PinLinks: _pin_links,
    commands.KeepDoor: _keep_door,
    commands.Note: passing.note,
}
