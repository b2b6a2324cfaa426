"""The life of a space, one rule at a time, on a clock that is moved by hand."""

from dataclasses import replace

import pytest

from paper_stage import ADA, BOB, COHOST, EVE, HOST, JOE, NOW, OTHER, Stage, again, grant
from spacescore.errors import (
    ForbiddenError,
    InvalidRequestError,
    OverloadedError,
    StageFullError,
    StoreError,
    UnauthenticatedError,
    UnknownPeerError,
    WrongMomentError,
)
from spacescore.policy import OPERATOR, Role
from spacescore.rooms.commands import (
    AnswerOffer,
    Block,
    Create,
    Edit,
    End,
    EnterStage,
    GiveRole,
    HandOver,
    LowerHand,
    MakeLink,
    Mute,
    MuteAll,
    OfferStage,
    Open,
    PinLinks,
    RaiseHand,
    Remove,
    RevokeLink,
    Unblock,
    UseLink,
)
from spacescore.rooms.facts import GRACE_SECONDS, Details, Pin, load
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.rules import decide
from spacescore.rooms.standing import Patience, admit
from spacescore.spaces import MAX_PEOPLE, SKEW_SECONDS

PATIENCE = Patience()


@pytest.fixture
def stage() -> Stage:
    return Stage().open()


# A space.


def test_a_space_is_planned_then_open_then_over(stage):
    planned = Stage(starts=int(NOW) + 3600)
    assert planned.room.phase is Phase.PLANNED
    assert planned.do(HOST, Open()) == ["Opened"]
    assert planned.do(HOST, Open()) == []
    assert planned.do(HOST, End()) == ["Ended"]
    assert planned.room.phase is Phase.ENDED
    with pytest.raises(WrongMomentError, match="ended"):
        planned.do(HOST, Open())


def test_a_cohost_opens_and_does_not_end():
    stage = Stage().meet(COHOST)
    assert stage.do(COHOST, Open()) == ["Opened"]
    with pytest.raises(ForbiddenError):
        stage.do(COHOST, End())


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": "x" * 121},
        {"description": "x" * 2001},
        {"description": "\n" * 8001},
        {"topics": ("x",) * 6},
        {"topics": ("x", *[""] * 5)},
        {"topics": ("x" * 33,)},
        {"language": "English, please"},
        {"max_speakers": 0},
        {"max_speakers": 1001},
        {"starts": -1},
        {"starts": int(NOW) + 400 * 86_400},
        {"auto_open": True},
        {"grace": 4},
        {"grace": 901},
        {"keep_days": -1},
        {"keep_days": 3651},
    ],
)
def test_what_a_space_says_of_itself_has_limits(wrong):
    with pytest.raises(InvalidRequestError):
        Stage().do(HOST, Edit(wrong))


def test_what_it_says_is_cleaned_and_may_be_changed(stage):
    changes = {"title": " The\nLaunch ", "topics": (" audio ", ""), "description": "one\n two\x00"}
    assert stage.do(HOST, Edit(changes)) == ["Edited"]
    assert stage.do(HOST, Edit(changes)) == []
    details = stage.room.details
    assert (details.title, details.topics, details.description) == (
        "The Launch",
        ("audio",),
        "one\ntwo",
    )
    with pytest.raises(InvalidRequestError, match="colour"):
        stage.do(HOST, Edit({"colour": "red"}))
    with pytest.raises(WrongMomentError, match="recorded"):
        stage.do(HOST, Edit({"record": False}))


def test_a_planned_space_opens_by_itself_at_its_time_where_it_says_so():
    starts = int(NOW) + 600
    by_hand, by_itself = Stage(starts=starts), Stage(starts=starts, auto_open=True)
    assert by_itself.pass_time(599) == []
    assert by_itself.pass_time(1) == ["Opened"]
    assert by_itself.pass_time(1) == []
    assert by_hand.pass_time(6_000) == []


def test_a_time_that_is_moved_moves_the_opening():
    stage = Stage(starts=int(NOW) + 600, auto_open=True)
    assert stage.do(HOST, Edit({"starts": int(NOW) + 900})) == ["Edited"]
    assert stage.pass_time(899) == []
    assert stage.pass_time(1) == ["Opened"]
    with pytest.raises(InvalidRequestError, match="auto_open"):
        Stage(starts=int(NOW) + 600, auto_open=True).do(HOST, Edit({"starts": 0}))


