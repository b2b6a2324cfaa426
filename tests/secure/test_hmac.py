"""HMAC-SHA1, HMAC-SHA256 and SHA-256 against RFC 2202, RFC 4231 and the standard library."""

import hashlib
import hmac
import random
import threading

import pytest

from spacescore._native import _core

RFC_2202_SHA1 = [
    (b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
    (b"Jefe", b"what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
    (bytes(range(1, 26)), b"\xcd" * 50, "4c9007f4026250c6bc8414f9bf50c86c2d7235da"),
    (b"\x0c" * 20, b"Test With Truncation", "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        "aa4ae5e15272d00e95705637ce8a3b55ed402112",
    ),
    (
        b"\xaa" * 80,
        b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
        "e8e99d0f45237d786d6bbaa7965c7808bbff1a91",
    ),
]


@pytest.mark.parametrize(("key", "message", "digest"), RFC_2202_SHA1)
def test_hmac_sha1_agrees_with_rfc_2202(key: bytes, message: bytes, digest: str) -> None:
    assert _core.hmac_sha1(key, message).hex() == digest


def test_hmac_sha256_agrees_with_rfc_4231() -> None:
    digest = _core.hmac_sha256(b"Jefe", b"what do ya want for nothing?")
    assert digest.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_hashes_of_every_size_agree_with_the_standard_library() -> None:
    source = random.Random(2202)
    for size in range(200):
        key, message = source.randbytes(size % 150), source.randbytes(size)
        assert _core.hmac_sha1(key, message) == hmac.digest(key, message, "sha1")
        assert _core.hmac_sha256(key, message) == hmac.digest(key, message, "sha256")
        assert _core.sha256(message) == hashlib.sha256(message).digest()


def test_an_empty_key_is_not_the_key_of_last_time() -> None:
    _core.hmac_sha1(b"last time", b"")
    assert _core.hmac_sha1(b"", b"") == hmac.digest(b"", b"", "sha1")


def test_threads_hash_side_by_side() -> None:
    wrong: list[int] = []

    def hash_many(worker: int) -> None:
        key = bytes([worker])
        for n in range(200):
            message = n.to_bytes(2, "big")
            if _core.hmac_sha1(key, message) != hmac.digest(key, message, "sha1"):
                wrong.append(worker)

    threads = [threading.Thread(target=hash_many, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_equality_in_constant_time_is_equality() -> None:
    assert _core.equal_in_constant_time(b"", b"")
    assert _core.equal_in_constant_time(b"same", b"same")
    assert not _core.equal_in_constant_time(b"same", b"sane")
    assert not _core.equal_in_constant_time(b"same", b"same ")


def test_random_bytes_differ_each_time_and_may_be_none() -> None:
    assert _core.random_bytes(0) == b""
    assert len({_core.random_bytes(16) for _ in range(100)}) == 100


@pytest.mark.parametrize("key_size", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1_500])
def test_hmac_sha1_of_every_length_around_its_blocks(key_size: int, size: int) -> None:
    key, message = random.Random(size).randbytes(key_size), random.Random(key_size).randbytes(size)
    assert _core.hmac_sha1(key, message) == hmac.digest(key, message, "sha1")
