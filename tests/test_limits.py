"""A token bucket for each of many, in a table that does not grow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore.errors import PacedError
from spacescore.limits import Limit, Limiter, TokenBucket

NOW = 1_000.0


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


def test_who_asks_too_often_waits_and_others_do_not():
    limiter = Limiter(Limit(2.0, 3.0))
    assert [limiter.wait("a", NOW) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert limiter.wait("b", NOW) == 0.0
    assert limiter.wait("a", NOW + 0.5) == 0.0
    assert limiter.wait("a", NOW + 0.5) > 0.0


def test_a_refusal_says_when_to_come_again():
    limiter = Limiter(Limit(0.1, 1.0))
    limiter.take("a", NOW, "no")
    with pytest.raises(PacedError, match="too fast") as caught:
        limiter.take("a", NOW, "too fast")
    assert caught.value.retry_after == 11


def test_the_table_forgets_who_was_not_seen_for_longest():
    limiter = Limiter(Limit(1.0, 1.0), max_known=2)
    for who in "abac":  # a is younger than b
        limiter.wait(who, NOW)
    assert len(limiter) == 2
    assert limiter.wait("a", NOW) > 0
    assert limiter.wait("b", NOW) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 5)), max_size=200))
def test_nobody_gets_more_than_the_burst_and_the_rate(asked):
    limiter, now, taken = Limiter(Limit(2.0, 5.0)), NOW, dict.fromkeys("abc", 0)
    for who, passed in asked:
        now += passed
        taken[who] += limiter.wait(who, now) == 0.0
    assert all(count <= 5.0 + 2.0 * (now - NOW) + 1e-6 for count in taken.values())
