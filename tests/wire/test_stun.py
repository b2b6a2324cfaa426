"""STUN (RFC 8489) as ICE-lite needs it (RFC 8445 section 7.3); vectors of RFC 5769."""

import ipaddress
import string
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core

COOKIE = 0x2112A442
TRANSACTION = bytes(range(12))
USERNAME, INTEGRITY, INTEGRITY_SHA256, XOR_MAPPED = 0x0006, 0x0008, 0x001C, 0x0020
PRIORITY, USE_CANDIDATE, FINGERPRINT = 0x0024, 0x0025, 0x8028
CONTROLLED, CONTROLLING = 0x8029, 0x802A

RFC5769_ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
RFC5769_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)
RFC5769_V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
RFC5769_V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220"
    "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
    "00080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
RFC5769_LONG_TERM = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e"
    "00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b"
    "6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


def attribute(kind, value=b"", pad=b"\0"):
    return struct.pack(">HH", kind, len(value)) + value + pad * (-len(value) % 4)


def message(*attributes, kind=0x0001, cookie=COOKIE):
    body = b"".join(attributes)
    return struct.pack(">HHI", kind, len(body), cookie) + TRANSACTION + body


def with_fingerprint(text):
    """RFC 8489 section 14.7 once more, by way of zlib."""
    text = text[:2] + struct.pack(">H", len(text) + 8 - 20) + text[4:]
    return text + attribute(FINGERPRINT, struct.pack(">I", zlib.crc32(text) ^ 0x5354554E))


def drop(datagram):
    try:
        _core.parse_stun(datagram)
    except _core.Dropped as reason:
        return str(reason)
    return None


CHECK = with_fingerprint(
    message(
        attribute(USERNAME, b"ufrag:page"),
        attribute(0xC057, b"\0\x01\0\x0a"),
        attribute(CONTROLLING, bytes(8)),
        attribute(USE_CANDIDATE),
        attribute(PRIORITY, b"\x6e\0\x1e\xff"),
        attribute(INTEGRITY, bytes(range(20))),
    )
)


def test_the_sample_request_of_rfc_5769_is_read():
    stun = _core.parse_stun(RFC5769_REQUEST)
    assert (stun.type, stun.transaction, stun.username) == ("request", RFC5769_ID, b"evtj:h6vY")
    assert (stun.controlling, stun.controlled, stun.use_candidate) == (False, True, False)
    assert stun.priority == 0x6E0001FF
    assert stun.integrity == bytes.fromhex("9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2")
    assert stun.integrity_offset == len(RFC5769_REQUEST) - 32


