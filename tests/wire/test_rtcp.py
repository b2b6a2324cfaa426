"""RTCP (RFC 3550 section 6 and appendix A.2)."""

import datetime
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

SR, RR, SDES, BYE, APP, RTPFB, PSFB, XR = 200, 201, 202, 203, 204, 205, 206, 207
U8, U32, U64 = (st.integers(0, 2**bits - 1) for bits in (8, 32, 64))
REPORT_FIELDS = {
    "ssrc": U32,
    "fraction_lost": U8,
    "packets_lost": st.integers(-(2**23), 2**23 - 1),
    "highest_sequence": U32,
    "jitter": U32,
    "last_sr": U32,
    "delay_since_sr": U32,
}
REPORT = st.fixed_dictionaries(REPORT_FIELDS)
INFO = st.fixed_dictionaries({"ntp": U64, "rtp_timestamp": U32, "packets": U32, "octets": U32})


def packet(kind, body, count=0, *, padding=False, version=2):
    assert len(body) % 4 == 0
    return struct.pack(">BBH", version << 6 | padding << 5 | count, kind, len(body) // 4) + body


EMPTY_RR = packet(RR, bytes(4))
LEAST_BODY = {SR: 24, RR: 4, SDES: 0, BYE: 0, APP: 0, RTPFB: 8, PSFB: 8, XR: 4}
PER_COUNT = {SR: 24, RR: 24, SDES: 8, BYE: 4}
COMPOUND = (
    _core.write_sender_report(
        0xCAFE,
        _core.SenderInfo(ntp=0x83AA7E8080000000, rtp_timestamp=960, packets=7, octets=560),
        [_core.ReportBlock(ssrc=0xBEEF, fraction_lost=3, packets_lost=-2)],
    )
    + _core.write_sdes_cname(0xCAFE, "space")
    + packet(PSFB, bytes(8), count=1)
    + _core.write_bye(0xCAFE)
)


def dropped(datagram):
    try:
        _core.parse_rtcp(datagram)
    except _core.Dropped as drop:
        return str(drop) == "malformed_rtcp"
    return False


def values(thing, fields):
    return {name: getattr(thing, name) for name in fields}


def test_a_compound_is_read_packet_by_packet():
    sender, sdes, feedback, bye = _core.parse_rtcp(COMPOUND)
    assert (sender.type, sender.count, sender.sender) == (SR, 1, 0xCAFE)
    assert (sender.info.ntp, sender.info.rtp_timestamp) == (0x83AA7E8080000000, 960)
    assert (sender.info.packets, sender.info.octets) == (7, 560)
    assert values(sender.reports[0], ["ssrc", "fraction_lost", "packets_lost"]) == {
        "ssrc": 0xBEEF,
        "fraction_lost": 3,
        "packets_lost": -2,
    }
    assert (sdes.type, sdes.sender, sdes.body[4:]) == (SDES, 0xCAFE, b"\x01\x05space\0")
    assert (feedback.type, feedback.count, feedback.reports) == (PSFB, 1, [])
    assert (bye.type, bye.sender, bye.info) == (BYE, 0xCAFE, None)


def test_only_whole_packets_survive_truncation():
    whole = {0}
    for part in _core.parse_rtcp(COMPOUND):
        whole.add(max(whole) + 4 + len(part.body))
    alive = [cut for cut in range(len(COMPOUND) + 1) if not dropped(COMPOUND[:cut])]
    assert alive == sorted(whole - {0})


def test_a_compound_begins_with_a_report():
    alive = {kind for kind in range(256) if not dropped(packet(kind, bytes(24)))}
    assert alive == {SR, RR}


@pytest.mark.parametrize("version", [0, 1, 3])
def test_every_packet_has_version_two(version):
    assert dropped(packet(RR, bytes(4), version=version))
    assert dropped(EMPTY_RR + packet(BYE, bytes(4), count=1, version=version))


@pytest.mark.parametrize("words", [0, 2, 3, 65535])
def test_lengths_must_add_up_to_the_datagram(words):
    wrong = struct.pack(">BBHI", 0x80, RR, words, 0)
    assert dropped(wrong)
    assert dropped(EMPTY_RR + wrong)


@pytest.mark.parametrize("trailing", [1, 2, 3])
def test_bytes_after_the_last_packet_are_not_forgiven(trailing):
    assert dropped(EMPTY_RR + bytes(trailing))


@pytest.mark.parametrize("kind", sorted(LEAST_BODY))
def test_a_packet_holds_what_its_count_says(kind):
    for count in range(32):
        least = LEAST_BODY[kind] + PER_COUNT.get(kind, 0) * count
        assert not dropped(EMPTY_RR + packet(kind, bytes(least), count))
        assert least == 0 or dropped(EMPTY_RR + packet(kind, bytes(least - 4), count))


def test_a_report_may_carry_a_profile_extension_after_its_blocks():
    (report,) = _core.parse_rtcp(packet(RR, bytes(28) + b"more", count=1))
    assert len(report.reports) == 1
    assert report.body.endswith(b"more")


@pytest.mark.parametrize("kind", [1, 192, APP, 208, 255])
def test_unknown_packets_are_stepped_over(kind):
    assert [part.type for part in _core.parse_rtcp(EMPTY_RR + packet(kind, b""))] == [RR, kind]


def test_padding_is_a_multiple_of_four_within_the_last_packet():
    def padded(count):
        return EMPTY_RR + packet(BYE, bytes(15) + bytes([count]), count=1, padding=True)

    assert [count for count in range(256) if not dropped(padded(count))] == [4, 8, 12]
    for count in (4, 8, 12):
        assert len(_core.parse_rtcp(padded(count))[1].body) == 16 - count


def test_padding_elsewhere_than_in_the_last_packet_is_refused():
    padded = packet(RR, bytes(4) + b"\0\0\0\x04", padding=True)
    assert dropped(padded)
    assert dropped(padded + EMPTY_RR)
    assert dropped(EMPTY_RR + padded + EMPTY_RR)
    assert not dropped(EMPTY_RR + padded)


def test_a_padded_packet_without_a_body_is_refused():
    assert dropped(EMPTY_RR + packet(APP, b"", padding=True))


def test_mutated_compounds_are_whole_or_dropped(mutations):
    alive = 0
    seeds = [COMPOUND, EMPTY_RR + packet(BYE, bytes(7) + b"\x04", count=1, padding=True)]
    for datagram in mutations(seeds, count=100_000, seed=3):
        if dropped(datagram):
            continue
        alive += 1
        parts = _core.parse_rtcp(datagram)
        padding = datagram[-1] if padded_at_the_end(datagram) else 0
        assert sum(4 + len(part.body) for part in parts) + padding == len(datagram)
        for part in parts:
            assert len(part.reports) == (part.count if part.type in {SR, RR} else 0)
            assert (part.info is not None) == (part.type == SR)
    assert 10_000 < alive < 90_000


def padded_at_the_end(datagram):
    at = 0
    while True:
        size = 4 * (int.from_bytes(datagram[at + 2 : at + 4]) + 1)
        if at + size == len(datagram):
            return bool(datagram[at] & 0x20)
        at += size


@given(U32, INFO, st.lists(REPORT, max_size=31))
def test_a_written_sender_report_is_read_again(sender, info, reports):
    blocks = [_core.ReportBlock(**report) for report in reports]
    (part,) = _core.parse_rtcp(_core.write_sender_report(sender, _core.SenderInfo(**info), blocks))
    assert (part.type, part.sender, values(part.info, info)) == (SR, sender, info)
    assert [values(block, REPORT_FIELDS) for block in part.reports] == reports


@given(U32, st.lists(REPORT, max_size=31))
def test_a_written_receiver_report_is_read_again(sender, reports):
    blocks = [_core.ReportBlock(**report) for report in reports]
    (part,) = _core.parse_rtcp(_core.write_receiver_report(sender, blocks))
    assert (part.type, part.sender, part.info) == (RR, sender, None)
    assert [values(block, REPORT_FIELDS) for block in part.reports] == reports


@pytest.mark.parametrize(
    ("lost", "kept"), [(2**23, 2**23 - 1), (-(2**23) - 1, -(2**23)), (2**31 - 1, 2**23 - 1)]
)
def test_losses_beyond_24_bits_saturate(lost, kept):
    block = _core.ReportBlock(ssrc=1, packets_lost=lost)
    (part,) = _core.parse_rtcp(_core.write_receiver_report(1, [block]))
    assert part.reports[0].packets_lost == kept


def test_a_cname_of_any_size_ends_in_a_zero_on_a_word_boundary():
    for size in range(256):
        _, sdes = _core.parse_rtcp(EMPTY_RR + _core.write_sdes_cname(7, "c" * size))
        assert (sdes.sender, sdes.body[4:6]) == (7, bytes([1, size]))
        text, zeros = sdes.body[6 : 6 + size], sdes.body[6 + size :]
        assert text == b"c" * size
        assert zeros in {bytes(count) for count in (1, 2, 3, 4)}


def test_what_cannot_be_written_is_refused():
    blocks = [_core.ReportBlock(ssrc=0)] * 32
    with pytest.raises(ValueError, match="31"):
        _core.write_receiver_report(0, blocks)
    with pytest.raises(ValueError, match="255"):
        _core.write_sdes_cname(0, "c" * 256)


@pytest.mark.parametrize(
    "when",
    [
        "1970-01-01T00:00:00",
        "2026-11-22T18:53:53.000001",
        "2036-02-07T06:28:15.999999",
        "2036-02-07T06:28:16",
        "2100-01-01T00:00:00.5",
    ],
)
def test_ntp_counts_seconds_since_1900_and_wraps_in_2036(when):
    utc = datetime.datetime.fromisoformat(when).replace(tzinfo=datetime.UTC)
    us_1900 = (utc - datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(
        microseconds=1
    )
    us_1970 = us_1900 - 2_208_988_800 * 1_000_000
    assert _core.ntp_time(us_1970) == (us_1900 << 32) // 1_000_000 % 2**64
