"""The floors that benches of sealing stand on do the work they claim."""

import pytest

from spacescore._native import _core

TAG = {_core.SrtpProfile.AEAD_AES_128_GCM: 16, _core.SrtpProfile.AES128_CM_SHA1_80: 10}


@pytest.mark.parametrize("backend", [_core.SrtpBackend.BEST, _core.SrtpBackend.OPENSSL])
@pytest.mark.parametrize("profile", TAG)
def test_the_floor_counts_what_it_seals(
    backend: _core.SrtpBackend, profile: _core.SrtpProfile
) -> None:
    keys = _core.FloorKeys(backend, profile, count=70)
    assert _core.floor_seal(keys, payload_size=80, rounds=3) == 3 * 70 * (80 + TAG[profile])
    with pytest.raises(ValueError, match="1,200"):
        _core.floor_seal(keys, payload_size=1201, rounds=1)


def test_the_floor_of_checks_counts_what_it_hashes() -> None:
    assert _core.floor_checks(checks=10, request_size=140, answer_size=32) == 1_720
    with pytest.raises(ValueError, match="1,200"):
        _core.floor_checks(checks=1, request_size=1_201, answer_size=32)
