"""What does a listener's packet cost beside the bare cipher call, and does it cost the millionth
more than the first?

The floor calls the library over as many keys, in memory as ours are; without anybody to fetch
them ahead, a bare call on a short packet waits for each. `cached_floor_ratio` compares with the
bare call over 1,000 keys, which never leave the caches: nothing can be cheaper.
"""

import secrets
from typing import Any

import pylibsrtp
import pytest

from crowd import CACHED, CM, GCM, KEY_BYTES, MILLION, PROFILES, ROW_BYTES, Crowd
from spacescore._native import _core
from turns import ATTEMPTS, by_turns, timed

BUDGET = 1.6
GROWTH_BUDGET = 1.3
PEERS_PROFILES = {
    GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    CM: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
PACKETS_A_ROUND = 100_000


def check(audience: Any, key: bytes, payload: bytes, profile: int) -> None:
    """Another stack opens the last listener's packet."""
    policy = pylibsrtp.Policy(
        key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=PEERS_PROFILES[profile]
    )
    rtp = pylibsrtp.Session(policy).unprotect(audience.last_packet(payload))
    assert rtp.endswith(payload)


@pytest.mark.benchmark(group="seal")
@pytest.mark.parametrize("payload_size", [80, 120, 240, 480])
@pytest.mark.parametrize("profile", [GCM, CM], ids=["gcm", "cm"])
@pytest.mark.parametrize("listeners", [CACHED, 100_000, MILLION])
def bench_seal_per_packet(
    benchmark: Any,
    against_floor: Any,
    needs_memory: Any,
    crowd: Crowd,
    listeners: int,
    payload_size: int,
    profile: int,
) -> None:
    needs_memory(listeners * (ROW_BYTES + KEY_BYTES))
    audience, key = crowd.audience(listeners, profile)
    keys = crowd.floor(listeners, profile)
    few = _core.FloorKeys(_core.SrtpBackend.BEST, PROFILES[profile], CACHED)
    payload = secrets.token_bytes(payload_size)
    frames = max(1, PACKETS_A_ROUND // listeners)

    check(audience, key, payload, profile)
    against_floor(
        lambda: audience.seal_all(payload, frames=frames),
        lambda: _core.floor_seal(keys, payload_size, frames),
        budget=BUDGET,
        units=listeners * frames,
        rounds=25 if listeners < MILLION else 7,
    )
    cached = min(timed(lambda: _core.floor_seal(few, payload_size, 20)) for _ in range(25))
    cached_ns = cached / 20 / CACHED * 1e9
    benchmark.extra_info |= {
        "cached_floor_ns": round(cached_ns, 1),
        "cached_floor_ratio": round(benchmark.extra_info["ns_per_unit"] / cached_ns, 3),
    }


@pytest.mark.benchmark(group="seal growth")
@pytest.mark.parametrize("payload_size", [80, 240, 480])
def bench_seal_for_the_millionth_listener_as_for_the_first(
    benchmark: Any, needs_memory: Any, crowd: Crowd, payload_size: int
) -> None:
    needs_memory(MILLION * ROW_BYTES)
    many, _ = crowd.audience(MILLION)
    few = _core.Audience(CACHED)
    few.fill(CACHED)
    payload = secrets.token_bytes(payload_size)
    frames = MILLION // 10 // CACHED

    benchmark.pedantic(lambda: many.seal_all(payload), rounds=3, warmup_rounds=1)
    for _ in range(ATTEMPTS):
        last, first = by_turns(
            lambda: many.seal_all(payload), lambda: few.seal_all(payload, frames=frames), 10
        )
        last_ns, first_ns = last / MILLION * 1e9, first / frames / CACHED * 1e9
        if last_ns <= GROWTH_BUDGET * first_ns:
            break
    benchmark.extra_info |= {
        "growth_ratio": round(last_ns / first_ns, 3),
        "budget": GROWTH_BUDGET,
        "ns_per_unit": round(last_ns, 1),
        "first_ns_per_unit": round(first_ns, 1),
    }
    assert last_ns <= GROWTH_BUDGET * first_ns, f"{last_ns / first_ns:.3f} times the first"
