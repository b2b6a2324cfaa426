"""From where those came who were blocked."""

import pytest

from spacescore.errors import ForbiddenError
from spacescore.shunned import MAX_KNOWN, SHUNNED_SECONDS, Shunned

NOW = 1_000.0


def test_a_network_is_shunned_in_one_space_and_for_a_while():
    shunned = Shunned()
    shunned.came("demo", "#4", "198.51.100.1")
    shunned.check("demo", "198.51.100.1", NOW)
    shunned.block("demo", "#4", NOW)
    with pytest.raises(ForbiddenError, match="invitation"):
        shunned.check("demo", "198.51.100.1", NOW + SHUNNED_SECONDS - 1)
    shunned.check("demo", "198.51.100.1", NOW + SHUNNED_SECONDS)
    shunned.check("other", "198.51.100.1", NOW)
    shunned.check("demo", "198.51.100.2", NOW)


def test_who_came_from_nowhere_known_leaves_no_trace():
    shunned = Shunned()
    shunned.came("demo", "#4", "")
    shunned.block("demo", "#4", NOW)
    shunned.block("demo", "#5", NOW)
    shunned.check("demo", "", NOW)


def test_to_unblock_is_to_forget():
    shunned = Shunned()
    shunned.came("demo", "#4", "a")
    shunned.block("demo", "#4", NOW)
    shunned.unblock("demo", "#5")
    with pytest.raises(ForbiddenError):
        shunned.check("demo", "a", NOW)
    shunned.unblock("demo", "#4")
    shunned.check("demo", "a", NOW)


def test_the_tables_do_not_grow_without_end():
    shunned = Shunned()
    for number in range(MAX_KNOWN + 5):
        shunned.came("demo", str(number), str(number))
        shunned.block("demo", str(number), NOW)
    assert len(shunned._origins) == len(shunned._networks) == MAX_KNOWN
