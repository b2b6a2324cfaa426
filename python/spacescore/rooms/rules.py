"""What a command comes to: facts, or a refusal that says why.

Who may do what stands in `policy`; here stands when it has a sense, and what follows. The
role of a person is what the space has made of them, and what their token says only as long
as nothing was decided about them: a demotion outlives the token that came before it.

`Note` is where time works: spaces open, hands and invitations run out, seats of the
disconnected are given back, and a co-host on stage takes over when the host's grace is over.
Without one the space goes on as it is.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from spacescore.admission import Mode, check_mode
from spacescore.errors import (
    BlockedError,
    ForbiddenError,
    InvalidRequestError,
    OverloadedError,
    RemovedError,
    StageFullError,
    UnauthenticatedError,
    UnknownPeerError,
    WrongMomentError,
)
from spacescore.policy import (
    Action,
    Caller,
    Grant,
    Operator,
    Rank,
    Role,
    may,
    require,
    require_space,
)
from spacescore.rooms import commands, facts, pins
from spacescore.rooms.commands import Command
from spacescore.rooms.facts import Details, Fact, Visibility
from spacescore.rooms.room import Link, Person, Phase, Room
from spacescore.spaces import (
    MAX_NAME_CHARS,
    MAX_PEOPLE,
    MAX_TITLE_CHARS,
    SKEW_SECONDS,
    check_slug,
    clean_text,
)

__all__ = [
    "Patience",
    "admit",
    "check_details",
    "decide",
    "is_due",
    "rank_of",
    "require_listener",
]

MAX_HANDS = 500
MAX_LINKS = 500
MAX_BLOCKED = 5_000
MAX_DESCRIPTION_CHARS = 2_000
MAX_RAW_DESCRIPTION_CHARS = 8_000  # with what cannot be seen
MAX_TOPICS, MAX_TOPIC_CHARS = 5, 32
MAX_SEATS = 1_000
MAX_USES = 100_000
MAX_AHEAD_SECONDS = 366 * 86_400
MIN_GRACE, MAX_GRACE = 5, 900  # a phone that changes networks takes seconds
MAX_LINK_SECONDS = 30 * 86_400
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for whom, in seconds."""

    seat: float = 60.0  # for anybody on stage but the host, and for who was let on it
    offer: float = 120.0  # for an answer to an invitation
    hand: float = 1_800.0  # a hand stays up
    again: float = 30.0  # after a hand was dismissed


@dataclass(frozen=True, slots=True)
class _Case:
    """One command before the rules."""

    room: Room
    by: Caller
    now: float
    patience: Patience

    @property
    def rank(self) -> Rank | None:
        return rank_of(self.room, self.by, self.now)

    @property
    def grant(self) -> Grant:
        """Whoever acts for themselves, and has a voice or might get one."""
        if self.by is None:
            raise UnauthenticatedError("A bearer token is needed to take part.")
        if isinstance(self.by, Operator):
            raise ForbiddenError("The operator's key is nobody in a space: issue a token.")
        admit(self.room, self.by, self.now)
        return self.by

    def require(self, action: Action, target: Role | None = None) -> None:
        require(self.rank, action, target)

    def person(self, peer: int, action: Action) -> Person:
        """Return to whom `action` is done, where it may be done to them.

        Who may not do it to anybody does not learn who is there.
        """
        rank, who = self.rank, self.room.people.get(peer)
        itself = isinstance(self.by, Grant) and self.by.peer == peer
        may_itself = itself and rank is not None and may(rank, action, itself=True)
        may_others = rank is not None and any(may(rank, action, role) for role in Role)
        if not may_itself and not may_others:
            require(rank, action, itself=itself)
        if who is None:
            raise UnknownPeerError("There is nobody of that number in this space.")
        if not may_itself:
            require(rank, action, who.role)
        return who


