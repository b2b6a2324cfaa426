"""Who may do what: the whole table."""

import pytest

from spacescore.errors import ForbiddenError, UnauthenticatedError
from spacescore.policy import OPERATOR, Action, Grant, Role, TokenBucket, require

LISTENER, SPEAKER, HOST = (
    Grant("demo", role, peer, "x", 0)
    for role, peer in [(Role.LISTENER, 1), (Role.SPEAKER, 2), (Role.HOST, 3)]
)
ALLOWED = {
    (OPERATOR, Action.CREATE_SPACE),
    (OPERATOR, Action.CLOSE_SPACE),
    (OPERATOR, Action.ISSUE_TOKEN),
    (OPERATOR, Action.REMOVE),
    (OPERATOR, Action.MUTE),
    (HOST, Action.CLOSE_SPACE),
    (HOST, Action.ISSUE_TOKEN),
    (HOST, Action.REMOVE),
    (HOST, Action.MUTE),
    (HOST, Action.SPEAK),
    (SPEAKER, Action.SPEAK),
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("caller", [OPERATOR, HOST, SPEAKER, LISTENER], ids=str)
def test_nobody_may_more_than_the_table_says(caller, action):
    if (caller, action) in ALLOWED:
        require(caller, action, "demo", peer=99)
    else:
        with pytest.raises(ForbiddenError):
            require(caller, action, "demo", peer=99)


@pytest.mark.parametrize("action", Action)
def test_a_stranger_is_asked_for_a_token(action):
    with pytest.raises(UnauthenticatedError, match="bearer token"):
        require(None, action, "demo")


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("grant", [HOST, SPEAKER, LISTENER], ids=str)
def test_a_token_is_worth_nothing_in_another_space(grant, action):
    with pytest.raises(ForbiddenError, match="another space"):
        require(grant, action, "elsewhere", peer=grant.peer)


def test_speakers_mute_themselves_and_listeners_nobody():
    require(SPEAKER, Action.MUTE, "demo", peer=SPEAKER.peer)
    with pytest.raises(ForbiddenError):
        require(LISTENER, Action.MUTE, "demo", peer=LISTENER.peer)


def test_a_bucket_gives_its_burst_and_then_its_rate():
    bucket = TokenBucket(rate=8, burst=3)
    assert [bucket.take(5.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert bucket.take(5.0) == 0.125
    assert bucket.take(5.0625) == 0.0625
    assert bucket.take(5.125) == 0.0
    assert bucket.take(5.125) > 0


def test_a_bucket_holds_no_more_than_its_burst_and_forgives_clocks_that_step_back():
    bucket = TokenBucket(rate=1, burst=2)
    bucket.take(0.0)
    assert [bucket.take(1e9) > 0 for _ in range(3)] == [False, False, True]
    assert bucket.take(1.0) == pytest.approx(1.0)
    assert bucket.take(2.0) == 0.0
