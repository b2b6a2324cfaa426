"""No sequence of commands lets anybody act beyond their role, nor leaves a room out of order.

What a rank may bring about is written here a second time, from the outside: by the facts
that come of its commands, not by the table that allows them. People draw tokens by the tokens they
have as well, as listeners or for longer: those get nobody further, and back in neither.
"""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from paper_stage import ADA, BOB, COHOST, EVE, HOST, JOE, NOW, OTHER, Stage, grant
from spacescore.errors import SpacescoreError
from spacescore.policy import OPERATOR, Caller, Grant, Role
from spacescore.rooms import commands, facts
from spacescore.rooms.lifetime import expiry, renewed
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.standing import rank_of, require_listener

ORDER = {role: number for number, role in enumerate(Role)} | {OPERATOR: 9, None: -1}
KEEPER = ORDER[Role.COHOST]
TWIN = grant("listener", 8, identity=EVE.who)  # somebody with a second token
HUSHED = grant("speaker", 9, can_publish=False)
PEOPLE: list[Caller] = [
    *(HOST, COHOST, OTHER, ADA, BOB, EVE, JOE, TWIN, HUSHED),
    *(OPERATOR, None, Grant("elsewhere", Role.HOST, 1, "x", int(NOW) + 60)),
]
peers = st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, 9, 50, 99, 100, 101])
roles = st.sampled_from(Role)
codes = st.sampled_from(["a", "b"])
asked = st.one_of(
    st.builds(commands.Edit, st.just({"title": "x"})),
    st.builds(commands.Open),
    st.builds(commands.EnterStage),
    st.builds(commands.RaiseHand),
    st.builds(commands.LowerHand, peers),
    st.builds(commands.OfferStage, peers),
    st.builds(commands.AnswerOffer, st.booleans()),
    st.builds(commands.GiveRole, peers, roles),
    st.builds(commands.Mute, peers, st.booleans()),
    st.builds(commands.MuteAll),
    st.builds(commands.Remove, peers),
    st.builds(commands.Block, peers, st.booleans()),
    st.builds(commands.Unblock, st.sampled_from(["#4", "#6"])),
    st.builds(commands.HandOver, peers),
    st.builds(commands.MakeLink, codes, codes, roles, st.just(int(NOW) + 900), st.just(1)),
    st.builds(commands.UseLink, codes, st.just(50), codes, st.just("x")),
    st.builds(commands.RevokeLink, codes),
    st.just(commands.KeepDoor("closed")),
    st.builds(commands.PinLinks, st.just((facts.Pin("x", "https://example.org"),))),
)
ends = st.builds(commands.End)
draws = st.sampled_from(["introduce", "renew"])
drawn = st.integers(0, 3)  # the token of somebody who has drawn one
own = st.one_of(st.builds(commands.RaiseHand), st.builds(commands.EnterStage))
sending_away = st.builds(commands.Remove, st.sampled_from([ADA.peer, EVE.peer, 100]))
steps = st.lists(
    st.tuples(
        st.one_of(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), drawn),
        st.one_of(*[asked] * 12, *[draws] * 3, ends),
        st.integers(0, 70),
    ),
    max_size=40,
)
rounds = st.one_of(  # of a few who draw, act by what they drew, and are sent away
    st.tuples(st.sampled_from([ADA, EVE]), st.one_of(draws, own), st.integers(0, 70)),
    st.tuples(drawn, st.one_of(draws, own), st.integers(0, 70)),
    st.tuples(st.just(OPERATOR), sending_away, st.integers(0, 70)),
)


class Purses:
    """The tokens that were drawn by tokens, and who was sent away."""

    def __init__(self) -> None:
        self.drawn: list[Grant] = []
        self.sent_away: dict[str, float] = {}

    def who(self, one: Caller | int) -> Caller:
        if isinstance(one, int):
            return self.drawn[one % len(self.drawn)] if self.drawn else None
        return one

    def draw(self, how: str, by: Caller, room: Room, now: float) -> None:
        """As the service does for who is let in."""
        if not isinstance(by, Grant):
            return
        require_listener(room, by)
        self.require_welcome(by)
        if how == "introduce":
            peer = 100 + len(self.drawn) % 3
            further = Grant("demo", Role.LISTENER, peer, "x", expiry(room, now), by.who, issued=now)
            self.drawn.append(further)
        elif longer := renewed(room, replace(by, expires=int(now)), now):
            assert (longer.role, longer.who, longer.peer) == (by.role, by.who, by.peer)
            self.drawn.append(longer)

    def require_welcome(self, by: Caller) -> None:
        """Whoever did something has not been sent away since their token was issued."""
        if isinstance(by, Grant):
            assert by.issued >= self.sent_away.get(by.who, -1.0)

    def note(self, fact: facts.Fact, before: Room, now: float) -> None:
        match fact:
            case facts.Removed(peer):
                self.sent_away[before.people[peer].identity] = now
            case facts.Unblocked(identity):
                self.sent_away.pop(identity, None)


