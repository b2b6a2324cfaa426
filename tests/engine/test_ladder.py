"""fanout/engine/ladder: everybody gets every frame once, in packets as long as they wish."""

import random
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opus_frames import frames_of
from spacescore._native import _core

FRAME = 960
SSRC = 0xCAFE
TIERS = [20, 40, 60, 120]
START = 2**32 - 40 * FRAME  # timestamps wrap while each test runs
LARGEST = 1_143  # of a packet that is merged
CELT, STEREO, HYBRID, SILK = 0xF8, 0xFC, 0x78, 0x08


@dataclass
class Stage:
    """What a room does with its ladder: a frame or none at each tick."""

    ladder: object = field(default_factory=lambda: _core.Ladder(SSRC, START))
    tick: int = 0
    published: dict = field(default_factory=dict)  # by timestamp

    @property
    def timestamp(self) -> int:
        return (START + self.tick * FRAME) % 2**32

    def silence(self, ticks=1):
        self.tick += ticks

    def speak(self, payload, *, marker=False, csrc=()):
        frame = SimpleNamespace(payload=payload, marker=marker, csrc=list(csrc))
        self.published[self.timestamp] = frame
        self.ladder.push(self.timestamp, payload, marker, frame.csrc)
        self.tick += 1


class Listener:
    """A row of the audience: all it knows is the timestamp that it has not been sent."""

    def __init__(self, stage, tier=20, *, phase=0, red=False):
        self.stage, self.tier, self.phase, self.red = stage, tier, phase, red
        self.next = stage.ladder.next_timestamp
        self.packets = []

    def serve(self):
        """Called after each tick, whether it brought a frame or not."""
        if _core.is_due(self.tier, self.phase, self.stage.tick):
            self.catch_up()

    def catch_up(self):
        while step := self.stage.ladder.next(self.next, self.red):
            datagram, self.next = step
            self.packets.append(_core.parse_rtp(datagram))

    @property
    def frames(self):
        return [frame for packet in self.packets for frame in framed(packet)]


def framed(packet):
    """(timestamp, frame) for each frame in a packet."""
    return [
        ((packet.timestamp + i * FRAME) % 2**32, frame)
        for i, frame in enumerate(frames_of(packet.payload))
    ]


def frames_published(stage):
    return [(timestamp, frame.payload[1:]) for timestamp, frame in stage.published.items()]


def spoken(number, size=80, toc=CELT):
    """A packet unlike its neighbours."""
    return bytes([toc]) + (number.to_bytes(4) * 400)[:size]


SEGMENTS = st.lists(
    st.tuples(
        st.integers(1, 14),  # ticks
        st.sampled_from([None, CELT, CELT, CELT, STEREO, HYBRID, SILK]),
        st.sampled_from([0, 1, 80, 81, 300, 700, 1_274]),  # bytes a frame
        st.sets(st.integers(1, 3)),  # who is heard
        st.sampled_from(TIERS),
    ),
    max_size=25,
)


def play(segments, listeners):
    """Speech and silence by segments; at each of them the last listener changes its tier."""
    stage = listeners[0].stage
    silent = True
    for ticks, toc, size, heard, tier in segments:
        listeners[-1].tier = tier
        for _ in range(ticks):
            if toc is None:
                stage.silence()
            else:
                payload = spoken(stage.tick, size, toc)
                stage.speak(payload, marker=silent, csrc=sorted(heard))
            silent = toc is None
            for listener in listeners:
                listener.serve()
    stage.silence(6)
    for listener in listeners:
        listener.catch_up()


@given(SEGMENTS, st.integers(0, 5))
def test_whatever_is_said_and_whoever_changes_tier_gets_each_frame_once_in_order(segments, phase):
    stage = Stage()
    listeners = [Listener(stage, tier, phase=phase) for tier in [*TIERS, 20]]
    play(segments, listeners)
    for listener in listeners:
        assert listener.frames == frames_published(stage)
    assert stage.ladder.skips == stage.ladder.rejects == 0


@given(SEGMENTS, st.integers(0, 5))
def test_a_packet_names_all_who_are_heard_in_it_and_the_start_of_their_spurt(segments, phase):
    stage = Stage()
    listeners = [Listener(stage, tier, phase=phase) for tier in [*TIERS, 20]]
    play(segments, listeners)
    for packet in (packet for listener in listeners for packet in listener.packets):
        first, *others = [stage.published[timestamp] for timestamp, _ in framed(packet)]
        assert packet.marker == first.marker
        assert not any(frame.marker for frame in others)
        assert sorted(packet.csrc) == sorted({*first.csrc}.union(*(each.csrc for each in others)))
        assert packet.ssrc == SSRC


