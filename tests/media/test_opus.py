"""fanout/media/opus: what goes in comes out, and nothing that comes in does harm."""

import random

import numpy as np
import pytest

from spacescore._native import _core


def packets_of(frames: np.ndarray, **config: int) -> list[bytes]:
    encoder = _core.OpusEncoder(**config)
    return [encoder.encode(frame) for frame in frames]


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def test_a_tone_keeps_its_frequency_and_level(tone):
    frames = tone(440, 60)
    decoder = _core.OpusDecoder()
    heard = np.concatenate([decoder.decode(packet) for packet in packets_of(frames)])[9600:]
    assert decibels(rms(heard) / rms(frames)) == pytest.approx(0, abs=0.5)
    spectrum = np.abs(np.fft.rfft(heard))
    assert spectrum.argmax() * 48_000 / heard.size == pytest.approx(440, abs=2)


def test_the_bitrate_is_what_was_asked_for(speech):
    sizes = [len(packet) for packet in packets_of(speech(1, 200), bitrate=32_000)]
    assert np.mean(sizes) * 8 * 50 == pytest.approx(24_000, rel=0.33)  # pauses cost little


def test_silence_shrinks_to_single_bytes():
    sizes = [len(packet) for packet in packets_of(np.zeros((50, 960), np.float32))]
    assert sizes[20:].count(1) >= 25
    steady = [len(packet) for packet in packets_of(np.zeros((50, 960), np.float32), dtx=False)]
    assert min(steady) > 2


def test_the_lookahead_is_six_and_a_half_milliseconds():
    assert _core.OpusEncoder().lookahead == 312


@pytest.mark.parametrize(
    "bad",
    [
        {"bitrate": 5_999},
        {"bitrate": 510_001},
        {"complexity": -1},
        {"complexity": 11},
        {"channels": 0},
        {"channels": 3},
        {"expected_loss": -1},
        {"expected_loss": 101},
    ],
)
def test_a_bad_setting_is_named(bad):
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=rf"{name}.*: {value}$"):
        _core.OpusEncoder(**bad)


@pytest.mark.parametrize("size", [0, 1, 959, 961, 1920])
def test_a_frame_of_another_size_is_refused(size):
    with pytest.raises(ValueError, match=str(size)):
        _core.OpusEncoder().encode(np.zeros(size, np.float32))


def test_stereo_is_heard_in_mono(tone):
    stereo = np.repeat(tone(300, 30), 2, axis=1)
    decoder = _core.OpusDecoder()
    heard = [decoder.decode(packet) for packet in packets_of(stereo, channels=2)]
    assert rms(np.concatenate(heard[10:])) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_a_lost_frame_comes_back_from_in_band_fec(speech):
    frames = speech(3, 100)
    packets = packets_of(frames, expected_loss=20)
    whole = _core.OpusDecoder()
    truth = [whole.decode(packet) for packet in packets]
    errors = {"fec": 0.0, "conceal": 0.0}
    for how in errors:
        decoder = _core.OpusDecoder()
        for i, packet in enumerate(packets[:-1]):
            if i % 10 != 5:
                decoder.decode(packet)
                continue
            lost = decoder.decode_fec(packets[i + 1]) if how == "fec" else decoder.conceal()
            assert lost.size == 960
            errors[how] += rms(lost - truth[i]) ** 2
    assert errors["fec"] < errors["conceal"] / 2


def test_fec_from_garbage_is_concealment(tone):
    packets = packets_of(tone(440, 20))
    one, other = _core.OpusDecoder(), _core.OpusDecoder()
    for packet in packets:
        one.decode(packet), other.decode(packet)
    assert one.conceal().size == other.conceal().size == 960
    np.testing.assert_array_equal(one.decode_fec(b"\x6b\x00"), other.conceal())
    np.testing.assert_array_equal(one.decode_fec(b""), other.conceal())


@pytest.mark.parametrize("samples", [0, 1, 119, 961, 5_761, 5_880, 2**40])
def test_durations_off_the_grid_conceal_nothing(samples):
    decoder = _core.OpusDecoder()
    assert decoder.conceal(samples).size == 0
    assert decoder.decode_fec(b"\xf8\xff\xfe", samples).size == 0


def test_a_reset_decoder_knows_nothing_of_before(tone):
    packets = packets_of(tone(440, 20))
    used, fresh = _core.OpusDecoder(), _core.OpusDecoder()
    for packet in packets:
        used.decode(packet)
    used.reset()
    np.testing.assert_array_equal(used.decode(packets[0]), fresh.decode(packets[0]))


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\xf8\xff\xfe", 960),
        (b"\xf8", 960),  # a TOC alone: discontinuous transmission
        (b"\x68", 960),
        (b"\x18\x00", 2_880),
        (b"\xe0\x00", 120),
        (b"\xf9\x01\x02", 1_920),
        (b"\xfb\x06" + b"\xff\xfe" * 6, 5_760),
        (b"", None),
        (b"\xfb", None),  # code 3 without its count
        (b"\xfb\x00", None),  # no frames
        (b"\xfb\x07" + b"\xff\xfe" * 7, None),  # 140 ms
        (b"\xf9\x01", None),  # two equal frames in one byte
        (b"\xf8" + bytes(1_276), None),  # one byte over the largest frame
    ],
)
def test_durations_are_read_from_toc_and_framing(packet, samples):
    assert _core.opus_samples(packet) == samples


def test_every_toc_holds_its_rfc_6716_duration():
    silk, hybrid, celt = (480, 960, 1_920, 2_880), (480, 960), (120, 240, 480, 960)
    table = silk * 3 + hybrid * 2 + celt * 4
    assert [_core.opus_samples(bytes([config << 3, 0])) for config in range(32)] == list(table)


def test_truncated_packets_are_safe_and_measured_alike(speech):
    decoder = _core.OpusDecoder()
    for packet in packets_of(speech(5, 12)):
        for cut in range(len(packet)):
            part = packet[:cut]
            assert decoder.decode(part).size == (_core.opus_samples(part) or 0)


def test_mutated_packets_are_safe_and_decode_to_numbers(speech):
    rng = random.Random(7)
    packets = packets_of(speech(6, 50))
    decoder = _core.OpusDecoder()
    for _ in range(10_000):
        packet = bytearray(rng.choice(packets))
        for _ in range(rng.randrange(1, 4)):
            packet[rng.randrange(len(packet)) if rng.random() < 0.7 else 0] = rng.randrange(256)
        mutant = bytes(packet)
        heard = decoder.decode(mutant)
        assert heard.size == (_core.opus_samples(mutant) or 0)
        assert np.isfinite(heard).all()