def test_tokens_from_before_the_name_was_given_up_open_nothing():
    room = Room()
    for fact in decide(room, Create("demo", Details("x"), since=NOW), OPERATOR, NOW):
        room = room.after(fact, NOW)
    with pytest.raises(ForbiddenError, match="earlier"):
        admit(room, grant("host", 9, issued=NOW - 0.5))
    admit(room, grant("host", 9, issued=NOW))


# Hands.


def test_hands_are_raised_in_their_order_and_one_is_let_on_stage(stage):
    stage.do(JOE, RaiseHand())
    stage.now += 1
    stage.do(EVE, RaiseHand())
    assert stage.do(EVE, RaiseHand()) == []
    assert list(stage.room.hands) == [JOE.peer, EVE.peer]
    assert stage.do(HOST, GiveRole(EVE.peer, Role.SPEAKER)) == [
        "HandLowered",
        "RoleGiven",
        "Seated",
    ]
    assert list(stage.room.hands) == [JOE.peer]
    assert stage.role(EVE) is Role.SPEAKER
    assert stage.do(EVE, EnterStage()) == []  # the seat is theirs


def test_a_hand_is_withdrawn_by_its_owner_and_dismissed_by_a_host(stage):
    stage.do(EVE, RaiseHand())
    with pytest.raises(ForbiddenError):
        stage.do(JOE, LowerHand(EVE.peer))
    stage.do(EVE, LowerHand(EVE.peer))
    stage.do(EVE, RaiseHand())  # at once
    stage.do(HOST, LowerHand(EVE.peer))
    with pytest.raises(OverloadedError) as refused:
        stage.do(EVE, RaiseHand())
    assert refused.value.retry_after == PATIENCE.again + 1
    stage.now += PATIENCE.again
    assert stage.do(EVE, RaiseHand()) == ["HandRaised"]


def test_whose_hand_was_dismissed_is_forgotten_when_they_are(stage):
    for who in (EVE, JOE):
        stage.do(who, RaiseHand())
    stage.do(HOST, LowerHand(EVE.peer))
    stage.do(HOST, Remove(EVE.peer))
    stage.do(HOST, LowerHand(JOE.peer))
    assert list(stage.room.dismissed) == [JOE.peer]


def test_who_speaks_needs_no_hand_and_nobody_raises_one_before_the_doors_open(stage):
    with pytest.raises(ForbiddenError):
        stage.do(ADA, RaiseHand())
    with pytest.raises(WrongMomentError, match="not open"):
        Stage().do(EVE, RaiseHand())
    with pytest.raises(UnauthenticatedError):
        stage.do(None, RaiseHand())
    with pytest.raises(ForbiddenError, match="operator"):
        stage.do(OPERATOR, RaiseHand())
    with pytest.raises(ForbiddenError, match="speak"):
        stage.do(grant("listener", 99, can_publish=False), RaiseHand())


def test_a_hand_stays_up_for_half_an_hour(stage):
    stage.do(EVE, RaiseHand())
    assert stage.pass_time(PATIENCE.hand - 1) == []
    assert stage.pass_time(1) == ["HandLowered"]


# Invitations to speak.


def test_an_invitation_is_accepted_or_declined_or_runs_out(stage):
    stage.meet(EVE, JOE)
    for who in (EVE, JOE):
        assert stage.do(HOST, OfferStage(who.peer)) == ["StageOffered"]
        assert stage.do(HOST, OfferStage(who.peer)) == []
    assert stage.do(EVE, AnswerOffer(True)) == ["OfferEnded", "RoleGiven", "Seated"]
    assert stage.do(JOE, AnswerOffer(False)) == ["OfferEnded"]
    assert (stage.role(EVE), stage.role(JOE)) == (Role.SPEAKER, Role.LISTENER)
    stage.do(HOST, OfferStage(JOE.peer))
    assert "OfferEnded" not in stage.pass_time(PATIENCE.offer - 1)
    assert "OfferEnded" in stage.pass_time(1)
    with pytest.raises(WrongMomentError, match="run out"):
        stage.do(JOE, AnswerOffer(True))


def test_nobody_is_put_on_stage_who_did_not_ask(stage):
    stage.meet(EVE)
    with pytest.raises(WrongMomentError, match="invite"):
        stage.do(HOST, GiveRole(EVE.peer, Role.SPEAKER))
    with pytest.raises(WrongMomentError, match="speaker"):
        stage.do(HOST, GiveRole(EVE.peer, Role.COHOST))
    stage.do(EVE, RaiseHand())
    assert "RoleGiven" in stage.do(HOST, OfferStage(EVE.peer))


