import numpy as np
import pytest

from spacescore.load.silence import SoundClock, silences, unanswered

SECOND = 1_000_000
LOOKS = range(0, 10 * SECOND + 1, SECOND // 5)


def clock_of(sounds):
    """Looked at five times a second, for ten."""
    clock, packets = SoundClock(), 0
    for at in LOOKS:
        packets += 10 * sounds(at / SECOND)
        clock.note(at, packets)
    return clock


def missed(clock, last_audio, last_answer=10.0):
    moments = np.array([last_audio]) * SECOND
    found = silences(moments, np.array([last_answer]) * SECOND, clock, 10 * SECOND)
    return float(found[0]) / SECOND


@pytest.mark.parametrize(("last_audio", "silent"), [(10.0, 0), (9.1, 0), (8.5, 1.5), (2.0, 8.0)])
def test_whoever_hears_nothing_of_a_second_of_sound_has_fallen_silent(last_audio, silent):
    assert missed(clock_of(lambda at: True), last_audio) == pytest.approx(silent)


def test_pauses_are_missed_by_nobody():
    clock = clock_of(lambda at: at < 4)
    assert missed(clock, 3.8) == 0
    assert missed(clock, 1.8) == pytest.approx(2.0)


def test_a_word_that_has_just_begun_is_not_missed_yet():
    assert missed(clock_of(lambda at: at < 4 or at > 9.5), 3.9) == 0


def test_a_server_without_sound_is_missed_by_its_answers():
    clock = clock_of(lambda at: at < 2)
    assert missed(clock, 1.9, last_answer=4.5) == 0
    assert missed(clock, 1.9, last_answer=2.5) == pytest.approx(7.5)


def test_six_seconds_without_an_answer_are_no_server():
    last = np.array([1, 4, 5, 9]) * SECOND
    assert (unanswered(last, 10 * SECOND) / SECOND).tolist() == [9, 6, 0, 0]


def test_a_clock_nobody_looked_at_has_heard_no_sound():
    assert SoundClock().since(np.array([0, 5])).tolist() == [0, 0]
