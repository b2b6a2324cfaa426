import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)


@given(U16, st.integers(2**16, 2**48))
def test_unwrapping_finds_the_nearest_number_with_these_low_bits(seq, reference):
    value = _core.unwrap(seq, reference)
    assert value & 0xFFFF == seq
    assert abs(value - reference) <= 2**15


@given(U32, st.integers(2**32, 2**60))
def test_unwrapping_a_timestamp_finds_the_nearest_with_these_low_bits(timestamp, reference):
    value = _core.unwrap_timestamp(timestamp, reference)
    assert value & 0xFFFFFFFF == timestamp
    assert abs(value - reference) <= 2**31


@given(U16, U16)
def test_unwrapping_near_zero_never_goes_below_it(seq, reference):
    assert _core.unwrap(seq, reference) in {seq, seq + 65536}


@given(U32, U32)
def test_unwrapping_a_timestamp_near_zero_never_goes_below_it(timestamp, reference):
    assert _core.unwrap_timestamp(timestamp, reference) in {timestamp, timestamp + 2**32}


@pytest.mark.parametrize("start", [0, 65535, 3 * 65536 - 1])
def test_a_stream_with_gaps_unwraps_to_itself_over_many_wraps(start):
    sent = [start + step for step in range(0, 400_000, 997)]
    reference, heard = start, []
    for number in sent:
        reference = _core.unwrap(number & 0xFFFF, reference)
        heard.append(reference)
    assert heard == sent
