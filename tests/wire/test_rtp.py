"""RTP (RFC 3550 section 5.1), header extensions (RFC 8285), audio level (RFC 6464)."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

MINIMAL = bytes.fromhex("806f 0001 000003c0 cafe0001")
FULL = bytes.fromhex("b2ef fffe 00000001 cafe0002 0000000a 0000000b bede 0001 10aa0000") + bytes(
    [1, 2, 3, 0, 2]
)
U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)


def with_extension(profile, body):
    assert len(body) % 4 == 0
    return (
        b"\x90" + MINIMAL[1:] + struct.pack(">HH", profile, len(body) // 4) + body + b"the payload"
    )


def header_size(datagram):
    """Bytes of header, or the drop: a second reading of RFC 3550 sections 5.1 and 5.3.1."""
    if len(datagram) < 12 or datagram[0] >> 6 != 2:
        return "malformed_rtp"
    size = 12 + 4 * (datagram[0] & 15)
    if datagram[0] & 0x10:
        words = datagram[size + 2 : size + 4]
        size += 4 + 4 * int.from_bytes(words) if len(words) == 2 else 2**20
    return size if size <= len(datagram) else "malformed_rtp"


def parsed_size(datagram):
    try:
        return _core.parse_rtp(datagram).header_size
    except _core.Dropped as drop:
        return str(drop)


def test_a_packet_is_read_field_by_field():
    rtp = _core.parse_rtp(FULL)
    assert (rtp.marker, rtp.padding, rtp.payload_type) == (True, True, 0x6F)
    assert (rtp.sequence, rtp.timestamp, rtp.ssrc) == (0xFFFE, 1, 0xCAFE0002)
    assert rtp.csrc == [10, 11]
    assert (rtp.extension_profile, rtp.extension) == (0xBEDE, bytes.fromhex("10aa0000"))
    assert (rtp.header_size, rtp.payload) == (28, bytes([1, 2, 3, 0, 2]))
    assert rtp.strip_padding() == bytes([1, 2, 3])


def test_a_header_alone_is_a_packet_without_payload():
    assert _core.parse_rtp(MINIMAL).payload == b""


@pytest.mark.parametrize("cut", range(28))
def test_every_truncation_of_the_header_is_dropped(cut):
    with pytest.raises(_core.Dropped, match=r"^malformed_rtp$"):
        _core.parse_rtp(FULL[:cut])


def test_every_first_byte_and_length_is_judged_as_the_rfc_says():
    words = itertools.cycle([0, 1, 3])
    for first, marker, length in itertools.product(range(256), (0, 0x80), range(65)):
        datagram = bytearray(length)
        datagram[:2] = bytes([first, marker | 111])[:length]
        extension = 12 + 4 * (first & 15)
        if length >= extension + 4:
            datagram[extension + 3] = next(words)
        assert parsed_size(bytes(datagram)) == header_size(datagram), datagram.hex()


def test_mutated_packets_are_judged_as_the_rfc_says(mutations):
    sizes = set()
    seeds = [MINIMAL + b"opus", FULL, with_extension(0xBEDE, b"\x10\x85\x22abc\0\0")]
    seeds.append(with_extension(0x1000, b"\x01\x01\x85\x02\x00\x00\x03\x01\x07\0\0\0"))
    for packet in mutations(seeds, count=100_000, seed=1):
        size = parsed_size(packet)
        assert size == header_size(packet), packet.hex()
        sizes.add(size)
    assert "malformed_rtp" in sizes
    assert len(sizes) > 10


def test_extensions_of_mutated_packets_lie_within_the_packet(mutations):
    seeds = [with_extension(0xBEDE, b"\x10\x85\x22abc\0\0\x51xy\0")]
    seeds.append(with_extension(0x1000, b"\x01\x01\x85\x02\x00\x00\x05\x01\x07\0\0\0"))
    found = 0
    for packet in mutations(seeds, count=20_000, seed=2):
        if parsed_size(packet) == "malformed_rtp":
            continue
        rtp = _core.parse_rtp(packet)
        for number in (0, 1, 2, 5, 15, 255):
            data = rtp.find_extension(number)
            found += data is not None
            assert data is None or data in rtp.extension
            assert rtp.audio_level(number) is None or data
    assert found > 10_000


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        ("01", ""),
        ("aa0002", "aa"),
        ("000003", ""),
        ("aabb01", "aabb"),
        ("", None),
        ("aabb00", None),
        ("aabb04", None),
        ("ff", None),
    ],
)
def test_padding_is_counted_by_the_last_byte(payload, left):
    rtp = _core.parse_rtp(b"\xa0" + MINIMAL[1:] + bytes.fromhex(payload))
    if left is None:
        with pytest.raises(_core.Dropped, match=r"^malformed_rtp$"):
            rtp.strip_padding()
    else:
        assert rtp.strip_padding() == bytes.fromhex(left)


def test_without_the_padding_bit_the_last_byte_is_payload():
    assert _core.parse_rtp(MINIMAL + b"\x01\x01").strip_padding() == b"\x01\x01"


def test_one_byte_extensions_are_found_by_id():
    rtp = _core.parse_rtp(with_extension(0xBEDE, b"\x10\x85\0\0\x22abc\xe0\x07\0\0"))
    assert [rtp.find_extension(n) for n in (1, 2, 14)] == [b"\x85", b"abc", b"\x07"]
    assert rtp.find_extension(3) is None
    assert rtp.find_extension(0) is None


def test_two_byte_extensions_are_found_by_id_and_may_be_empty():
    for appbits in (0, 15):
        body = b"\x01\x01\x85\0\x02\x00\xff\x03abc\0\0\0\0\0"
        rtp = _core.parse_rtp(with_extension(0x1000 | appbits, body))
        assert [rtp.find_extension(n) for n in (1, 2, 255)] == [b"\x85", b"", b"abc"]
        assert rtp.audio_level(2) is None


@pytest.mark.parametrize("stop", [b"\xf0", b"\x01"])
def test_one_byte_elements_after_a_stop_are_not_considered(stop):
    """RFC 8285 section 4.2: id 15, and id 0 with a length, end the list."""
    rtp = _core.parse_rtp(with_extension(0xBEDE, b"\x10\x85" + stop + b"\0\0\x20\x07\0"))
    assert rtp.find_extension(1) == b"\x85"
    assert rtp.find_extension(2) is None
    assert rtp.find_extension(15) is None


@pytest.mark.parametrize(
    ("profile", "body"),
    [(0xBEDE, b"\0\0\x13a"), (0x1000, b"\0\0\x01\x01"), (0x1000, b"\0\0\0\x01")],
)
def test_an_element_that_runs_over_the_end_is_not_found(profile, body):
    assert _core.parse_rtp(with_extension(profile, body)).find_extension(1) is None


def test_extensions_of_an_unknown_profile_are_not_searched():
    rtp = _core.parse_rtp(with_extension(0xABCD, b"\x10\x85\0\0"))
    assert rtp.find_extension(1) is None
    assert rtp.extension == b"\x10\x85\0\0"


@pytest.mark.parametrize(
    ("byte", "level"), [(0x00, (0, False)), (0xFF, (127, True)), (0x85, (5, True))]
)
def test_the_audio_level_is_seven_bits_under_the_voice_bit(byte, level):
    one = with_extension(0xBEDE, bytes([0x10, byte, 0, 0]))
    two = with_extension(0x1000, bytes([1, 1, byte, 0]))
    assert _core.parse_rtp(one).audio_level(1) == _core.parse_rtp(two).audio_level(1) == level


@given(
    marker=st.booleans(),
    payload_type=st.integers(0, 127),
    sequence=U16,
    timestamp=U32,
    ssrc=U32,
    csrc=st.lists(U32, max_size=15),
    payload=st.binary(max_size=32),
)
def test_what_is_written_is_read_again(payload, **header):
    rtp = _core.parse_rtp(_core.write_rtp_header(**header) + payload)
    assert {name: getattr(rtp, name) for name in header} == header
    assert (rtp.payload, rtp.padding, rtp.extension_profile) == (payload, False, 0)


@pytest.mark.parametrize("wrong", [{"payload_type": 128}, {"csrc": [0] * 16}])
def test_a_header_that_cannot_be_is_refused(wrong):
    header = {"payload_type": 111, "sequence": 0, "timestamp": 0, "ssrc": 0}
    with pytest.raises(ValueError, match=r"128|127|15"):
        _core.write_rtp_header(**header | wrong)


def test_muxed_rtcp_is_told_from_rtp_by_the_second_byte():
    """RFC 5761 section 4: RTP payload types 64 to 95 are given up for it."""
    rtcp = [second for second in range(256) if _core.is_rtcp(bytes([0x80, second]))]
    assert rtcp == list(range(192, 224))
    assert not _core.is_rtcp(b"\x80")
