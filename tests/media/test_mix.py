"""fanout/media/mix: sums, fades, the limiter and RFC 6464 levels."""

import numpy as np
import pytest

from spacescore._native import _core

KNEE = 10 ** (-1 / 20)  # -1 dBFS


def decibels(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def total(voices: list[np.ndarray]) -> np.ndarray:
    mixed = np.zeros(960, np.float32)
    for voice in voices:
        mixed = _core.add_voice(mixed, voice)
    return mixed


def limited(frames: np.ndarray) -> np.ndarray:
    limiter = _core.Limiter()
    return np.stack([limiter.process(frame) for frame in frames])


def test_a_speaker_hears_nothing_of_himself(speech):
    mine, *others = (speech(seed, 1, peak=1.0)[0] for seed in range(3))
    minus = _core.subtract_voice(total([mine, *others]), mine)
    residual = minus - np.sum(others, axis=0, dtype=np.float32)
    assert decibels(np.abs(residual).max() + 1e-12) <= -90
    alone = _core.subtract_voice(total([mine]), mine)
    assert not alone.any()


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0)])
def test_a_voice_that_fades_is_subtracted_as_it_was_added(speech, before, after):
    mine, other = speech(1, 1)[0], speech(2, 1)[0]
    mixed = _core.add_voice(other, mine, before, after)
    residual = _core.subtract_voice(mixed, mine, before, after) - other
    assert decibels(np.abs(residual).max() + 1e-12) <= -90


def test_a_fade_is_linear_over_five_milliseconds():
    ones = np.ones(960, np.float32)
    entering = _core.add_voice(np.zeros(960, np.float32), ones, 0, 1)
    np.testing.assert_allclose(entering[:240], np.arange(1, 241) / 240, rtol=1e-6)
    assert (entering[239:] >= 1 - 1e-6).all()
    leaving = _core.add_voice(np.zeros(960, np.float32), ones, 1, 0)
    np.testing.assert_allclose(entering + leaving, 1, rtol=1e-6)
    assert (leaving[240:] == 0).all()


def test_entering_and_leaving_make_no_click():
    loud = np.full(960, 0.9, np.float32)  # the worst case: full level at the first sample
    silence = np.zeros(960, np.float32)
    heard = np.concatenate(
        [
            _core.add_voice(silence, loud, *gains)
            for gains in [(0, 0), (0, 1), (1, 1), (1, 0), (0, 0)]
        ]
    )
    assert np.abs(np.diff(heard)).max() <= 0.9 / 240 * 1.01


def test_quiet_frames_pass_the_limiter_to_the_bit(speech):
    frames = speech(1, 50, peak=KNEE)
    np.testing.assert_array_equal(limited(frames), frames)


def test_three_loud_speakers_never_pass_full_scale(speech):
    frames = sum(speech(seed, 200, peak=1.0) for seed in range(3))
    assert np.abs(frames).max() > 1.5
    assert np.abs(limited(frames)).max() <= 1.0


@pytest.mark.parametrize("amplitude", [1.0, 1.2, 3.0, 50.0, 1e30])
@pytest.mark.parametrize("hertz", [60, 1_000, 11_000])
def test_no_level_passes_full_scale_nor_changes_sign(tone, amplitude, hertz):
    frames = tone(hertz, 10, amplitude)
    heard = limited(frames)
    assert np.abs(heard).max() <= 1.0
    assert (heard * frames >= 0).all()


def test_an_impulse_on_the_first_sample_is_bent_not_wrapped():
    frame = np.zeros(960, np.float32)
    frame[0] = -3.0
    assert -1.0 <= _core.Limiter().process(frame)[0] < -KNEE


@pytest.mark.parametrize("start", [60, 61, 119, 480, 900])
def test_the_gain_has_fallen_before_a_peak_inside_the_frame(start):
    frame = np.zeros(960, np.float32)
    frame[start:] = 2.0
    assert np.abs(_core.Limiter().process(frame)).max() <= KNEE + 1e-6


def test_three_loud_speakers_are_within_a_decibel_of_the_float_mix(speech):
    frames = sum(speech(seed, 250, peak=0.7) for seed in range(3))
    assert np.abs(frames).max() > 1.0  # the limiter is at work
    heard = limited(frames)
    assert abs(decibels(rms(heard) / rms(frames))) < 1
    loud = np.abs(frames).max(axis=1) > 0.05
    error = [decibels(rms(b) / rms(a)) for a, b in zip(frames[loud], heard[loud], strict=True)]
    assert abs(np.median(error)) < 1


def test_what_the_limiter_does_is_turn_down(speech):
    """The wave keeps its shape: what is left beside a slowly moving gain is below -30 dB."""
    frames = sum(speech(seed, 100, peak=0.6) for seed in range(3))
    a, b = frames.reshape(-1, 240), limited(frames).reshape(-1, 240)
    power = np.sum(a * a, axis=1)
    gain = np.sum(a * b, axis=1) / np.maximum(power, 1e-9)
    assert decibels(rms(b - gain[:, None] * a) / rms(b)) < -30


def test_the_limiter_lets_go_after_a_peak(tone):
    limiter = _core.Limiter()
    limiter.process(tone(1_000, 1, 3.0)[0])
    quiet = tone(1_000, 60, 0.1)
    heard = np.stack([limiter.process(frame) for frame in quiet])
    level = [rms(frame) / rms(quiet[0]) for frame in heard]
    assert level[0] < 0.5
    assert 0.7 < level[5] < 0.95  # 100 ms on, two thirds of the way
    np.testing.assert_array_equal(heard[45:], quiet[45:])
    assert (np.diff(level) > -1e-4).all()


def test_the_limiter_makes_no_step(tone):
    frames = np.concatenate([tone(100, 5, 0.5), tone(100, 5, 2.0), tone(100, 40, 0.5)])
    slope = 2 * np.pi * 100 / 48_000
    assert np.abs(np.diff(limited(frames).ravel())).max() < 2.0 * slope * 1.5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_silence(bad):
    frame = np.full(960, 0.5, np.float32)
    frame[500] = bad
    limiter = _core.Limiter()
    assert not limiter.process(frame).any()
    ones = np.full(960, 0.5, np.float32)
    np.testing.assert_array_equal(limiter.process(ones), ones)
    assert _core.level_dbov(frame) == 127


@pytest.mark.parametrize(
    ("amplitude", "level"),
    [
        (1.0, 0),
        (10 ** (-0.5), 10),
        (10 ** (-20 / 20), 20),
        (1e-3, 60),
        (1e-6, 120),
        (0, 127),
        (1e-9, 127),
    ],
)
def test_levels_are_minus_dbov_of_a_square_wave(amplitude, level):
    assert _core.level_dbov(np.full(960, amplitude, np.float32)) == level


def test_levels_are_exact_to_half_a_decibel_and_never_wrap(tone):
    assert _core.level_dbov(tone(1_000, 1, 1.0)[0]) == 3  # a sine is 3 dB below the square
    for loud in (100, 1e30):  # whose square is no float any more
        assert _core.level_dbov(np.full(960, loud, np.float32)) == 0
    levels = [_core.level_dbov(np.full(960, 10 ** (-x / 20), np.float32)) for x in range(130)]
    assert levels == [min(x, 127) for x in range(130)]


@pytest.mark.parametrize("shape", [959, 961, (2, 480), 0])
def test_frames_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match="960"):
        _core.level_dbov(np.zeros(shape, np.float32))
