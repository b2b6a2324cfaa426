import pytest

from spacescore._native import _core


def test_every_reason_to_drop_has_a_name_of_its_own():
    names = _core.drop_names()
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() and name.islower() for name in names)


def test_names_stand_in_the_order_of_the_reasons():
    names = _core.drop_names()
    assert names[0] == "empty"
    assert names[-1] == "relay_full"
    assert names.index("malformed_stun") == names.index("unknown_protocol") + 1


def test_a_drop_is_a_value_error_that_says_its_name():
    assert issubclass(_core.Dropped, ValueError)
    with pytest.raises(_core.Dropped) as caught:
        _core.parse_rtp(b"")
    assert str(caught.value) in _core.drop_names()