def decide(
    room: Room, command: Command, by: Caller, now: float, patience: Patience | None = None
) -> list[Fact]:
    """Return what happens when `by` gives `command` at `now` (Unix seconds).

    No facts: it is so already. Raises ForbiddenError, UnauthenticatedError, and whatever
    else says why not.
    """
    if room.phase is Phase.ENDED:
        raise WrongMomentError("This space has ended.")
    return _RULES[type(command)](_Case(room, by, now, patience or Patience()), command)


def rank_of(room: Room, by: Caller, now: float) -> Rank | None:
    """Return what `by` is in this space. Raises ForbiddenError for those kept out."""
    if not isinstance(by, Grant):
        return by
    admit(room, by, now)
    known = room.people.get(by.peer)
    return known.role if known else by.role


def admit(room: Room, grant: Grant, now: float) -> None:
    """Return if the holder of `grant` is let in. Raises ForbiddenError."""
    require_space(grant, room.slug)
    known = room.people.get(grant.peer)
    if grant.who in room.blocked:
        raise BlockedError("The host has blocked you from this space.")
    if room.removed.get(grant.peer, 0) > now:
        raise RemovedError("The host has removed you from this space.")
    if known and known.identity != grant.who:
        raise ForbiddenError("This token's number is another person's here.")
    if grant.issued < room.since:
        raise ForbiddenError("This token was for an earlier space of the same name.")


def require_listener(room: Room, by: Caller, now: float) -> Grant | None:
    """Return who listens by name, or nobody. Raises where a token is needed, or no good."""
    if isinstance(by, Grant):
        admit(room, by, now)
        return by
    if by is None and room.details.visibility is Visibility.INVITE:
        raise UnauthenticatedError("This space is by invitation: a bearer token is needed.")
    return None


def is_due(details: Details, now: float) -> bool:
    """Whether a planned space is to open by itself now."""
    return details.auto_open and now >= details.starts


def check_details(details: Details, now: float) -> Details:
    """Return clean details. Raises InvalidRequestError."""
    text = "\n".join(
        clean_text(line, MAX_DESCRIPTION_CHARS)
        for line in details.description[:MAX_RAW_DESCRIPTION_CHARS].splitlines()
    )
    topics = tuple(filter(None, (clean_text(each, MAX_TOPIC_CHARS) for each in details.topics)))
    raw = len(details.description)
    if len(text) > MAX_DESCRIPTION_CHARS or raw > MAX_RAW_DESCRIPTION_CHARS:
        raise InvalidRequestError(f"description has at most {MAX_DESCRIPTION_CHARS} characters.")
    if len(details.topics) > MAX_TOPICS:
        raise InvalidRequestError(f"A space has at most {MAX_TOPICS} topics.")
    if details.language and not _LANGUAGE.fullmatch(details.language):
        raise InvalidRequestError("language is a tag such as en or pt-BR.")
    if not 1 <= details.max_speakers <= MAX_SEATS:
        raise InvalidRequestError(f"max_speakers is 1 to {MAX_SEATS}.")
    if details.starts and not 0 <= details.starts <= now + MAX_AHEAD_SECONDS:
        raise InvalidRequestError("starts is a time in Unix seconds, within a year from now.")
    if details.auto_open and not details.starts:
        raise InvalidRequestError("auto_open needs starts: the time at which it opens by itself.")
    if not MIN_GRACE <= details.grace <= MAX_GRACE:
        raise InvalidRequestError(f"grace is {MIN_GRACE} to {MAX_GRACE} seconds.")
    title = clean_text(details.title, MAX_TITLE_CHARS)
    return replace(details, title=title, description=text.strip(), topics=topics)


# The life of a space.


def _create(case: _Case, command: commands.Create) -> list[Fact]:
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


def _edit(case: _Case, command: commands.Edit) -> list[Fact]:
    case.require(Action.EDIT)
    known = {each.name for each in fields(Details)}
    if unknown := sorted(command.changes.keys() - known):
        raise InvalidRequestError(f"A space has no {unknown[0]}.")
    changed = check_details(replace(case.room.details, **command.changes), case.now)
    changed = replace(changed, title=changed.title or case.room.slug)
    if case.room.phase is not Phase.PLANNED and changed.record != case.room.details.record:
        raise WrongMomentError("Whether it is recorded is settled when a space opens.")
    return [] if changed == case.room.details else [facts.Edited(changed)]