@pytest.mark.parametrize(
    ("vector", "host"),
    [(RFC5769_V4, "192.0.2.1"), (RFC5769_V6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_the_sample_responses_of_rfc_5769_are_read(vector, host):
    stun = _core.parse_stun(vector)
    assert (stun.type, stun.transaction) == ("success", RFC5769_ID)
    assert stun.mapped == (host, 32853)
    assert stun.integrity_offset == len(vector) - 32


def test_long_term_credentials_are_none_of_ours():
    assert drop(RFC5769_LONG_TERM) == "unexpected_stun"


def test_a_browsers_check_is_read():
    stun = _core.parse_stun(CHECK)
    assert (stun.username, stun.priority) == (b"ufrag:page", 0x6E001EFF)
    assert (stun.use_candidate, stun.controlling, stun.controlled) == (True, True, False)
    assert (stun.integrity, stun.mapped) == (bytes(range(20)), None)


@pytest.mark.parametrize("vector", [CHECK, RFC5769_REQUEST, RFC5769_V4, RFC5769_V6])
def test_every_truncation_is_dropped(vector):
    assert {drop(vector[:cut]) for cut in range(len(vector))} == {"malformed_stun"}


def attribute_headers(datagram):
    """The offsets of bytes that say what an attribute is and where it ends."""
    at = 20
    while at < len(datagram):
        yield from range(at, at + 4)
        at += 4 + (int.from_bytes(datagram[at + 2 : at + 4]) + 3 & ~3)


@pytest.mark.parametrize("vector", [CHECK, RFC5769_REQUEST, RFC5769_V4, RFC5769_V6])
def test_every_flipped_bit_is_caught_unless_it_hides_the_fingerprint(vector):
    headers = set(attribute_headers(vector))
    for bit in range(8 * len(vector)):
        flipped = bytearray(vector)
        flipped[bit // 8] ^= 1 << bit % 8
        assert drop(bytes(flipped)) or bit // 8 in headers


def test_a_message_cut_between_attributes_and_its_length_put_right_is_read():
    """Without MESSAGE-INTEGRITY; whoever needs it looks for it."""
    cut = RFC5769_REQUEST[:2] + struct.pack(">H", 20) + RFC5769_REQUEST[4:40]
    assert _core.parse_stun(cut).integrity == b""


@pytest.mark.parametrize("wrong", [-20, -4, -3, -1, 1, 3, 4])
def test_the_length_field_is_that_of_the_datagram(wrong):
    text = message(attribute(PRIORITY, bytes(4)), attribute(CONTROLLING, bytes(8)))
    assert drop(text) is None
    length = struct.unpack(">H", text[2:4])[0] + wrong
    assert drop(text[:2] + struct.pack(">H", length) + text[4:]) == "malformed_stun"


def test_the_cookie_of_the_first_stun_is_dropped():
    assert drop(message(cookie=0)) == "malformed_stun"
    assert drop(message(cookie=COOKIE ^ 1)) == "malformed_stun"


@pytest.mark.parametrize(
    ("kind", "named"),
    [(0x0001, "request"), (0x0011, "indication"), (0x0101, "success"), (0x0111, "error")],
)
def test_the_four_classes_of_binding_are_told_apart(kind, named):
    assert _core.parse_stun(message(kind=kind)).type == named


def test_every_other_method_is_unexpected():
    for kind in range(0x4000):
        if kind not in {0x0001, 0x0011, 0x0101, 0x0111}:
            assert drop(message(kind=kind)) == "unexpected_stun"


@pytest.mark.parametrize("first", [0x40, 0x80, 0xC0])
def test_the_two_top_bits_are_zero(first):
    assert drop(message(kind=first << 8 | 1)) == "malformed_stun"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_last_attribute_is_padded_too(size):
    assert drop(message(struct.pack(">HH", USERNAME, size) + b"u" * size)) == "malformed_stun"


def test_an_attribute_that_runs_over_the_end_is_dropped():
    for size in (1, 5, 9, 0xFFFC, 0xFFFF):
        text = message(struct.pack(">HH", 0x8022, size) + bytes(4))
        assert drop(text) == ("malformed_stun" if size > 4 else None)


@pytest.mark.parametrize("size", range(12))
def test_padding_may_hold_anything_and_is_not_part_of_the_value(size):
    text = message(attribute(USERNAME, b"u" * size, pad=b"\xff"), attribute(USE_CANDIDATE))
    stun = _core.parse_stun(text)
    assert (stun.username, stun.use_candidate) == (b"u" * size, True)


@pytest.mark.parametrize("kind", [0x8000, 0x8022, 0xC057, 0xC059, 0xC070, 0xC071, 0xFFFF])
def test_unknown_optional_attributes_are_ignored(kind):
    stun = _core.parse_stun(message(attribute(kind, b"any"), attribute(USERNAME, b"a:b")))
    assert stun.username == b"a:b"


@pytest.mark.parametrize("kind", [0x0000, 0x0002, INTEGRITY_SHA256, 0x001D, 0x0030, 0x7FFF])
def test_unknown_attributes_that_must_be_understood_make_a_request_unexpected(kind):
    assert drop(message(attribute(kind, b"any"))) == "unexpected_stun"
    assert drop(message(attribute(kind, b"any"), kind=0x0101)) is None


def test_attributes_after_the_integrity_are_not_heard():
    """RFC 8489 section 14.5: they are not covered by it, an attacker may have added them."""
    stun = _core.parse_stun(
        with_fingerprint(
            message(
                attribute(USERNAME, b"a:b"),
                attribute(INTEGRITY, bytes(20)),
                attribute(USE_CANDIDATE),
                attribute(USERNAME, b"c:d"),
                attribute(INTEGRITY_SHA256, bytes(32)),
                attribute(INTEGRITY, bytes(20)),
                attribute(0x7FFF),
            )
        )
    )
    assert (stun.username, stun.use_candidate, stun.integrity_offset) == (b"a:b", False, 28)


def test_of_a_repeated_attribute_the_first_counts():
    names = attribute(USERNAME, b"a:b"), attribute(USERNAME, b"c:d")
    numbers = attribute(PRIORITY, b"\0\0\0\x01"), attribute(PRIORITY, b"\0\0\0\x02")
    places = (attribute(XOR_MAPPED, bytes([0, 1, *bytes(5), last])) for last in (1, 2))
    stun = _core.parse_stun(message(*names, *numbers, *places))
    assert (stun.username, stun.priority) == (b"a:b", 1)
    assert stun.mapped == ("33.18.164.67", 0x2112)


@pytest.mark.parametrize(
    ("kind", "size"),
    [(INTEGRITY, 20), (PRIORITY, 4), (USE_CANDIDATE, 0), (CONTROLLED, 8), (CONTROLLING, 8)],
)
def test_attributes_of_fixed_size_have_that_size(kind, size):
    for other in range(41):
        assert (drop(message(attribute(kind, bytes(other)))) is None) == (other == size)


@pytest.mark.parametrize(("size", "reason"), [(508, None), (509, "malformed_stun")])
def test_a_username_has_fewer_than_509_bytes(size, reason):
    assert drop(message(attribute(USERNAME, b"u" * size))) == reason


@pytest.mark.parametrize("family", [0, 1, 2, 3, 255])
def test_a_mapped_address_has_the_size_of_its_family(family):
    for size in range(24):
        value = (bytes([0, family]) + bytes(size))[:size]
        good = (family, size) in {(1, 8), (2, 20)}
        assert (drop(message(attribute(XOR_MAPPED, value), kind=0x0101)) is None) == good


@pytest.mark.parametrize("after", [b"", attribute(0x8022, b"soft"), attribute(USE_CANDIDATE)])
def test_a_fingerprint_is_the_last_attribute(after):
    """The checksum is right here: the length it covers counts what follows."""
    text = message(attribute(PRIORITY, bytes(4)), bytes(8), after)[:28]
    crc = struct.pack(">I", zlib.crc32(text) ^ 0x5354554E)
    reason = "malformed_stun" if after else None
    assert drop(text + attribute(FINGERPRINT, crc) + after) == reason


def test_a_fingerprint_of_another_size_is_dropped():
    for size in (0, 3, 5, 8):
        assert drop(message(attribute(FINGERPRINT, bytes(size)))) == "malformed_stun"


@given(st.binary(max_size=255).filter(lambda body: len(body) % 4 == 0))
def test_the_fingerprint_written_is_that_of_zlib(body):
    text = message(attribute(0x8022, body))
    assert _core.append_fingerprint(text) == with_fingerprint(text)
    assert _core.append_fingerprint(text[:2] + b"\xff\xff" + text[4:]) == with_fingerprint(text)


def right_length(packet):
    return packet[:2] + struct.pack(">H", max(len(packet) - 20, 0) & 0xFFFC) + packet[4:]


def test_mutated_messages_are_read_or_dropped(mutations):
    """Half of the seeds carry no fingerprint, or nothing would be read but the checksum."""
    bare = [RFC5769_V4[:-8], RFC5769_V6[:-8], CHECK[:-8]]
    seeds = [RFC5769_REQUEST, RFC5769_V4, CHECK, *map(right_length, bare)]
    known = {None, "malformed_stun", "unexpected_stun"}
    seen = dict.fromkeys(known, 0)
    for packet in mutations(seeds, count=50_000, seed=4):
        for datagram in (packet, right_length(packet)):
            seen[drop(datagram)] += 1
    assert seen.keys() == known
    assert min(seen.values()) > 1_000


def test_the_parts_of_a_mutated_message_come_from_it(mutations):
    seeds = [right_length(RFC5769_V6[:-8]), right_length(CHECK[:-8])]
    read = 0
    for packet in map(right_length, mutations(seeds, count=20_000, seed=5)):
        if drop(packet) is not None:
            continue
        read += 1
        stun = _core.parse_stun(packet)
        at = stun.integrity_offset
        assert stun.username in packet
        assert packet[at + 4 : at + 24] == stun.integrity or not stun.integrity
        assert not stun.mapped or ipaddress.ip_address(stun.mapped[0])
    assert read > 5_000


@given(
    transaction=st.binary(min_size=12, max_size=12),
    username=st.text(string.ascii_letters + string.digits + "+/:", max_size=508),
    priority=st.integers(0, 2**32 - 1),
    tie_breaker=st.integers(0, 2**64 - 1),
    use_candidate=st.booleans(),
)
def test_a_written_request_is_read_again(**request):
    text = _core.append_fingerprint(_core.write_binding_request(**request))
    stun = _core.parse_stun(text)
    assert (stun.type, stun.controlling, stun.controlled) == ("request", True, False)
    assert stun.username.decode() == request["username"]
    for name in ("transaction", "priority", "use_candidate"):
        assert getattr(stun, name) == request[name]
    assert attribute(CONTROLLING, request["tie_breaker"].to_bytes(8)) in text


@given(
    st.binary(min_size=12, max_size=12),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    st.integers(0, 65535),
)
def test_a_written_response_is_read_again(transaction, host, port):
    stun = _core.parse_stun(_core.write_binding_success(transaction, (str(host), port)))
    assert (stun.type, stun.transaction, stun.username) == ("success", transaction, b"")
    mapped = getattr(host, "ipv4_mapped", None) or host
    assert (ipaddress.ip_address(stun.mapped[0]), stun.mapped[1]) == (mapped, port)


@pytest.mark.parametrize(("host", "size"), [("192.0.2.1", 32), ("2001:db8::1", 44)])
def test_a_response_is_no_larger_than_it_must_be(host, size):
    """32 bytes more for integrity and fingerprint: 64, or 76 for IPv6, to a check of 100 up."""
    assert len(_core.write_binding_success(TRANSACTION, (host, 5))) == size


def test_a_mapped_ipv4_address_is_written_as_ipv4():
    text = _core.write_binding_success(TRANSACTION, ("::ffff:192.0.2.1", 5))
    assert _core.parse_stun(text).mapped == ("192.0.2.1", 5)


@pytest.mark.parametrize("username", ["u" * 509, "u" * 70_000])
def test_what_cannot_be_written_is_refused(username):
    request = {"transaction": TRANSACTION, "priority": 1, "tie_breaker": 1}
    with pytest.raises(ValueError, match="508"):
        _core.write_binding_request(**request, username=username)
    with pytest.raises(ValueError, match="12 bytes"):
        _core.write_binding_success(b"short", ("192.0.2.1", 5))
    with pytest.raises(ValueError, match="IP address"):
        _core.write_binding_success(TRANSACTION, ("example.org", 5))
