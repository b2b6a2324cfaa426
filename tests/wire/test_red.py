"""Redundant audio: RFC 2198, whose section 3 is read a second time here."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

Block = tuple[int, int, bytes]

TYPES = st.integers(0, 127)
COPIES = st.tuples(TYPES, st.integers(0, 2**14 - 1), st.binary(max_size=90))


def written(copies: list[Block], payload_type: int, primary: bytes) -> bytes:
    headers = [
        struct.pack(">I", 1 << 31 | kind << 24 | offset << 10 | len(copy))
        for kind, offset, copy in copies
    ]
    return b"".join([*headers, bytes([payload_type]), *(copy for *_, copy in copies), primary])


def read(payload: bytes) -> list[Block] | str:
    """Blocks, or the drop."""
    headers, at = [], 0
    while at < len(payload) and payload[at] & 0x80:
        head = payload[at : at + 4]
        if len(head) < 4:
            return "malformed_red"
        (word,) = struct.unpack(">I", head)
        headers.append((word >> 24 & 127, word >> 10 & 0x3FFF, word & 0x3FF))
        at += 4
    if at == len(payload):
        return "malformed_red"
    last, rest = payload[at], payload[at + 1 :]
    if sum(size for *_, size in headers) > len(rest):
        return "malformed_red"
    blocks = []
    for kind, offset, size in headers:
        blocks.append((kind, offset, rest[:size]))
        rest = rest[size:]
    return [*blocks, (last, 0, rest)]


def parsed(payload: bytes) -> list[Block] | str:
    try:
        return _core.parse_red(payload)
    except _core.Dropped as drop:
        return str(drop)


def test_the_example_of_the_rfc_is_read_block_by_block():
    """Section 7: the primary is DVI4 at 8 kHz, its copy LPC with 20 ms of offset."""
    payload = struct.pack(">IB", 1 << 31 | 7 << 24 | 160 << 10 | 14, 5) + b"L" * 14 + b"D" * 84
    assert _core.parse_red(payload) == [(7, 160, b"L" * 14), (5, 0, b"D" * 84)]


@given(st.lists(COPIES, max_size=12), TYPES, st.binary(max_size=200))
def test_blocks_are_written_as_the_rfc_says_and_read_again(copies, payload_type, primary):
    payload = _core.write_red(copies, payload_type, primary)
    assert payload == written(copies, payload_type, primary)
    assert _core.parse_red(payload) == [*copies, (payload_type, 0, primary)]


def test_the_widest_fields_hold():
    copies = [(127, 2**14 - 1, bytes(1_023))]
    assert _core.parse_red(_core.write_red(copies, 127, b"p"))[:1] == copies


@pytest.mark.parametrize("copy", [(111, 2**14, b"late"), (111, 960, bytes(1_024))])
def test_a_copy_that_its_header_cannot_describe_is_left_out(copy):
    near = (111, 960, b"near")
    assert _core.write_red([copy, near], 111, b"p") == written([near], 111, b"p")


def test_a_primary_of_any_size_may_stand_alone():
    assert _core.parse_red(_core.write_red([], 111, bytes(1_200))) == [(111, 0, bytes(1_200))]
    assert _core.parse_red(b"\x6f") == [(111, 0, b"")]


@given(st.lists(COPIES, max_size=6), TYPES, st.binary(max_size=50))
def test_every_block_takes_the_type_it_is_given_and_nothing_else_changes(copies, kind, primary):
    payload = _core.with_red_payload_type(_core.write_red(copies, 0, primary), kind)
    assert payload == written([(kind, *rest) for _, *rest in copies], kind, primary)


@pytest.mark.parametrize("cut", range(17))
def test_every_truncation_that_reaches_a_copy_is_dropped(cut):
    payload = written([(111, 2_880, b"four"), (111, 960, b"four")], 111, b"primary")
    assert parsed(payload[:cut]) == "malformed_red"
    assert parsed(payload[:17]) == [(111, 2_880, b"four"), (111, 960, b"four"), (111, 0, b"")]


def test_mutated_payloads_are_judged_as_the_rfc_says(mutations):
    seeds = [written([(63, 960, bytes(9)), (111, 2_880, b"abc")], 111, b"opus"), b"\x6fopus"]
    outcomes = set()
    for payload in mutations(seeds, count=50_000, seed=3):
        assert parsed(payload) == read(payload), payload.hex()
        outcomes.add(len(read(payload)))
    assert len(outcomes) > 3
