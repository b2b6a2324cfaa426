"""When to try again what was refused."""

from spacescore.backoff import LONGEST_SECONDS, Backoff


def test_each_pause_is_twice_the_last_until_the_longest():
    backoff = Backoff()
    assert backoff.is_due("a", 0.0)
    pauses = [backoff.refused("a", 100.0) for _ in range(7)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_SECONDS, LONGEST_SECONDS]
    assert not backoff.is_due("a", 99.0 + LONGEST_SECONDS)
    assert backoff.is_due("a", 100.0 + LONGEST_SECONDS)
    assert backoff.is_due("b", 0.0), "each by itself"


def test_what_is_wanted_no_more_is_forgotten():
    backoff = Backoff()
    for what in ("a", "b"):
        backoff.refused(what, 100.0)
    backoff.keep_only({"b"})
    assert (backoff.refused("a", 100.0), backoff.refused("b", 100.0)) == (1.0, 2.0)