@given(SEGMENTS, st.integers(0, 5), st.sampled_from(TIERS))
def test_a_packet_ends_early_only_for_silence_mode_size_or_a_new_spurt(segments, phase, tier):
    stage = Stage()
    listener = Listener(stage, tier, phase=phase)
    play([(*rest, tier) for *rest, _ in segments], [listener])
    for one, other in zip(listener.packets, listener.packets[1:], strict=False):
        frames, following = framed(one), framed(other)
        last = frames[-1][0]
        goes_on = other.timestamp == (last + FRAME) % 2**32 and not other.marker
        same_mode = one.payload[0] & 0xFC == other.payload[0] & 0xFC
        fits = len(one.payload) + len(following[0][1]) + 2 <= LARGEST  # a length takes two bytes
        served = _core.is_due(tier, phase, (last - START) % 2**32 // FRAME + 1)
        assert served or not (goes_on and same_mode and fits)
        assert len(frames) <= tier // 20
        assert len(frames) == 1 or len(one.payload) <= LARGEST


@given(SEGMENTS, st.integers(0, 5), st.sampled_from(TIERS))
def test_nothing_waits_longer_than_its_packet_lasts_not_even_the_end_of_a_spurt(
    segments, phase, tier
):
    stage = Stage()
    listener = Listener(stage, tier, phase=phase)
    for ticks, toc, size, *_ in segments:
        for _ in range(ticks):
            stage.silence() if toc is None else stage.speak(spoken(stage.tick, size, toc))
            before = len(listener.packets)
            listener.serve()
            waited = [
                stage.tick - 1 - (timestamp - START) % 2**32 // FRAME
                for packet in listener.packets[before:]
                for timestamp, _ in framed(packet)
            ]
            assert max(waited, default=0) < tier // 20
    stage.silence(6)
    listener.catch_up()
    assert listener.frames == frames_published(stage)


def test_members_of_a_tier_are_served_in_equal_shares():
    for tier in TIERS:
        for tick in range(12):
            due = sum(_core.is_due(tier, phase, tick) for phase in range(6))
            assert due == 6 * 20 // tier


def test_every_tier_is_due_at_every_sixth_tick():
    """So whoever changes tier, and however often, is at most six ticks behind."""
    for phase in range(6):
        assert [all(_core.is_due(tier, phase, tick) for tier in TIERS) for tick in range(12)].count(
            True
        ) == 2


@pytest.mark.parametrize("bitrate", [12_000, 24_000, 32_000, 64_000])
def test_any_path_over_the_tiers_sounds_the_same_bit_by_bit(bitrate):
    rng = random.Random(bitrate)
    encoder, stage = _core.OpusEncoder(bitrate=bitrate, dtx=False), Stage()
    listeners = [Listener(stage, tier) for tier in [*TIERS, 20]]
    noise = np.random.default_rng(1)
    hush = 0
    for _ in range(1_500):
        hush = rng.randrange(40) if rng.random() < 0.02 else max(0, hush - 1)
        wave = noise.standard_normal(FRAME).astype(np.float32) * 0.1 * rng.random()
        if hush:
            stage.silence()
        else:
            stage.speak(encoder.encode(np.cumsum(wave) * 0.05 if rng.random() < 0.9 else wave))
        if rng.random() < 0.1:
            listeners[-1].tier = rng.choice(TIERS)
        for listener in listeners:
            listener.serve()
    expected, *others = [heard(listener) for listener in listeners]
    assert expected.size > 500 * FRAME
    for samples in others:
        np.testing.assert_array_equal(samples, expected)
    assert len(listeners[3].packets) < len(listeners[2].packets) < len(listeners[0].packets) / 2


def heard(listener):
    listener.stage.silence(6)
    listener.catch_up()
    decoder = _core.OpusDecoder()
    return np.concatenate([decoder.decode(packet.payload) for packet in listener.packets])


def test_who_is_late_by_the_longest_packet_gets_all_in_two_of_them():
    stage = Stage()
    listener = Listener(stage, 120)
    for number in range(12):
        stage.speak(spoken(number))
    listener.catch_up()
    assert listener.frames == frames_published(stage)
    assert len(listener.packets) == 2
    assert stage.ladder.skips == 0


def test_who_is_further_behind_gets_the_newest_twelve_frames_and_is_counted():
    stage = Stage()
    late, later = Listener(stage), Listener(stage)
    for number in range(13):
        stage.speak(spoken(number))
    late.catch_up()
    assert late.frames == frames_published(stage)[1:]
    assert stage.ladder.skips == 1
    for number in range(90):
        stage.speak(spoken(number))
    later.catch_up()
    assert later.frames == frames_published(stage)[-12:]
    assert stage.ladder.skips == 2


def test_who_missed_nothing_but_silence_is_not_behind():
    stage = Stage()
    listener = Listener(stage)
    stage.speak(spoken(1))
    listener.catch_up()
    stage.silence(500)
    stage.speak(spoken(2))
    listener.catch_up()
    assert listener.frames == frames_published(stage)
    stage.silence(10)
    stage.speak(spoken(3))  # with the last one twelve ticks ago
    stage.silence(1)
    stage.speak(spoken(4))  # ... and now two frames wait, of more than twelve ticks
    Listener(stage).catch_up()
    listener.catch_up()
    assert listener.frames == frames_published(stage)
    assert stage.ladder.skips == 0


def test_a_frame_that_was_missed_before_a_silence_is_a_skip():
    stage = Stage()
    listener = Listener(stage)
    stage.speak(spoken(1))
    stage.silence(11)
    stage.speak(spoken(2))
    listener.catch_up()
    assert listener.frames == frames_published(stage)[1:]
    assert stage.ladder.skips == 1


def test_who_joins_gets_the_next_frame_first():
    stage = Stage()
    stage.speak(spoken(1))
    listener = Listener(stage)
    listener.catch_up()
    assert listener.packets == []
    stage.speak(spoken(2))
    listener.catch_up()
    assert listener.frames == frames_published(stage)[1:]


def test_a_ladder_without_frames_has_no_packets():
    ladder = _core.Ladder(SSRC, START)
    assert ladder.next(START) is None
    assert ladder.next(START - 100 * FRAME, red=True) is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xfb", bytes([0x18, 7]), b"\xf9\x01\x02", bytes([CELT]) + bytes(1_275)],
)
def test_what_is_not_20_ms_of_opus_is_counted_and_left_out(payload):
    stage = Stage()
    listener = Listener(stage, 60)
    stage.speak(spoken(1))
    stage.ladder.push(stage.timestamp, payload)
    stage.silence()
    listener.catch_up()
    assert len(listener.frames) == 1
    assert stage.ladder.rejects == 1


