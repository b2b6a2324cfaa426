"""MESSAGE-INTEGRITY against the test vectors of RFC 5769 sections 2.1 to 2.3."""

import random

import pytest

from spacescore._native import _core

PASSWORD = "VOkJxbRl1RmTxUk/WvJxBt"
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
COOKIE = "2112a442 b7e7a701 bc34d686 fa87dfae"
REQUEST = bytes.fromhex(
    "00010058" + COOKIE + "80220010 5354554e 20746573 7420636c 69656e74"
    "00240004 6e0001ff 80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020"
    "00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 80280004 e57a3bcf"
)
RESPONSE_V4 = bytes.fromhex(
    "0101003c" + COOKIE + "8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643"
    "00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96"
)
RESPONSE_V6 = bytes.fromhex(
    "01010048" + COOKIE + "8022000b 74657374 20766563 746f7220"
    "00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9"
    "00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c"
)
VECTORS = pytest.mark.parametrize("message", [REQUEST, RESPONSE_V4, RESPONSE_V6])


def test_the_vectors_are_read_as_the_rfc_says():
    request = _core.parse_stun(REQUEST)
    assert (request.username, request.priority, request.controlled) == (
        b"evtj:h6vY",
        0x6E0001FF,
        True,
    )
    assert _core.parse_stun(RESPONSE_V4).mapped == ("192.0.2.1", 32853)
    assert _core.parse_stun(RESPONSE_V6).mapped == (
        "2001:db8:1234:5678:11:2233:4455:6677",
        32853,
    )


@VECTORS
def test_the_vectors_verify(message):
    assert _core.verify_integrity(message, PASSWORD)


@VECTORS
def test_sealing_what_precedes_the_integrity_gives_the_vector(message):
    unsealed = message[:-32]
    assert _core.seal_stun(unsealed, PASSWORD) == message


@VECTORS
def test_the_integrity_alone_verifies_without_a_fingerprint(message):
    bare = bytearray(message[:-8])
    bare[2:4] = (len(bare) - 20).to_bytes(2, "big")
    assert _core.verify_integrity(bytes(bare), PASSWORD)


@VECTORS
@pytest.mark.parametrize("password", ["", PASSWORD[:-1], PASSWORD + "t", PASSWORD.lower()])
def test_another_password_does_not_verify(message, password):
    assert not _core.verify_integrity(message, password)


def test_a_message_without_integrity_does_not_verify():
    bare = _core.write_binding_success(TRANSACTION, ("192.0.2.1", 32853))
    assert not _core.verify_integrity(bare, PASSWORD)


def test_every_changed_bit_before_the_fingerprint_fails():
    for at in range(8 * (len(REQUEST) - 8)):
        changed = bytearray(REQUEST[:-8])
        changed[2:4] = (len(changed) - 20).to_bytes(2, "big")
        changed[at // 8] ^= 1 << at % 8
        try:
            verified = _core.verify_integrity(bytes(changed), PASSWORD)
        except _core.Dropped:
            continue
        assert not verified


def test_a_sealed_response_is_64_bytes_or_76_and_verifies():
    for host, size in (("192.0.2.1", 64), ("2001:db8::1", 76)):
        bare = _core.write_binding_success(TRANSACTION, (host, 1))
        sealed = _core.seal_stun(bare, PASSWORD)
        assert len(sealed) == size
        assert _core.verify_integrity(sealed, PASSWORD)


def test_a_huge_message_is_refused_and_not_read_beyond():
    filler = bytes.fromhex("8022") + (1600).to_bytes(2, "big") + bytes(1600)
    bare = REQUEST[:2] + len(filler).to_bytes(2, "big") + REQUEST[4:20] + filler
    assert not _core.verify_integrity(_core.seal_stun(bare, PASSWORD), PASSWORD)
    with pytest.raises(ValueError, match="STUN"):
        _core.seal_stun(bytes(19), PASSWORD)
    with pytest.raises(ValueError, match="STUN"):
        _core.seal_stun(bytes(2040), PASSWORD)


def test_random_mutations_never_verify():
    draw = random.Random(9)
    for _ in range(5_000):
        changed = bytearray(REQUEST)
        for _ in range(draw.randint(1, 4)):
            changed[draw.randrange(len(changed))] = draw.randrange(256)
        if changed[:-8] == REQUEST[:-8]:
            continue  # nothing that the integrity covers
        try:
            verified = _core.verify_integrity(bytes(changed), PASSWORD)
        except _core.Dropped:
            continue
        assert not verified