def is_in_order(room: Room) -> None:
    """What holds in every room at any time."""
    for peer in room.seats:
        assert room.people[peer].role.speaks, "a listener on stage"
    for peer in {*room.hands, *room.offers}:
        assert not room.people[peer].role.speaks or peer in room.offers
    assert not room.blocked.keys() & {person.identity for person in room.people.values()}
    assert room.host == 0 or room.people[room.host].role is Role.HOST
    assert all(link.used <= link.uses for link in room.links.values())


def is_allowed(rank, by: Caller, fact, room: Room) -> bool:  # noqa: C901  (a list of cases)
    """Whether a rank may bring this about: nobody does to others what their equals may do."""
    own = isinstance(by, Grant) and getattr(fact, "peer", None) == by.peer
    target = room.people.get(getattr(fact, "peer", 0))
    below = target is not None and ORDER[target.role] < ORDER[rank] and ORDER[rank] >= KEEPER
    match fact:
        case (
            facts.Opened()
            | facts.Edited()
            | facts.Unblocked()
            | facts.LinkRevoked()
            | facts.Pinned()
            | facts.DoorKept()
        ):
            return ORDER[rank] >= KEEPER
        case facts.Ended():
            return ORDER[rank] >= ORDER[Role.HOST]
        case facts.RoleGiven(peer, role) if own:
            return ORDER[role] < ORDER[rank] or (role is Role.SPEAKER and peer in room.offers)
        case facts.RoleGiven(_, role):
            return below and ORDER[role] < ORDER[rank]
        case facts.HostNamed() if own:
            return rank is Role.HOST and room.host == 0
        case facts.HostNamed():
            return ORDER[rank] >= ORDER[Role.HOST]
        case facts.Removed() | facts.StageOffered():
            return below and not own
        case facts.Blocked(identity):
            known = [who for who in room.people.values() if who.identity == identity]
            return ORDER[rank] >= KEEPER and all(ORDER[who.role] < ORDER[rank] for who in known)
        case facts.Muted() | facts.Unmuted():
            return below or (own and ORDER[rank] >= ORDER[Role.SPEAKER])
        case facts.LinkMade(role=role):
            return ORDER[rank] >= KEEPER and ORDER[role] < ORDER[rank]
        case facts.Seated() if own:
            return ORDER[rank] > 0 or fact.peer in room.offers
        case facts.Seated():
            return below and fact.peer in room.hands
        case facts.HandRaised():
            return own and rank is Role.LISTENER
        case facts.HandLowered() | facts.OfferEnded():
            return own or below
        case facts.LinkUsed(link):
            return room.links[link].used < room.links[link].uses
        case facts.Came():
            return own or fact.link in room.links
    return isinstance(fact, facts.Forgotten)


def play(steps) -> None:
    stage, purses = Stage(max_speakers=4).open().meet(COHOST, OTHER), Purses()
    for one, command, seconds in steps:
        stage.now += seconds
        before, length, by = stage.room, len(stage.history), purses.who(one)
        try:
            rank = rank_of(before, by)
        except SpacescoreError:
            rank = "kept out"
        try:
            if isinstance(command, str):
                purses.draw(command, by, before, stage.now)
                continue
            stage.do(by, command)
        except SpacescoreError:
            assert stage.room is before
            continue
        if stage.room is not before and not isinstance(command, commands.UseLink):
            purses.require_welcome(by)
        for fact, _ in stage.history[length:]:
            assert rank != "kept out"
            assert is_allowed(rank, by, fact, before), (rank, by, command, fact)
            purses.note(fact, before, stage.now)
        is_in_order(stage.room)
        if stage.room.phase is Phase.ENDED:
            break
        stage.pass_time(0)
        is_in_order(stage.room)
    assert Room.of(stage.history) == stage.room


@settings(max_examples=400)
@given(steps)
def test_no_sequence_of_commands_lets_anybody_act_beyond_their_role(steps):
    play(steps)


@settings(max_examples=400)
@given(st.lists(rounds, max_size=12))
def test_nobody_who_was_sent_away_comes_back_by_what_they_drew(steps):
    play(steps)
