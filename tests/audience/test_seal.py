"""One frame for everybody, opened again with each listener's own key by another stack."""

import os
import random
from pathlib import Path

import pylibsrtp
import pytest

from allocations import allocations
from spacescore._native import _core

GCM, CM = 7, 1
SALT = {GCM: 12, CM: 14}
PROFILES = {
    GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    CM: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


def make_audience(listeners, profile=GCM, backend="best", first_index=0):
    rng = random.Random(listeners)
    audience = _core.Audience(listeners, backend)
    keys = []
    for i in range(listeners):
        key, salt = rng.randbytes(16), rng.randbytes(SALT[profile])
        audience.add(("127.0.0.1", 1024 + i), key, salt, profile, 96 + i % 32, first_index)
        keys.append(key + salt)
    return audience, keys


def receiver(key, profile):
    policy = pylibsrtp.Policy(
        key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND, srtp_profile=PROFILES[profile]
    )
    return pylibsrtp.Session(policy)


@pytest.mark.parametrize("backend", ["best", "openssl"])
@pytest.mark.parametrize("profile", [GCM, CM])
def test_every_listener_opens_the_frame_with_their_own_key(profile, backend):
    audience, keys = make_audience(150, profile, backend)
    payload = bytes(range(200))
    for (address, packet), key, i in zip(
        audience.packets(payload, 960), keys, range(150), strict=True
    ):
        assert address == ("127.0.0.1", 1024 + i)
        rtp = _core.parse_rtp(receiver(key, profile).unprotect(packet))
        assert rtp.payload == payload
        assert (rtp.payload_type, rtp.timestamp) == (96 + i % 32, 960)


def test_sequence_numbers_go_on_across_their_wrap_and_the_rollover_is_counted():
    audience, keys = make_audience(1, first_index=65_533)
    listener = receiver(keys[0], GCM)
    sequence = []
    for frame in range(6):
        packet = audience.packets(b"opus", 960 * frame)[0][1]
        sequence.append(_core.parse_rtp(listener.unprotect(packet)).sequence)
    assert sequence == [65533, 65534, 65535, 0, 1, 2]


def test_a_listener_who_left_gets_nothing_and_the_others_everything():
    audience, _ = make_audience(130)
    audience.remove(7)
    audience.remove(64)
    ports = {address[1] for address, _ in audience.packets(b"opus")}
    assert ports == set(range(1024, 1154)) - {1024 + 7, 1024 + 64}


def test_a_removed_row_is_used_again_without_its_old_keys():
    audience, _ = make_audience(2)
    audience.remove(0)
    row = audience.add(("127.0.0.1", 9), bytes(16), bytes(12))
    assert row == 0
    assert len(audience) == 2


def test_a_full_table_refuses_another_listener():
    audience, _ = make_audience(3)
    with pytest.raises(ValueError, match="full"):
        audience.add(("127.0.0.1", 9), bytes(16), bytes(12))


def test_a_payload_that_fits_no_datagram_is_refused_before_anything_is_sealed():
    audience, _ = make_audience(1)
    with pytest.raises(ValueError, match="datagram"):
        audience.packets(bytes(1500))


def test_a_row_stays_within_its_budget():
    assert _core.LISTENER_ROW_BYTES <= 1408


@pytest.mark.parametrize("profile", [GCM, CM])
def test_an_audience_filled_at_once_has_keys_of_its_own_that_follow_from_the_seed(profile):
    def last_of(seed):
        audience = _core.Audience(100)
        return audience, audience.fill(100, seed=seed, profile=profile)

    audience, key = last_of(1)
    assert len(audience) == 100
    rtp = receiver(key, profile).unprotect(audience.last_packet(b"opus"))
    assert rtp.endswith(b"opus")
    packets = {packet[12:] for _, packet in audience.packets(b"opus")}
    assert len(packets) == 100
    assert last_of(1)[1] == key != last_of(2)[1]
    assert last_of(None)[1] != last_of(None)[1]
    with pytest.raises(ValueError, match="full"):
        audience.fill(1)


@pytest.mark.parametrize("size", [*range(70), 120, 128, 184, 248, 800, 1_200])
def test_whatever_a_frame_weighs_the_first_and_the_last_of_a_batch_open_it(size):
    audience, keys = make_audience(70)
    payload = bytes(size)
    packets = audience.packets(payload)
    for at in (0, 7, 8, 63, 64, 69):
        rtp = receiver(keys[at], GCM).unprotect(packets[at][1])
        assert _core.parse_rtp(rtp).payload == payload


SCRIPT = """
import ctypes, sys
from spacescore._native import _core

allocations = ctypes.CDLL(sys.argv[1]).allocations
audience = _core.Audience(1_000)
audience.fill(1_000, seed=1, profile={profile})
for frames in (1, 50):
    before = allocations()
    audience.seal_all(bytes(240), frames=frames)
    after = allocations()
print(after - before)
"""


@pytest.mark.tree
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="something else stands before malloc")
@pytest.mark.parametrize("profile", [GCM, CM])
def test_sealing_allocates_nothing(profile: int, tmp_path: Path):
    few = 16  # Python's own, and the packet that all share
    assert allocations(SCRIPT.format(profile=profile), tmp_path) <= few, "for 50,000 packets"