def _open(case: _Case, command: commands.Open) -> list[Fact]:
    case.require(Action.OPEN_SPACE)
    return [] if case.room.phase is Phase.OPEN else [facts.Opened()]


def _end(case: _Case, command: commands.End) -> list[Fact]:
    case.require(Action.CLOSE_SPACE)
    return [facts.Ended("cancelled" if case.room.phase is Phase.PLANNED else "ended")]


# People and the stage.


def _came(grant: Grant) -> facts.Came:
    name = clean_text(grant.name, MAX_NAME_CHARS) or "Guest"
    return facts.Came(grant.peer, grant.who, name, grant.role, grant.expires, grant.link)


def _meet(case: _Case, command: commands.Meet) -> list[Fact]:
    grant = command.grant
    if grant.peer in case.room.people:
        return []
    admit(case.room, grant, case.now)
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


def _enter_stage(case: _Case, command: commands.EnterStage) -> list[Fact]:
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


def _raise_hand(case: _Case, command: commands.RaiseHand) -> list[Fact]:
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


def _lower_hand(case: _Case, command: commands.LowerHand) -> list[Fact]:
    case.person(command.peer, Action.LOWER_HAND)
    if command.peer not in case.room.hands:
        return []
    own = isinstance(case.by, Grant) and case.by.peer == command.peer
    return [facts.HandLowered(command.peer, "withdrawn" if own else "dismissed")]


def _offer_stage(case: _Case, command: commands.OfferStage) -> list[Fact]:
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


def _answer_offer(case: _Case, command: commands.AnswerOffer) -> list[Fact]:
    peer = case.grant.peer
    require(case.rank, Action.ANSWER_OFFER, itself=True)
    if peer not in case.room.offers:
        raise WrongMomentError("There is no invitation to answer, or it has run out.")
    if not command.accept:
        return [facts.OfferEnded(peer, "declined")]
    return _let_speak(case.room, peer)


def _give_role(case: _Case, command: commands.GiveRole) -> list[Fact]:
    ranks = list(Role)
    known = case.room.people.get(command.peer)
    if known and ranks.index(command.role) > ranks.index(known.role):
        return _promote(case, known, command.role)
    person = case.person(command.peer, Action.DEMOTE)
    return [] if person.role is command.role else [facts.RoleGiven(person.peer, command.role)]


def _promote(case: _Case, person: Person, role: Role) -> list[Fact]:
    case.require(Action.PROMOTE, role)
    if person.role is Role.SPEAKER:
        return [facts.RoleGiven(person.peer, role)]
    if role is not Role.SPEAKER:
        raise WrongMomentError("Only a speaker can be made a co-host.")
    if person.peer not in case.room.hands:
        raise WrongMomentError("They have not asked to speak: invite them.")
    return _let_speak(case.room, person.peer)


def _mute(case: _Case, command: commands.Mute) -> list[Fact]:
    person = case.person(command.peer, Action.MUTE if command.muted else Action.UNMUTE)
    if person.muted == command.muted:
        return []
    return [facts.Muted(person.peer) if command.muted else facts.Unmuted(person.peer)]


def _mute_all(case: _Case, command: commands.MuteAll) -> list[Fact]:
    case.require(Action.MUTE_ALL)
    rank, own = case.rank, case.by.peer if isinstance(case.by, Grant) else 0
    assert rank is not None  # noqa: S101  (strangers were refused above)
    on_stage = (case.room.people[peer] for peer in case.room.seats if peer in case.room.people)
    return [
        facts.Muted(who.peer)
        for who in on_stage
        if who.peer != own and not who.muted and may(rank, Action.MUTE, who.role)
    ]


def _remove(case: _Case, command: commands.Remove) -> list[Fact]:
    person = case.person(command.peer, Action.REMOVE)
    return [_removed(person, case.now)]


def _removed(person: Person, now: float) -> facts.Removed:
    return facts.Removed(person.peer, max(person.expires, int(now)) + SKEW_SECONDS)


