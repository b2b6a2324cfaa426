"""The hard cases, with what others do in them beside it.

Where a rival is installed (libspeexdsp, aiortc) it runs; LiveKit's rule is a model by us.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from spacescore._native import _batch, _core
from spacescore.jitterlab.aiortc_buffer import aiortc_is_here, make_buffer
from spacescore.jitterlab.speex import SpeexBuffer, speex_is_here

FRAME_US = 20_000
START_US = 1_000_000

needs_speex = pytest.mark.skipif(not speex_is_here(), reason="libspeexdsp1 is not installed")
needs_aiortc = pytest.mark.skipif(not aiortc_is_here(), reason="aiortc is not installed")


def stream(count: int, *, sequence: int = 100, timestamp: int = 5_000) -> np.ndarray:
    """Frames of 20 ms that come just so."""
    i = np.arange(count)
    packets = np.zeros(count, _batch.PACKET)
    packets["arrival_us"] = START_US + i * FRAME_US
    packets["sequence"] = (sequence + i) % 2**16
    packets["timestamp"] = (timestamp + 960 * i) % 2**32
    packets["size"], packets["samples"], packets["level"] = 80, 960, 127
    return packets


def heard(packets: np.ndarray) -> np.ndarray:
    """When each of ours was heard, -1 for never; seven ms between arrival and tick."""
    run = _batch.replay(packets, first_tick_us=START_US + 7_000, ticks=len(packets) + 200)
    return run.packets["played_us"]


def test_a_sequence_wrap_loses_no_frame_of_ours():
    packets = stream(2_000, sequence=2**16 - 1_000)
    assert (heard(packets) >= 0).all()


@needs_speex
def test_a_sequence_wrap_loses_23_frames_of_a_bridge_that_makes_timestamps_of_sequence_numbers(
    capfd,
):
    """Janus's AudioBridge gives speexdsp uint16 sequence numbers times 960 as timestamps."""
    buffer = SpeexBuffer(step=960)
    played = set()
    for i in range(2_000):
        buffer.put((2**16 - 1_000 + i) % 2**16 * 960, i)
        played.add(buffer.get())
    lost = [i for i in range(900, 1_900) if i not in played]
    assert 20 <= len(lost) <= 26
    assert min(lost) >= 990
    capfd.readouterr()  # the library complains


def test_one_lost_packet_changes_no_delay_of_ours():
    packets = stream(1_000)
    whole = heard(packets)
    holed = heard(np.delete(packets, 500))
    assert (np.delete(whole, 500)[520:] == holed[520:]).all()
    assert np.count_nonzero(holed < 0) == 0


@needs_aiortc
def test_one_lost_packet_costs_aiortc_200_ms_for_ever_and_four_good_packets():
    buffer = make_buffer()
    lag, released = {}, set()
    for number in range(1_000):
        if number == 500:
            continue
        packet = SimpleNamespace(
            sequence_number=number, timestamp=960 * number, _data=number.to_bytes(4, "big")
        )
        frame = buffer.add(packet)[1]
        if frame is not None:
            played = int.from_bytes(frame.data, "big")
            lag[number] = 20 * (number - played)
            released.add(played)
    assert lag[499] == 80
    assert {lag[number] for number in range(600, 1_000)} == {280}
    assert len(set(range(900)) - released - {500}) == 4


def restarted_backwards() -> np.ndarray:
    packets = stream(700, sequence=20_000)
    packets["sequence"][100:] = (11_400 + np.arange(600)) % 2**16  # 8,600 frames: 172 s of them
    packets["timestamp"][100:] = 77 + 960 * np.arange(600)
    return packets


def test_a_backward_restart_of_ours_is_heard_again_within_two_packets():
    packets = restarted_backwards()
    played = heard(packets)
    second = packets["arrival_us"][101]
    assert played[100:].max() > 0
    assert played[100:][played[100:] > 0].min() <= second + 2 * FRAME_US


def test_a_backward_restart_silences_a_buffer_that_takes_it_for_late_packets():
    """A model of the documented behaviour of LiveKit's media-sdk before 2026 (issue 86).

    What is behind the play head is late, and dropped, until the sequence number is past it again.
    """
    head, dropped = 0, 0
    sequence = np.concatenate([np.arange(20_000, 20_100), np.arange(11_400, 21_000)])
    for number in sequence.tolist():
        if number < head:
            dropped += 1
        else:
            head = number + 1
    assert dropped * FRAME_US / 1e6 == pytest.approx(172, abs=3)


def test_after_ten_seconds_of_storm_ours_is_back_within_three():
    rng = np.random.default_rng(7)
    packets = stream(1_400)
    jitter = rng.uniform(0, 5_000, 1_400)
    jitter[500:1_000] = rng.uniform(0, 500_000, 500)
    packets["arrival_us"] += jitter.astype(np.int64)
    order = np.argsort(packets["arrival_us"], kind="stable")
    played = np.empty(1_400, np.int64)
    played[order] = heard(packets[order])
    lag = (played - START_US - np.arange(1_400) * FRAME_US) / 1_000
    before = lag[450:500].max()
    after = lag[1_000 + 150 :][played[1_150:] > 0]
    assert after.max() <= before + 20.1


