"""What does a listener's packet cost beside the bare cipher call?"""

import secrets
from typing import Any

import pylibsrtp
import pytest

from spacescore._native import _core

BUDGET = 1.6
GCM, CM = 7, 1
SALT = {GCM: 12, CM: 14}
PROFILES = {
    GCM: (_core.SrtpProfile.AEAD_AES_128_GCM, pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
    CM: (_core.SrtpProfile.AES128_CM_SHA1_80, pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
}
PACKETS_A_ROUND = 100_000


def make_audience(listeners: int, profile: int) -> tuple[Any, bytes]:
    """All with different keys; the last one's is returned."""
    audience = _core.Audience(listeners)
    key = salt = b""
    for i in range(listeners):
        key, salt = secrets.token_bytes(16), secrets.token_bytes(SALT[profile])
        audience.add((f"127.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}", 9), key, salt, profile)
    return audience, key + salt


def check(audience: Any, key: bytes, payload: bytes, profile: int) -> None:
    """Another stack opens the last listener's packet."""
    policy = pylibsrtp.Policy(
        key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[profile][1]
    )
    rtp = pylibsrtp.Session(policy).unprotect(audience.packets(payload)[-1][1])
    assert rtp.endswith(payload)


@pytest.mark.benchmark(group="seal")
@pytest.mark.parametrize("profile", [GCM, CM], ids=["gcm", "cm"])
@pytest.mark.parametrize("payload_size", [80, 240])
@pytest.mark.parametrize("listeners", [1_000, 100_000])
def bench_seal_per_packet(
    against_floor: Any, listeners: int, payload_size: int, profile: int
) -> None:
    audience, key = make_audience(listeners, profile)
    keys = _core.FloorKeys(_core.SrtpBackend.BEST, PROFILES[profile][0], listeners)
    payload = secrets.token_bytes(payload_size)
    repeat = PACKETS_A_ROUND // listeners

    def ours() -> None:
        for _ in range(repeat):
            audience.seal_all(payload)

    check(audience, key, payload, profile)
    against_floor(
        ours,
        lambda: _core.floor_seal(keys, payload_size, repeat),
        budget=BUDGET,
        units=listeners * repeat,
    )