# Roles.


def test_two_cohosts_and_more_are_made_and_unmade(stage):
    stage.seat(ADA, BOB)
    for who in (ADA, BOB):
        stage.do(HOST, GiveRole(who.peer, Role.COHOST))
    assert [person.peer for person in stage.room.cohosts] == [ADA.peer, BOB.peer]
    with pytest.raises(ForbiddenError):
        stage.do(ADA, GiveRole(BOB.peer, Role.SPEAKER))
    stage.do(HOST, GiveRole(BOB.peer, Role.SPEAKER))
    stage.do(ADA, GiveRole(BOB.peer, Role.LISTENER))
    assert BOB.peer not in stage.room.seats
    with pytest.raises(ForbiddenError):
        stage.do(BOB, EnterStage())  # whatever the token says


def test_anybody_on_stage_may_step_down(stage):
    stage.seat(ADA, COHOST)
    for who in (ADA, COHOST):
        assert stage.do(who, GiveRole(who.peer, Role.LISTENER)) == ["RoleGiven"]
    assert not stage.room.seats


def test_nobody_promotes_themselves(stage):
    stage.seat(ADA, COHOST).meet(EVE)
    stage.do(EVE, RaiseHand())
    for who, role in [(EVE, Role.SPEAKER), (ADA, Role.COHOST), (COHOST, Role.HOST)]:
        with pytest.raises(ForbiddenError):
            stage.do(who, GiveRole(who.peer, role))
    with pytest.raises(ForbiddenError):
        stage.do(COHOST, HandOver(COHOST.peer))


def test_a_seat_for_everybody_up_to_the_limit_and_always_for_those_who_keep_order():
    stage = Stage(max_speakers=13).open()
    stage.seat(*(grant("speaker", peer) for peer in range(100, 113)))
    with pytest.raises(StageFullError, match="13"):
        stage.do(ADA, EnterStage())
    stage.do(EVE, RaiseHand())
    with pytest.raises(StageFullError):
        stage.do(HOST, GiveRole(EVE.peer, Role.SPEAKER))
    stage.seat(HOST, COHOST)
    assert len(stage.room.seats) == 15
    stage.do(HOST, Edit({"max_speakers": 30}))
    stage.do(ADA, EnterStage())


def test_a_seat_is_kept_for_a_minute(stage):
    stage.seat(ADA)
    stage.lose(ADA)
    assert stage.pass_time(1) == ["Disconnected"]
    assert stage.pass_time(PATIENCE.seat - 1) == []
    stage.online.add(ADA.peer)
    assert stage.pass_time(0) == ["Connected"]
    stage.lose(ADA)
    stage.pass_time(1)
    assert stage.pass_time(PATIENCE.seat) == ["LeftStage"]
    assert stage.role(ADA) is Role.SPEAKER
    assert stage.do(ADA, EnterStage()) == ["Seated"]


# Mute.


def test_one_is_muted_and_may_unmute_themselves(stage):
    stage.seat(ADA, COHOST)
    assert stage.do(COHOST, Mute(ADA.peer)) == ["Muted"]
    assert stage.do(COHOST, Mute(ADA.peer)) == []
    assert stage.do(ADA, Mute(ADA.peer, False)) == ["Unmuted"]
    with pytest.raises(ForbiddenError):
        stage.do(ADA, Mute(COHOST.peer))
    with pytest.raises(ForbiddenError):
        stage.do(COHOST, Mute(HOST.peer))


def test_mute_all_leaves_out_oneself_and_whom_one_may_not_mute(stage):
    stage.seat(HOST, COHOST, OTHER, ADA, BOB)
    stage.do(COHOST, MuteAll())
    muted = {peer for peer, person in stage.room.people.items() if person.muted}
    assert muted == {ADA.peer, BOB.peer}
    stage.do(HOST, MuteAll())
    muted = {peer for peer, person in stage.room.people.items() if person.muted}
    assert muted == {ADA.peer, BOB.peer, COHOST.peer, OTHER.peer}
    assert stage.do(OPERATOR, MuteAll()) == ["Muted"]
    with pytest.raises(ForbiddenError):
        stage.do(ADA, MuteAll())


# Remove and block.


def test_who_was_removed_needs_another_token(stage):
    stage.seat(ADA)
    stage.do(COHOST, Remove(ADA.peer))
    assert ADA.peer not in stage.room.seats
    with pytest.raises(ForbiddenError, match="removed"):
        stage.do(ADA, EnterStage())
    assert "Seated" in stage.do(again(ADA, 44), EnterStage())


