"""Some of those who listen, as everybody may see them: few, here, and by name."""

import pytest

from paper_stage import BOB, EVE, HOST, JOE, NOW, Stage, grant
from spacescore.policy import OPERATOR, Role
from spacescore.rooms.commands import (
    AnswerOffer,
    Block,
    Edit,
    EnterStage,
    LowerHand,
    Meet,
    OfferStage,
    RaiseHand,
    Remove,
)
from spacescore.roster import MAX_CALLED, MAX_SEEN, SAMPLED, SEEN_SECONDS, Seen, called, sample

CROWD = 100_000


@pytest.fixture
def stage() -> Stage:
    return Stage().open()


def names(stage, *, here=lambda peer: True, listeners=CROWD):
    return [who.name for who in sample(stage.room, here, listeners)]


def meet(stage, count):
    for number in range(count):
        stage.do(None, Meet(grant(Role.LISTENER, 1_000 + number, f"Guest {number}")))


def test_whoever_asked_to_speak_is_shown_and_who_speaks_is_not(stage):
    stage.do(HOST, EnterStage())
    stage.do(EVE, RaiseHand())
    stage.do(EVE, LowerHand(EVE.peer))
    assert names(stage) == [EVE.name]
    stage.do(EVE, RaiseHand())
    stage.do(HOST, OfferStage(EVE.peer))
    assert names(stage) == []


def test_the_last_few_are_shown_in_the_order_of_their_coming_however_many_there_are(stage):
    meet(stage, 3 * SAMPLED)
    first, last = 2 * SAMPLED, 3 * SAMPLED
    assert names(stage) == [f"Guest {number}" for number in range(first, last)]


def test_a_sample_stays_as_it_is_until_somebody_comes_or_goes(stage):
    meet(stage, 2 * SAMPLED)
    before = names(stage)
    stage.do(HOST, EnterStage())
    assert names(stage) == before
    stage.do(EVE, RaiseHand())
    assert names(stage) == [*before[1:], EVE.name]


def test_there_are_never_more_than_listen(stage):
    meet(stage, 3)
    assert names(stage, listeners=2) == ["Guest 1", "Guest 2"]
    assert names(stage, listeners=0) == []


@pytest.mark.parametrize("command", [Remove(EVE.peer), Block(EVE.peer)])
def test_who_was_sent_away_is_not_shown(stage, command):
    stage.do(EVE, RaiseHand())
    stage.do(HOST, command)
    assert names(stage) == []


def test_who_is_not_here_is_not_shown(stage):
    stage.do(EVE, RaiseHand())
    stage.do(JOE, RaiseHand())
    assert names(stage, here=lambda peer: peer == JOE.peer) == [JOE.name]


def test_a_space_may_keep_names_to_itself(stage):
    stage.do(EVE, RaiseHand())
    stage.do(OPERATOR, Edit({"show_names": False}))
    assert names(stage) == []


def test_who_was_seen_is_here_for_a_while_in_that_space_alone():
    seen = Seen()
    seen.note("demo", 7, NOW)
    assert seen.is_here("demo", 7, NOW + SEEN_SECONDS - 1)
    assert not seen.is_here("demo", 7, NOW + SEEN_SECONDS)
    assert not seen.is_here("other", 7, NOW)
    assert not seen.is_here("demo", 8, NOW)


def test_the_table_of_those_seen_forgets_who_was_not_seen_for_longest():
    seen = Seen()
    for peer in range(MAX_SEEN):
        seen.note("demo", peer, NOW)
    seen.note("demo", 0, NOW)
    seen.note("demo", MAX_SEEN, NOW)
    assert seen.is_here("demo", 0, NOW)
    assert not seen.is_here("demo", 1, NOW)


def test_who_is_invited_or_let_on_stage_is_called_until_they_are_there(stage):
    stage.seat(BOB)
    stage.do(EVE, RaiseHand())
    stage.do(EVE, LowerHand(EVE.peer))
    assert called(stage.room) == []
    stage.do(HOST, OfferStage(EVE.peer))
    assert called(stage.room) == [EVE.peer]
    stage.do(EVE, AnswerOffer(True))
    assert called(stage.room) == [EVE.peer]
    stage.seat(EVE)
    assert called(stage.room) == []


def test_who_was_sent_away_is_called_the_latest_first(stage):
    meet(stage, 2 * MAX_CALLED)
    for number in range(2 * MAX_CALLED):
        stage.do(HOST, Remove(1_000 + number))
    latest = range(999 + 2 * MAX_CALLED, 999 + MAX_CALLED, -1)
    assert called(stage.room) == list(latest)
    stage.do(EVE, RaiseHand())
    stage.do(HOST, Block(EVE.peer))
    assert called(stage.room)[0] == EVE.peer


def test_a_list_of_the_called_is_short(stage):
    meet(stage, 2 * MAX_CALLED)
    for number in range(2 * MAX_CALLED):
        stage.do(HOST, OfferStage(1_000 + number))
    assert len(called(stage.room)) == MAX_CALLED
