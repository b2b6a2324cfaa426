"""fanout/media/repacketize: fewer packets, the same sound, and a clear word where one ends."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opus_frames import frames_of
from spacescore._native import _core

FRAME = 960
SILENCE = b"\xf8\xff\xfe"
DTX = b"\xf8"


def packets_of(frames: np.ndarray, **config) -> list[bytes]:
    encoder = _core.OpusEncoder(**config)
    return [encoder.encode(frame) for frame in frames]


def heard(packets: list[bytes]) -> np.ndarray:
    decoder = _core.OpusDecoder()
    return np.concatenate([decoder.decode(packet) for packet in packets])


def greedily(packets: list[bytes], most: int, room: int = 1_200) -> list[bytes]:
    """Packets of up to `most` frames each, as full as they can be."""
    merger, merged = _core.Repacketizer(), []
    while packets:
        result = merger.merge(packets[:most], room)
        count = min(most, len(packets))
        if isinstance(result, int):
            count, result = result, merger.merge(packets[:result], room)
        merged.append(result)
        packets = packets[count:]
    return merged


@pytest.mark.parametrize("most", [1, 2, 3, 6])
@pytest.mark.parametrize("dtx", [False, True])
@pytest.mark.parametrize("bitrate", [12_000, 24_000, 32_000, 64_000])
def test_merged_packets_sound_the_same_bit_by_bit(speech, most, dtx, bitrate):
    sound = speech(4, 150)
    sound[60:110] = 0  # long enough for packets of one byte, and for the refresh between them
    packets = packets_of(sound, bitrate=bitrate, dtx=dtx)
    merged = greedily(packets, most)
    assert len(merged) < 1.3 * len(packets) / most
    assert [frame for packet in merged for frame in frames_of(packet)] == [
        frame for packet in packets for frame in frames_of(packet)
    ]
    np.testing.assert_array_equal(heard(merged), heard(packets))


def test_a_single_packet_stays_what_it_is(speech):
    for packet in packets_of(speech(1, 50)):
        assert _core.Repacketizer().merge([packet]) == packet


def test_packets_that_are_merged_already_merge_further(tone):
    packets = packets_of(tone(440, 6))
    merger = _core.Repacketizer()
    halves = [merger.merge(packets[:3]), merger.merge(packets[3:])]
    assert merger.merge(halves) == merger.merge(packets)


def test_dtx_packets_merge_with_each_other_and_with_sound():
    merged = _core.Repacketizer().merge([DTX, SILENCE, DTX, b"\xf8\x00", SILENCE, DTX])
    assert frames_of(merged) == [b"", b"\xff\xfe", b"", b"\x00", b"\xff\xfe", b""]
    assert _core.opus_samples(merged) == 6 * FRAME


@given(st.lists(st.sampled_from([0xF8, 0xF8, 0xF8, 0xFC, 0xF0, 0x68, 0x6C, 0x18]), max_size=8))
def test_one_packet_holds_frames_of_one_kind_and_120_ms(tocs):
    alike = next((i for i, toc in enumerate(tocs) if toc != tocs[0]), len(tocs))
    samples = _core.opus_samples(bytes([tocs[0], 1])) if tocs else FRAME
    fitting = min(alike, 5_760 // samples)
    result = _core.Repacketizer().merge([bytes([toc, 7, 7]) for toc in tocs])
    if tocs and fitting == len(tocs):
        assert frames_of(result) == [b"\x07\x07"] * fitting
    else:
        assert result == fitting


@given(st.lists(st.integers(0, 600), min_size=1, max_size=6), st.integers(0, 1_300))
def test_what_does_not_fit_is_refused_with_how_many_would(sizes, room):
    packets = [b"\xf8" + bytes(size) for size in sizes]
    merger = _core.Repacketizer()
    fit = [i for i in range(1, 7) if i <= len(sizes) and len(merger.merge(packets[:i])) <= room]
    result = merger.merge(packets, room)
    assert result == (merger.merge(packets) if len(sizes) in fit else max(fit, default=0))


@pytest.mark.parametrize("bad", [b"", b"\xfb", b"\xfb\x00", b"\xf9\x01", b"\xf8" + bytes(1_276)])
def test_what_is_no_opus_is_refused(bad):
    merger = _core.Repacketizer()
    assert merger.merge([bad]) == 0
    assert merger.merge([SILENCE, SILENCE, bad, SILENCE]) == 2
    assert merger.merge([SILENCE]) == SILENCE  # and leaves nothing behind


def test_nothing_merges_to_nothing():
    assert _core.Repacketizer().merge([]) == 0


def test_mutated_packets_merge_to_what_plays_as_long_or_not_at_all(speech):
    rng = random.Random(11)
    packets, merger = packets_of(speech(6, 50)), _core.Repacketizer()
    merged = 0
    for _ in range(20_000):
        mutants = [bytearray(rng.choice(packets)) for _ in range(3)]
        for packet in mutants:
            if rng.random() < 0.4:
                packet[0 if rng.random() < 0.5 else rng.randrange(len(packet))] = rng.randrange(256)
        mutants = [bytes(packet) for packet in mutants]
        if isinstance(result := merger.merge(mutants), bytes):
            merged += 1
            assert _core.opus_samples(result) == sum(map(_core.opus_samples, mutants))
    assert merged > 1_000