@needs_speex
def test_a_storm_leaves_speexdsp_with_its_delay_for_longer(capfd):
    """Janus's issue 3353; here with the library's own tick per frame."""
    rng = np.random.default_rng(7)
    jitter = rng.uniform(0, 5_000, 1_400)
    jitter[500:1_000] = rng.uniform(0, 500_000, 500)
    arrival = np.arange(1_400) * FRAME_US + jitter
    order = np.argsort(arrival, kind="stable").tolist()
    buffer = SpeexBuffer(step=960)
    lag, row = {}, 0
    for tick in range(1_390):
        while row < 1_400 and arrival[order[row]] <= tick * FRAME_US:
            buffer.put(960 * order[row], order[row])
            row += 1
        played = buffer.get()
        if played is not None:
            lag[played] = 20 * (tick - played)
    before = max(ms for number, ms in lag.items() if 450 <= number < 500)
    three_seconds_on = [ms for number, ms in lag.items() if number >= 1_150]
    assert max(three_seconds_on) > before + 20
    capfd.readouterr()


DEEP = 30  # packets, 600 ms


def overtaken() -> tuple[np.ndarray, np.ndarray]:
    """One in five takes a longer way; also the number of each, in order of arrival."""
    packets = stream(2_000)
    number = np.arange(2_000)
    slow = (number % 5 == 0) & (number > 50)
    packets["arrival_us"] += np.where(slow, DEEP * FRAME_US + 1_000, 0)
    order = np.argsort(packets["arrival_us"], kind="stable")
    return packets[order], order


SETTLED = range(250, 1_900)


def test_deep_reorder_loses_no_frame_of_ours_once_the_delay_has_grown():
    packets, order = overtaken()
    played = np.empty(2_000, np.int64)
    played[order] = heard(packets)
    in_order = played[played >= 0]
    assert (np.diff(in_order) > 0).all()
    assert (played[SETTLED] >= 0).all()
    assert 600 <= (played - START_US)[1_000] / 1_000 - 20 * 1_000 <= 660


@needs_aiortc
def test_deep_reorder_stops_aiortc_for_good():
    buffer = make_buffer()
    released = set()
    for number in overtaken()[1].tolist():
        packet = SimpleNamespace(
            sequence_number=number, timestamp=960 * number, _data=number.to_bytes(4, "big")
        )
        frame = buffer.add(packet)[1]
        if frame is not None:
            released.add(int.from_bytes(frame.data, "big"))
    assert not released & set(SETTLED)


@needs_speex
def test_deep_reorder_costs_speexdsp_what_was_overtaken(capfd):
    packets, order = overtaken()
    arrival = packets["arrival_us"].tolist()
    buffer, row, played = SpeexBuffer(step=960), 0, set()
    for tick in range(2_000):
        while row < 2_000 and arrival[row] <= START_US + 7_000 + tick * FRAME_US:
            buffer.put(960 * int(order[row]), int(order[row]))
            row += 1
        played.add(buffer.get())
    assert len(set(SETTLED) - played) >= 0.15 * len(SETTLED)
    capfd.readouterr()


TALK, REFRESHES, REFRESH_FRAMES = 500, 1_500, 20  # ten minutes, a refresh each 400 ms


def discontinuous() -> np.ndarray:
    packets = stream(TALK + REFRESHES)
    frame = np.arange(TALK + REFRESHES)
    frame[TALK:] = TALK + REFRESH_FRAMES * np.arange(REFRESHES)
    packets["arrival_us"] = START_US + frame * FRAME_US
    packets["timestamp"] = 5_000 + 960 * frame
    packets["size"][TALK:] = 2
    return packets


def test_ten_minutes_of_dtx_are_none_of_them_loss_to_ours():
    packets = discontinuous()
    ticks = TALK + REFRESH_FRAMES * REFRESHES - 20
    run = _batch.replay(packets, first_tick_us=START_US + 7_000, ticks=ticks)
    assert run.stats["concealed_samples"] == 0
    assert run.stats["packets_lost"] == 0
    kinds = np.bincount(run.ticks["what"][TALK:], minlength=8)
    frame, dtx = int(_core.Playout.frame), int(_core.Playout.dtx)
    assert kinds[frame] + kinds[dtx] == kinds.sum()
    assert kinds[dtx] >= 0.94 * kinds.sum()


@needs_speex
def test_ten_minutes_of_dtx_are_missing_packets_to_speexdsp(capfd):
    """It says so for every tick between two refreshes: whoever asks is to conceal 570 seconds."""
    frames = ((discontinuous()["timestamp"].astype(int) - 5_000) // 960).tolist()
    buffer, row, missing = SpeexBuffer(step=960), 0, 0
    for tick in range(TALK + REFRESH_FRAMES * REFRESHES):
        while row < len(frames) and frames[row] <= tick:
            buffer.put(960 * frames[row], row)
            row += 1
        missing += buffer.get() is None and tick >= TALK
    assert missing * FRAME_US / 1e6 == pytest.approx(570, abs=5)
    capfd.readouterr()


def test_a_constant_step_of_the_delay_is_followed_up_and_down():
    packets = stream(1_500)
    step = np.where((np.arange(1_500) >= 500) & (np.arange(1_500) < 1_000), 150_000, 0)
    packets["arrival_us"] += step
    order = np.argsort(packets["arrival_us"], kind="stable")
    played = np.empty(1_500, np.int64)
    played[order] = heard(packets[order])
    lag = (played - packets["arrival_us"]) / 1_000
    # Four seconds until the shorter way is forgotten, three until the late packets are.
    for settled in (slice(870, 990), slice(1_300, 1_500)):
        assert (played[settled] > 0).all()
        assert lag[settled].max() <= 50
