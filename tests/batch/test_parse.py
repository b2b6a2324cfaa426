"""RTP headers of a whole capture as one structured array."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacescore._native import _batch, _core

AUDIO_LEVEL = 1


def rtp(sequence: int, payload: bytes, *, marker: bool = False, extension: bytes = b"") -> bytes:
    first = 0x80 | (0x10 if extension else 0)
    header = struct.pack(
        ">BBHII", first, marker << 7 | 111, sequence, sequence * 960 % 2**32, 0xABCD
    )
    return header + extension + payload


def extents(datagrams: list[bytes]) -> np.ndarray:
    ends = np.cumsum([len(datagram) for datagram in datagrams])
    return np.column_stack([ends - [len(datagram) for datagram in datagrams], ends])


def test_columns_of_a_capture():
    level = bytes.fromhex("bede0001") + bytes([AUDIO_LEVEL << 4, 0x80 | 30, 0, 0])
    datagrams = [rtp(65_535, b"abc", marker=True), rtp(0, b"defgh", extension=level)]
    data = b"".join(datagrams)
    rows = _batch.parse_rtp(data, extents(datagrams), level_id=AUDIO_LEVEL)
    assert rows.dtype == _batch.PACKET
    assert rows["sequence"].tolist() == [65_535, 0]
    assert rows["timestamp"].tolist() == [65_535 * 960, 0]
    assert rows["ssrc"].tolist() == [0xABCD] * 2
    assert rows["payload_type"].tolist() == [111] * 2
    assert rows["marker"].tolist() == [1, 0]
    assert rows["level"].tolist() == [127, 30]
    assert rows["valid"].tolist() == [1, 1]
    payloads = [data[row["payload_offset"] :][: row["size"]] for row in rows]
    assert payloads == [b"abc", b"defgh"]


def test_rtcp_and_garbage_are_rows_that_are_not_valid():
    datagrams = [b"", b"x", bytes(40), bytes([0x80, 200]) + bytes(26), rtp(7, b"ok")]
    rows = _batch.parse_rtp(bytearray(b"".join(datagrams)), extents(datagrams))
    assert rows["valid"].tolist() == [0, 0, 0, 0, 1]
    assert not rows[:4]["size"].any()


def test_no_datagrams_are_no_rows():
    assert len(_batch.parse_rtp(b"", np.empty((0, 2), np.int64))) == 0


@pytest.mark.parametrize("extent", [(-1, 4), (3, 2), (0, 11)])
def test_an_extent_outside_of_the_buffer_is_named(extent):
    with pytest.raises(ValueError, match="row 1 of offsets"):
        _batch.parse_rtp(bytes(10), np.array([(0, 4), extent]))


def test_offsets_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="3 columns"):
        _batch.parse_rtp(bytes(10), np.zeros((2, 3), np.int64))
    with pytest.raises(ValueError, match="level_id"):
        _batch.parse_rtp(bytes(10), np.zeros((2, 2), np.int64), level_id=256)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_parsed_as_one_by_one(datagrams):
    rows = _batch.parse_rtp(b"".join(datagrams), extents(datagrams).reshape(-1, 2).astype(np.int64))
    for row, datagram in zip(rows, datagrams, strict=True):
        try:
            alone = _core.parse_rtp(datagram)
        except ValueError:
            assert not row["valid"]
            continue
        if row["valid"]:
            assert (row["sequence"], row["timestamp"]) == (alone.sequence, alone.timestamp)