def test_a_removal_holds_against_every_token_from_before(stage):
    guest = grant("speaker", 40, identity="guest", issued=stage.now)
    drawn = replace(guest, peer=41, issued=stage.now + 5)
    stage.seat(guest, drawn)
    stage.now += 10
    assert stage.do(HOST, Remove(guest.peer)) == ["Removed", "Removed"]
    assert not {40, 41} & stage.room.people.keys()
    others = [again(guest, 42), replace(guest, expires=guest.expires + 90 * 86_400)]
    for seconds in (0, 86_400, 30 * 86_400):
        stage.now += seconds
        for held in (guest, drawn, *others):
            with pytest.raises(ForbiddenError, match="removed"):
                stage.do(held, EnterStage())


def test_a_token_from_after_a_removal_is_a_new_invitation(stage):
    guest = grant("speaker", 40, identity="guest", issued=stage.now)
    stage.seat(guest)
    stage.do(HOST, Remove(guest.peer))
    with pytest.raises(ForbiddenError, match="removed"):  # by a clock that is fast
        stage.do(replace(guest, issued=stage.now + SKEW_SECONDS - 1), EnterStage())
    assert "Seated" in stage.do(replace(guest, issued=stage.now + SKEW_SECONDS), EnterStage())


def test_a_removal_that_was_written_without_an_identity_holds_for_it_all_the_same(stage):
    guest = grant("speaker", 40, identity="guest")
    stage.meet(guest)
    written = load("Removed", '{"peer":40,"until":1}')
    stage.room = stage.room.after(written, stage.now)
    with pytest.raises(ForbiddenError, match="removed"):
        admit(stage.room, again(guest, 41))


def test_nobody_removes_a_listener_who_is_their_better_as_well(stage):
    host = grant("listener", 40, identity=HOST.who)
    stage.meet(host)
    with pytest.raises(ForbiddenError):
        stage.do(COHOST, Remove(40))


def test_who_was_blocked_comes_back_with_no_token_at_all(stage):
    mallory = grant("speaker", 40, identity="mallory")
    stage.seat(mallory)
    stage.do(HOST, Block(mallory.peer))
    for peer in (40, 41):
        with pytest.raises(ForbiddenError, match=r"blocked|removed"):
            stage.do(again(mallory, peer), EnterStage())
        with pytest.raises(ForbiddenError):
            stage.do(again(mallory, peer), RaiseHand())
    assert stage.do(HOST, Unblock("mallory")) == ["Unblocked"]
    assert "Seated" in stage.do(again(mallory, 41), EnterStage())
    assert "Seated" in stage.do(mallory, EnterStage())


def test_hosts_are_removed_by_the_operator_alone(stage):
    stage.seat(HOST, COHOST)
    for who in (COHOST, HOST):
        with pytest.raises(ForbiddenError):
            stage.do(who, Remove(HOST.peer))
    stage.do(OPERATOR, Remove(HOST.peer))
    assert stage.room.host == 0


def test_who_may_not_remove_does_not_learn_who_is_there(stage):
    for peer in (COHOST.peer, 999):
        with pytest.raises(ForbiddenError):
            stage.do(ADA, Remove(peer))
    with pytest.raises(UnknownPeerError):
        stage.do(HOST, Remove(999))


def test_a_number_is_nobody_elses(stage):
    stage.meet(ADA)
    with pytest.raises(ForbiddenError, match="another person"):
        stage.do(grant("host", ADA.peer, identity="mallory"), EnterStage())


# The host.


def test_the_host_hands_over_and_is_a_cohost(stage):
    stage.seat(HOST, ADA)
    with pytest.raises(ForbiddenError):
        stage.do(HOST, HandOver(stage.meet(EVE) and EVE.peer))
    stage.do(HOST, HandOver(ADA.peer))
    assert (stage.room.host, stage.role(ADA), stage.role(HOST)) == (
        ADA.peer,
        Role.HOST,
        Role.COHOST,
    )
    with pytest.raises(ForbiddenError):
        stage.do(HOST, End())
    assert stage.do(ADA, HandOver(HOST.peer)) == ["HostNamed"]


def test_nobody_is_handed_a_space_that_they_have_left(stage):
    stage.seat(HOST, ADA)
    stage.lose(ADA)
    stage.pass_time(1)
    assert stage.pass_time(PATIENCE.seat) == ["LeftStage"]
    with pytest.raises(WrongMomentError, match="on stage"):
        stage.do(HOST, HandOver(ADA.peer))
    assert stage.room.host == HOST.peer
    stage.seat(ADA)
    assert stage.do(HOST, HandOver(ADA.peer)) == ["HostNamed"]


