"""fanout/io/recorder: what is in the file when there was no room for it."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ogg_pages import pages
from sound import RATE, decoded, level
from spacescore._native import _core
from virtual_peer import wait_for
from world import tone

FRAME = 960
SPACE = 7


class Recording:
    """A recorder with one file, and a tone that goes on for as long as it is asked to."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "evening.opus"
        self.recorder = _core.Recorder()
        self.recorder.open(SPACE, str(self.path), title="Evening")
        self._packets = [packet for packet, _ in islice(tone(400), 50, 100)]  # it has begun
        self._marks = 0
        self.position = 0
        self.told: list[str] = []

    def say(self, frames: int) -> None:
        for _ in range(frames):
            packet = self._packets[self.position // FRAME % len(self._packets)]
            self.recorder.write(SPACE, self.position, packet)
            self.position += FRAME

    def settle(self) -> None:
        """Wait until the ring is empty: what comes behind it is in its own file then."""
        self._marks += 1
        mark = self.path.with_name(f"{self._marks}.opus")
        self.recorder.open(SPACE + 1, str(mark))
        self.recorder.write(SPACE + 1, 0, self._packets[0])
        self.recorder.finish(SPACE + 1)
        wait_for(mark.exists)

    def hears(self, kind: str) -> bool:
        self.told += [kind for kind, _ in self.recorder.take_events()]
        return kind in self.told

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def levels(self) -> np.ndarray:
        """The tone's level in each fifth of a second."""
        samples = decoded(self.path)
        step = RATE // 5
        whole = samples[: samples.size // step * step].reshape(-1, step)
        return np.array([level(part, 400) for part in whole])


@pytest.fixture
def recording(tmp_path) -> Iterator[Recording]:
    recording = Recording(tmp_path)
    yield recording
    recording.recorder.close()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file of ours grows beyond `size`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_recording_goes_on_at_the_very_byte_when_the_disk_has_room_again(recording):
    recording.say(200)
    wait_for(lambda: recording.size > 8_000)
    with full_disk(recording.size + 100):  # in the middle of a page
        recording.say(100)
        wait_for(lambda: recording.hears("recording_failed"))
        recording.say(100)
    recording.say(100)
    wait_for(lambda: recording.hears("recording_resumed"))
    recording.recorder.finish(SPACE)
    recording.recorder.close()
    assert recording.told == ["recording_failed", "recording_resumed"]
    assert recording.recorder.lost == 0
    assert decoded(recording.path).size == recording.position
    assert recording.levels() == pytest.approx(-12, abs=0.5)
    whole = recording.path.read_bytes()
    assert pages(whole)[-1][5] == len(whole)


def test_a_file_that_could_not_be_made_is_made_later_and_whole(recording, tmp_path):
    recording.path.mkdir()
    recording.say(100)
    wait_for(lambda: recording.hears("recording_failed"))
    recording.path.rmdir()
    recording.say(100)
    wait_for(lambda: recording.hears("recording_resumed"))
    recording.recorder.close()
    assert recording.recorder.lost == 0
    assert recording.levels() == pytest.approx(-12, abs=0.5)


def test_what_waits_for_too_long_is_counted_and_silence_in_the_file(recording):
    recording.say(100)
    wait_for(lambda: recording.size > 4_000)
    with full_disk(recording.size):
        while not recording.recorder.lost:
            recording.say(2_000)
            recording.settle()
    wait_for(lambda: recording.hears("recording_resumed"))
    recording.say(200)
    recording.recorder.close()
    levels = recording.levels()
    assert decoded(recording.path).size == recording.position
    assert np.sum(levels < -60) == pytest.approx(recording.recorder.lost / 10, abs=3)
    assert levels[-5:] == pytest.approx(-12, abs=0.5)


def test_a_recording_that_is_over_waits_for_room_too(recording):
    recording.say(100)
    wait_for(lambda: recording.size > 4_000)
    with full_disk(recording.size):
        recording.say(100)
        recording.recorder.finish(SPACE)
        wait_for(lambda: recording.hears("recording_failed"))
    wait_for(lambda: recording.hears("recording_resumed"))
    recording.recorder.close()
    assert recording.recorder.lost == 0
    assert decoded(recording.path).size == recording.position


def test_a_disk_that_stays_full_until_the_end_costs_what_was_not_written(recording):
    recording.say(100)
    wait_for(lambda: recording.size > 4_000)
    with full_disk(recording.size):
        recording.say(100)
        recording.recorder.finish(SPACE)
        recording.recorder.close()
    assert 100 <= recording.recorder.lost <= 150
    assert recording.levels()[:5] == pytest.approx(-12, abs=0.5)


def test_a_space_recorded_anew_takes_nothing_from_the_recording_that_waits(recording):
    second = recording.path.with_name("second.opus")
    recording.say(100)
    wait_for(lambda: recording.size > 4_000)
    with full_disk(recording.size):
        recording.say(100)
        recording.recorder.finish(SPACE)
        wait_for(lambda: recording.hears("recording_failed"))
        recording.recorder.open(SPACE, str(second))
        first, recording.position = recording.position, 0
        recording.say(150)
        recording.settle()
    recording.recorder.close()
    assert recording.recorder.lost == 0
    assert decoded(recording.path).size == first
    assert decoded(second).size == recording.position


def test_a_recording_whose_end_found_no_place_ends_where_the_next_begins(recording):
    second = recording.path.with_name("second.opus")
    recording.say(100)
    recording.recorder.open(SPACE, str(second))
    first, recording.position = recording.position, 0
    recording.say(50)
    recording.recorder.close()
    assert decoded(recording.path).size == first
    assert decoded(second).size == recording.position


def test_a_recording_without_a_word_leaves_no_file_and_the_next_its_own(recording):
    recording.recorder.finish(SPACE)
    second = recording.path.with_name("second.opus")
    recording.recorder.open(SPACE, str(second))
    recording.settle()
    recording.say(50)
    recording.recorder.close()
    assert not recording.path.exists()
    assert decoded(second).size == recording.position


def test_recordings_that_are_over_wait_in_a_bounded_place(recording):
    """Each fills what one may; the oldest are given up, and counted, for the latest."""
    paths = [recording.path.with_name(f"evening {number}.opus") for number in range(18)]
    with full_disk(0):
        for path in paths:
            recording.recorder.open(SPACE, str(path))
            recording.position, before = 0, recording.recorder.lost
            while recording.recorder.lost == before:
                recording.say(5_000)
                recording.settle()
            recording.recorder.finish(SPACE)
    recording.recorder.close()
    kept = [path.stat().st_size > 0 for path in paths]
    assert kept == sorted(kept), "the oldest go"
    assert 15 <= sum(kept) < 18