def test_a_frame_that_is_not_newer_or_off_the_clock_is_left_out():
    stage = Stage()
    stage.speak(spoken(1))
    for timestamp in (START, START - FRAME, START + 1, START + FRAME + 1):
        stage.ladder.push(timestamp, spoken(2))
    assert stage.ladder.rejects == 4
    assert stage.ladder.next_timestamp == START + FRAME


def test_a_single_frame_larger_than_merged_ones_may_be_goes_alone():
    stage = Stage()
    plain, red = Listener(stage), Listener(stage, red=True)
    for size in (10, 1_274, 10):
        stage.speak(spoken(size, size))
    plain.catch_up()
    red.catch_up()
    assert [len(packet.payload) for packet in plain.packets] == [11, 1_275, 11]
    assert [_core.parse_red(packet.payload)[-1][2] for packet in red.packets] == [
        packet.payload for packet in plain.packets
    ]


def blocks_of(packet):
    """(timestamp, Opus packet) for each block of a redundant packet."""
    return [
        ((packet.timestamp - offset) % 2**32, payload)
        for _, offset, payload in _core.parse_red(packet.payload)
    ]


@given(SEGMENTS, st.integers(0, 5))
def test_redundant_packets_carry_what_plain_ones_do_and_true_copies_before_it(segments, phase):
    stage = Stage()
    pairs = [
        (Listener(stage, tier, phase=phase), Listener(stage, tier, phase=phase, red=True))
        for tier in TIERS
    ]
    play(segments, [listener for pair in pairs for listener in pair] + [Listener(stage)])
    for plain, red in pairs:
        assert len(plain.packets) == len(red.packets)
        for one, other in zip(plain.packets, red.packets, strict=True):
            assert (one.timestamp, one.marker, one.csrc) == (
                other.timestamp,
                other.marker,
                other.csrc,
            )
            *copies, primary = blocks_of(other)
            assert primary == (one.timestamp, one.payload)
            assert not copies or len(other.payload) <= LARGEST + 1
            copied = [
                ((timestamp + i * FRAME) % 2**32, frame)
                for timestamp, payload in copies
                for i, frame in enumerate(frames_of(payload))
            ]
            assert copied == [pair for pair in frames_published(stage) if pair in copied]
            assert all((one.timestamp - timestamp) % 2**32 < 2**14 for timestamp, _ in copied)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("burst", [1, 2])
def test_lost_packets_come_again_with_those_after_them(tier, burst):
    stage = Stage()
    listener = Listener(stage, tier, red=True)
    for number in range(120):
        stage.speak(spoken(number, 40))
        listener.serve()
    for lost in range(2, len(listener.packets) - 4):
        kept = listener.packets[:lost] + listener.packets[lost + burst :]
        got = {
            ((timestamp + i * FRAME) % 2**32, frame)
            for packet in kept
            for timestamp, payload in blocks_of(packet)
            for i, frame in enumerate(frames_of(payload))
        }
        missing = set(frames_published(stage)) - got
        # Three packets of 120 ms are more than 14 bits of offset: their first frame is lost.
        assert len(missing) == (1 if tier == 120 and burst == 2 else 0)


def test_copies_stop_where_the_datagram_is_full():
    stage = Stage()
    listener = Listener(stage, 60, red=True)
    for number in range(30):
        stage.speak(spoken(number, 150))
        listener.serve()
    *copies, _ = blocks_of(listener.packets[-1])
    assert [len(frames_of(payload)) for _, payload in copies] == [1, 3]
    assert 1_000 < len(listener.packets[-1].payload) <= LARGEST + 1