def test_a_planned_space_has_no_stage_and_may_be_handed_over():
    planned = Stage().meet(COHOST)
    assert planned.do(HOST, HandOver(COHOST.peer)) == ["HostNamed"]


def test_a_host_who_is_back_in_time_finds_everything_as_it_was(stage):
    stage.seat(HOST, COHOST)
    stage.lose(HOST)
    assert stage.pass_time(1) == ["Disconnected"]
    assert stage.pass_time(GRACE_SECONDS - 1) == []
    stage.online.add(HOST.peer)
    assert stage.pass_time(1) == ["Connected"]
    assert stage.room.host == HOST.peer


@pytest.mark.parametrize("grace", [5, 900])
def test_a_host_has_as_long_to_come_back_as_the_space_says(grace):
    stage = Stage(grace=grace).open().seat(HOST, COHOST)
    stage.lose(HOST)
    stage.pass_time(0)
    assert stage.pass_time(grace - 1) == []
    assert "HostNamed" in stage.pass_time(1)


def test_when_the_hosts_grace_is_over_the_first_cohost_on_stage_takes_over(stage):
    stage.seat(HOST, COHOST)
    stage.now += 1
    stage.seat(OTHER)
    stage.lose(HOST, COHOST)
    stage.pass_time(1)
    assert stage.pass_time(GRACE_SECONDS) == ["LeftStage", "HostNamed", "LeftStage"]
    assert stage.room.host == OTHER.peer
    assert stage.role(HOST) is Role.COHOST
    assert "Seated" in stage.do(HOST, EnterStage())  # back, and a co-host now


def test_without_a_cohost_the_space_goes_on_and_the_host_may_come_back_late(stage):
    stage.seat(HOST, ADA)
    stage.lose(HOST)
    stage.pass_time(1)
    assert stage.pass_time(10 * GRACE_SECONDS) == []
    assert stage.room.phase is Phase.OPEN
    stage.online.add(HOST.peer)
    assert stage.pass_time(1) == ["Connected"]
    stage.lose(HOST)
    stage.pass_time(1)
    stage.pass_time(GRACE_SECONDS)
    stage.seat(COHOST)  # who comes late takes over late
    assert stage.room.host == COHOST.peer


def test_a_host_who_was_never_on_stage_loses_nothing(stage):
    stage.seat(COHOST)
    stage.pass_time(1_000)
    assert stage.room.host == HOST.peer


# Invite links.


def link(uses: int = 1, role: str = "speaker", name: str = "") -> MakeLink:
    return MakeLink("l1", "d1", Role(role), int(NOW) + 600, uses, name)


def use(peer: int, identity: str = "new", digest: str = "d1") -> UseLink:
    return UseLink(digest, peer, identity, "Somebody")


def test_a_link_lets_in_as_many_as_it_says(stage):
    stage.do(HOST, link(uses=2))
    assert stage.do(None, use(50, "a")) == ["LinkUsed", "Came"]
    assert stage.do(None, use(51, "b")) == ["LinkUsed", "Came"]
    with pytest.raises(ForbiddenError, match="used"):
        stage.do(None, use(52, "c"))


def test_a_personal_link_names_its_guest(stage):
    stage.do(HOST, link(name="Grace"))
    stage.do(None, use(50))
    assert stage.room.people[50].name == "Grace"


def test_a_link_expires_and_is_revoked(stage):
    stage.do(HOST, link())
    with pytest.raises(ForbiddenError, match="wrong"):
        stage.do(None, use(50, digest="d2"))
    stage.do(COHOST, RevokeLink("l1"))
    with pytest.raises(ForbiddenError, match="revoked"):
        stage.do(None, use(50))
    stage.do(HOST, link())
    stage.now += 600
    with pytest.raises(ForbiddenError, match="expired"):
        stage.do(None, use(50))


def test_nobody_makes_a_link_to_their_own_rank_or_above(stage):
    stage.meet(COHOST, ADA)
    for who, role in [(HOST, "host"), (COHOST, "cohost"), (COHOST, "host"), (ADA, "listener")]:
        with pytest.raises(ForbiddenError):
            stage.do(who, link(role=role))
    for wrong in (link(uses=0), MakeLink("l", "d", Role.SPEAKER, int(NOW), 1)):
        with pytest.raises(InvalidRequestError):
            stage.do(HOST, wrong)