def _block(case: _Case, command: commands.Block) -> list[Fact]:
    person = case.person(command.peer, Action.BLOCK)
    if len(case.room.blocked) >= MAX_BLOCKED:
        raise OverloadedError("Too many people are blocked in this space.", 60)
    found: list[Fact] = [facts.Blocked(person.identity, person.name)]
    for same in [who for who in case.room.people.values() if who.identity == person.identity]:
        case.person(same.peer, Action.BLOCK)
        found.append(_removed(same, case.now))
    link = case.room.links.get(person.link)
    if link and (link.uses == 1 or command.with_link):
        found.append(facts.LinkRevoked(person.link))
    return found


def _unblock(case: _Case, command: commands.Unblock) -> list[Fact]:
    case.require(Action.BLOCK, Role.LISTENER)
    known = command.identity in case.room.blocked
    return [facts.Unblocked(command.identity)] if known else []


def _hand_over(case: _Case, command: commands.HandOver) -> list[Fact]:
    person = case.person(command.peer, Action.HAND_OVER)
    return [facts.HostNamed(person.peer, "handed over")]


# Invite links.


def _make_link(case: _Case, command: commands.MakeLink) -> list[Fact]:
    case.require(Action.ISSUE_TOKEN, command.role)
    if not 1 <= command.uses <= MAX_USES:
        raise InvalidRequestError(f"uses is 1 to {MAX_USES}.")
    if not case.now < command.expires <= case.now + MAX_LINK_SECONDS:
        raise InvalidRequestError(f"A link lives 1 to {MAX_LINK_SECONDS} seconds.")
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


def _use_link(case: _Case, command: commands.UseLink) -> list[Fact]:
    found = [
        (name, link) for name, link in case.room.links.items() if link.digest == command.digest
    ]
    if not found:
        raise ForbiddenError("This invitation opens nothing: it is wrong, or was revoked.")
    name, link = found[0]
    _require_good(link, case.now)
    expires = int(case.now) + command.ttl
    grant = Grant(
        case.room.slug,
        link.role,
        command.peer,
        link.name or command.name,
        expires,
        command.identity,
        name,
        issued=case.now,
    )
    admit(case.room, grant, case.now)
    met = _meet(case, commands.Meet(grant)) if link.role.speaks else []
    return [facts.LinkUsed(name, command.peer), *met]


def _require_good(link: Link, now: float) -> None:
    if link.expires <= now:
        raise ForbiddenError("This invitation has expired: ask for another.")
    if link.used >= link.uses:
        raise ForbiddenError("This invitation has been used: ask for another.")


def _revoke_link(case: _Case, command: commands.RevokeLink) -> list[Fact]:
    link = case.room.links.get(command.link)
    case.require(Action.ISSUE_TOKEN, link.role if link else Role.LISTENER)
    return [facts.LinkRevoked(command.link)] if link else []


def _pin_links(case: _Case, command: commands.PinLinks) -> list[Fact]:
    case.require(Action.PIN)
    wanted = pins.check_pins(command.pins)
    return [] if wanted == case.room.pins else [facts.Pinned(wanted)]


def _keep_door(case: _Case, command: commands.KeepDoor) -> list[Fact]:
    case.require(Action.EDIT)
    mode = check_mode(command.mode, command.seconds)
    return [facts.DoorKept(mode, command.seconds if mode is Mode.PACED else 0.0)]


# Time.


def _note(case: _Case, command: commands.Note) -> list[Fact]:
    if case.room.phase is Phase.PLANNED:
        return [facts.Opened()] if is_due(case.room.details, case.now) else []
    found = [*_run_out(case), *_presence(case.room, command.online)]
    return [*found, *_given_up(case, command.online)]


def _run_out(case: _Case) -> list[Fact]:
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


def _given_up(case: _Case, online: frozenset[int]) -> list[Fact]:
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


_RULES: Mapping[type[Command], Callable[[_Case, Any], list[Fact]]] = {
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
    commands.Note: _note,
}
