"""Who may do what: the whole table, written a second time as sentences."""

import itertools

import pytest

from spacescore.errors import ForbiddenError, UnauthenticatedError
from spacescore.policy import (
    OPERATOR,
    Action,
    Grant,
    Role,
    may,
    require,
    require_space,
)

HOST, COHOST, SPEAKER, LISTENER = Role.HOST, Role.COHOST, Role.SPEAKER, Role.LISTENER
EVERYBODY = {HOST, COHOST, SPEAKER, LISTENER}
RANKS = [OPERATOR, HOST, COHOST, SPEAKER, LISTENER]

# Done to nobody in particular.
SIMPLY = {
    Action.WATCH: {OPERATOR},
    Action.CREATE_SPACE: {OPERATOR},
    Action.EDIT: {OPERATOR, HOST, COHOST},
    Action.OPEN_SPACE: {OPERATOR, HOST, COHOST},
    Action.CLOSE_SPACE: {OPERATOR, HOST},
    Action.SEE_PEOPLE: {OPERATOR, HOST, COHOST},
    Action.SPEAK: {HOST, COHOST, SPEAKER},
    Action.MUTE_ALL: {OPERATOR, HOST, COHOST},
    Action.CAPTION: {OPERATOR, HOST, COHOST},
    Action.PIN: {OPERATOR, HOST, COHOST},
    Action.SEE_AUDIT: {OPERATOR, HOST, COHOST},
    Action.SEE_WEBHOOKS: {OPERATOR},
}
# Done to others: a host rules all but hosts, a co-host those below.
BELOW = {
    OPERATOR: EVERYBODY,
    HOST: {COHOST, SPEAKER, LISTENER},
    COHOST: {SPEAKER, LISTENER},
    SPEAKER: set(),
    LISTENER: set(),
}
KEEPERS = {OPERATOR, HOST, COHOST}
TO = {
    Action.ISSUE_TOKEN: BELOW,
    Action.MUTE: BELOW,
    Action.UNMUTE: BELOW,
    Action.REMOVE: BELOW,
    Action.BLOCK: BELOW,
    Action.LOWER_HAND: {rank: {LISTENER} if rank in KEEPERS else set() for rank in RANKS},
    Action.OFFER_STAGE: {rank: {LISTENER} if rank in KEEPERS else set() for rank in RANKS},
    Action.PROMOTE: {OPERATOR: {SPEAKER, COHOST}, HOST: {SPEAKER, COHOST}, COHOST: {SPEAKER}},
    Action.DEMOTE: {OPERATOR: {SPEAKER, COHOST}, HOST: {SPEAKER, COHOST}, COHOST: {SPEAKER}},
    Action.HAND_OVER: {OPERATOR: {SPEAKER, COHOST}, HOST: {SPEAKER, COHOST}},
}
ITSELF = {
    Action.ASK_TO_SPEAK: {LISTENER},
    Action.LOWER_HAND: {LISTENER},
    Action.ANSWER_OFFER: {LISTENER},
    Action.MUTE: {HOST, COHOST, SPEAKER},
    Action.UNMUTE: {HOST, COHOST, SPEAKER},
    Action.DEMOTE: {COHOST, SPEAKER},
}


@pytest.mark.parametrize(("rank", "action"), list(itertools.product(RANKS, Action)), ids=str)
def test_nobody_may_more_or_less_than_the_table_says(rank, action):
    assert may(rank, action) == (rank in SIMPLY.get(action, set()))
    assert may(rank, action, itself=True) == (rank in ITSELF.get(action, set()))
    allowed = TO.get(action, {}).get(rank, set())
    assert {role for role in Role if may(rank, action, role)} == allowed


@pytest.mark.parametrize("action", Action)
def test_what_may_not_be_done_is_refused_in_a_sentence(action):
    with pytest.raises(UnauthenticatedError, match="bearer token"):
        require(None, action)
    for rank, role in itertools.product(RANKS, Role):
        if may(rank, action, role):
            require(rank, action, role)
        else:
            with pytest.raises(ForbiddenError):
                require(rank, action, role)


@pytest.mark.parametrize("role", Role)
def test_a_token_is_worth_nothing_in_another_space(role):
    require_space(Grant("demo", role, 1, "x", 0), "demo")
    with pytest.raises(ForbiddenError, match="another space"):
        require_space(Grant("demo", role, 1, "x", 0), "elsewhere")


def test_no_rank_may_make_another_its_equal_or_more():
    for action, giver in itertools.product((Action.ISSUE_TOKEN, Action.PROMOTE), [HOST, COHOST]):
        ranks = list(Role)
        for role in Role:
            if may(giver, action, role):
                assert ranks.index(role) < ranks.index(giver)