def test_a_block_takes_the_personal_link_along_and_leaves_one_for_many(stage):
    stage.do(HOST, link())
    stage.do(HOST, MakeLink("l2", "d2", Role.SPEAKER, int(NOW) + 600, 10))
    stage.do(None, use(50, "a"))
    stage.do(None, use(51, "b", "d2"))
    stage.do(None, use(52, "c", "d2"))
    assert stage.do(HOST, Block(50)) == ["Blocked", "Removed", "LinkRevoked"]
    assert stage.do(HOST, Block(51)) == ["Blocked", "Removed"]
    with pytest.raises(ForbiddenError, match="blocked"):
        stage.do(None, use(60, "b", "d2"))
    assert "LinkRevoked" in stage.do(HOST, Block(52, with_link=True))
    with pytest.raises(ForbiddenError):
        stage.do(None, use(61, "d", "d2"))


# Limits, and the fold.


def test_those_about_whom_nothing_was_decided_are_forgotten_first(stage):
    stage.seat(ADA)
    stage.do(EVE, RaiseHand())
    stage.do(HOST, GiveRole(EVE.peer, Role.SPEAKER))
    stage.seat(BOB)
    stage.do(HOST, GiveRole(BOB.peer, Role.LISTENER))
    stage.meet(*(grant("listener", peer) for peer in range(1000, 1000 + MAX_PEOPLE)))
    assert len(stage.room.people) <= MAX_PEOPLE
    assert stage.role(BOB) is Role.LISTENER  # forgotten, their token would say speaker
    assert {HOST.peer, ADA.peer, EVE.peer} <= set(stage.room.people)


def test_the_same_facts_make_the_same_room(stage):
    stage.seat(HOST, ADA, COHOST)
    stage.do(HOST, link())
    stage.do(None, use(50))
    stage.do(EVE, RaiseHand())
    stage.do(HOST, MuteAll())
    stage.do(HOST, Block(ADA.peer))
    stage.do(HOST, Edit({"topics": ("a", "b")}))
    assert Room.of(stage.history) == stage.room
    assert stage.room.version == len(stage.history)


def test_deciding_changes_nothing(stage):
    before = stage.room
    decide(before, RaiseHand(), EVE, NOW)
    assert before == stage.room
    assert not before.hands


@pytest.mark.parametrize(
    ("kind", "body"), [("Teleported", "{}"), ("Seated", "[]"), ("Seated", "{")]
)
def test_a_fact_of_a_later_version_is_named(kind, body):
    with pytest.raises(StoreError, match=kind):
        load(kind, body)


# Pinned links.

SLIDES = Pin("Slides", "https://example.org/slides?page=2#top")


def test_hosts_pin_a_few_links_and_others_do_not(stage):
    stage.meet(COHOST, ADA, EVE)
    assert stage.do(COHOST, PinLinks((SLIDES,))) == ["Pinned"]
    assert stage.do(HOST, PinLinks((SLIDES,))) == []
    assert Room.of(stage.history).pins == stage.room.pins == (SLIDES,)
    for who in (ADA, EVE):
        with pytest.raises(ForbiddenError):
            stage.do(who, PinLinks(()))
    with pytest.raises(UnauthenticatedError):
        stage.do(None, PinLinks(()))
    assert stage.do(HOST, PinLinks(())) == ["Pinned"]
    assert stage.room.pins == ()


def test_a_pin_without_a_title_shows_where_it_leads(stage):
    stage.do(HOST, PinLinks((Pin(" ", " https://Example.org/x "), Pin("a\nb", SLIDES.url))))
    assert [pin.title for pin in stage.room.pins] == ["example.org", "a b"]
    assert stage.room.pins[0].url == "https://Example.org/x"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.org",
        "javascript:alert(1)",
        "//example.org",
        "https://",
        "https:///x",
        "https://localhost/x",
        "https://user:pass@example.org",
        "https://example.org@evil.example/",
        "https://example.org:port/",
        "https://example.org/\u202egpj.exe",
        "https://exämple.org",
        'https://example.org/"><script>',
        "https://example.org/a b",
        "https://example.org/" + "x" * 500,
    ],
)
def test_what_misleads_is_not_pinned(stage, url):
    with pytest.raises(InvalidRequestError):
        stage.do(HOST, PinLinks((Pin("x", url),)))
    with pytest.raises(InvalidRequestError, match="at most 5"):
        stage.do(HOST, PinLinks((SLIDES,) * 6))
