"""What holds of the jitter buffer whatever a sender and a link do; all time is virtual.

A sender talks in spurts, each ended by a DTX packet, with stamps that are some samples off the
grid, and begins anew from time to time. The link delays, overtakes, loses and doubles packets and
brings redundant copies with later ones. Every payload begins with a number of its own, so that
what is heard can be told apart from what only looks alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from spacescore._native import _core

Playout, Push = _core.Playout, _core.Push
TICK = 960  # samples of 20 ms at 48 kHz, which is how time is counted here
SECOND = 48_000
SPEECH, DTX = 80, 2  # bytes
RING = 64
START = SECOND


@dataclass(frozen=True)
class Frame:
    """What one packet holds."""

    number: int  # of all frames of the test
    epoch: int
    sequence: int  # not wrapped
    timestamp: int  # not wrapped
    sent: int
    samples: int
    ssrc: int
    size: int = SPEECH

    @property
    def payload(self) -> bytes:
        return self.number.to_bytes(2, "big") + bytes(self.size - 2)


@dataclass(frozen=True)
class Epoch:
    """What a sender does from one start to the next."""

    changes_ssrc: bool
    leap: int  # of the sequence number
    timestamp: int
    spurts: Sequence[tuple[int, int]]  # frames said, and frames of silence behind them
    wobble: Sequence[int]  # samples that stamps are off the grid, by turns


@dataclass(frozen=True)
class Fate:
    """What the link does to one packet; delays in samples."""

    delay: int = 0
    lost: bool = False
    again: int | None = None  # it comes once more, so much later
    copy: int = 0  # the packet so many later, if it comes, has a redundant copy of it


@dataclass(frozen=True)
class Arrival:
    at: int
    frame: Frame
    copy: bool = False


@dataclass(frozen=True)
class Entry:
    now: int
    what: object
    samples: int
    timestamp: int
    payload: bytes


def microseconds(samples: int) -> int:
    return samples * 125 // 6


def epochs(*, wobbles: int = 3) -> st.SearchStrategy[Epoch]:
    return st.builds(
        Epoch,
        changes_ssrc=st.booleans(),
        leap=st.sampled_from([10_000, 30_000, 50_000]),  # from nowhere in either direction
        timestamp=st.integers(0, 2**32 - 1) | st.just(2**32 - 5_000),
        spurts=st.lists(st.tuples(st.integers(2, 30), st.integers(1, 40)), min_size=1, max_size=4),
        wobble=st.lists(st.integers(-wobbles, wobbles), min_size=1, max_size=7),
    )


def fates() -> st.SearchStrategy[Fate]:
    late = st.sampled_from([0, 240, 960, 1_000]) | st.integers(0, SECOND // 5)
    return st.builds(
        Fate,
        delay=late,
        lost=st.sampled_from([False, False, True]),
        again=st.none() | late,
        copy=st.integers(0, 3),
    )


def said(plan: Sequence[Epoch], samples: int, tail: int = 0) -> Iterator[Frame]:
    """Every packet of a sender, in order; the last epoch ends in `tail` more without a pause."""
    now, number, sequence, ssrc = START, 0, 65_500, 1
    for index, epoch in enumerate(plan):
        ssrc += epoch.changes_ssrc
        sequence += epoch.leap
        base = epoch.timestamp + 2**32 - now
        last = index == len(plan) - 1
        for spoken, silent in [*epoch.spurts, *([(tail, 0)] if last and tail else [])]:
            for place in range(spoken):
                off = epoch.wobble[number % len(epoch.wobble)]
                size = DTX if place == spoken - 1 and silent else SPEECH
                yield Frame(number, index, sequence, base + now + off, now, samples, ssrc, size)
                number, sequence, now = number + 1, sequence + 1, now + samples
            now += silent * samples
        now += SECOND  # nothing of an epoch comes after the next has begun


def delivered(frames: Sequence[Frame], pattern: Sequence[Fate], calm: int) -> list[Arrival]:
    """By arrival. The first two of an epoch and the last `calm` come just so."""
    met = [pattern[place % len(pattern)] for place in range(len(frames))]
    for place, frame in enumerate(frames):
        second = place < 2 or frames[place - 2].epoch != frame.epoch
        if second or place >= len(frames) - calm:
            met[place] = Fate()
    arrivals = []
    for place, (frame, fate) in enumerate(zip(frames, met, strict=True)):
        arrivals += _times(frame, fate)
        if fate.copy and place + fate.copy < len(frames):
            bearer, brought = frames[place + fate.copy], met[place + fate.copy]
            if bearer.epoch == frame.epoch and not brought.lost:
                arrivals.append(Arrival(bearer.sent + brought.delay + 1, frame, copy=True))
    return sorted(arrivals, key=lambda arrival: arrival.at)


def _times(frame: Frame, fate: Fate) -> list[Arrival]:
    if fate.lost:
        return []
    came = frame.sent + fate.delay
    again = [] if fate.again is None else [Arrival(came + fate.again, frame)]
    return [Arrival(came, frame), *again]


@dataclass
class Call:
    """A mixer's half, and what it saw."""

    slab: _core.PayloadSlab = field(default_factory=_core.PayloadSlab)
    buffer: _core.JitterBuffer = field(init=False)
    outcomes: list[tuple[Arrival, object]] = field(default_factory=list)
    ticks: list[list[Entry]] = field(default_factory=list)
    fifo: int = 0

    def __post_init__(self) -> None:
        self.buffer = _core.JitterBuffer(slab=self.slab)

    def run(self, arrivals: Sequence[Arrival], *, after: int = 2 * SECOND) -> Call:
        place = 0
        for now in range(START + 300, arrivals[-1].at + after, TICK):
            while place < len(arrivals) and arrivals[place].at <= now:
                self._push(arrivals[place])
                place += 1
            self._tick(now)
        return self

    def _push(self, arrival: Arrival) -> None:
        frame = arrival.frame
        outcome = self.buffer.push(
            microseconds(arrival.at),
            frame.sequence % 2**16,
            frame.timestamp % 2**32,
            frame.payload,
            ssrc=frame.ssrc,
            samples=frame.samples,
            copy=arrival.copy,
        )
        self.outcomes.append((arrival, outcome))

    def _tick(self, now: int) -> None:
        entries = []
        while self.fifo < TICK:
            pop = self.buffer.pop(microseconds(now))
            self.fifo += pop.samples
            entries.append(Entry(now, pop.what, pop.samples, pop.timestamp, pop.payload))
            assert len(entries) <= 2 * TICK // 120 + 1  # a skip before each at the worst
        self.fifo -= TICK
        self.ticks.append(entries)

    @property
    def entries(self) -> list[Entry]:
        return [entry for tick in self.ticks for entry in tick]

    def heard(self, frames: Sequence[Frame]) -> list[tuple[Entry, Frame]]:
        played = [e for e in self.entries if e.what in {Playout.frame, Playout.accelerate}]
        return [(entry, frames[int.from_bytes(entry.payload[:2], "big")]) for entry in played]

    def left_out(self, samples: int) -> int:
        removed = self.buffer.stats().removed_samples_for_acceleration
        hurried = sum(entry.what == Playout.accelerate for entry in self.entries)
        return removed // samples - hurried

    def samples(self, *kinds: object) -> int:
        return sum(entry.samples for entry in self.entries if entry.what in kinds)


WILD = given(
    plan=st.lists(epochs(), min_size=1, max_size=3),
    samples=st.sampled_from([480, 960, 1_920, 2_880]),
    pattern=st.lists(fates(), min_size=1, max_size=40),
)
IDEAL = given(
    plan=st.lists(epochs(), min_size=1, max_size=3),
    samples=st.sampled_from([120, 240, 480, 960, 1_920, 2_880]),
    doubled=st.lists(st.booleans(), min_size=1, max_size=7),
)
OFTEN = settings(max_examples=150)


def wild(plan, samples, pattern) -> tuple[list[Frame], Call]:
    calm = 4 * SECOND // samples
    frames = list(said(plan, samples, tail=calm))
    return frames, Call().run(delivered(frames, pattern, calm))


@OFTEN
@WILD
def test_what_is_heard_is_what_was_said_once_and_in_order(plan, samples, pattern):
    frames, call = wild(plan, samples, pattern)
    heard = call.heard(frames)
    for entry, frame in heard:
        assert entry.payload == frame.payload
        lasts = samples if entry.what == Playout.frame else 0
        assert (entry.timestamp, entry.samples) == (frame.timestamp % 2**32, lasts)
        assert entry.now >= frame.sent
    numbers = [frame.number for _, frame in heard]
    assert numbers == sorted(set(numbers))


@OFTEN
@WILD
def test_what_is_repaired_is_not_heard_and_the_successor_that_repairs_it_was_said(
    plan, samples, pattern
):
    frames, call = wild(plan, samples, pattern)
    heard = {frame.number for _, frame in call.heard(frames)}
    repairs = [entry for entry in call.entries if entry.what == Playout.fec]
    bearers = [frames[int.from_bytes(entry.payload[:2], "big")] for entry in repairs]
    for entry, bearer in zip(repairs, bearers, strict=True):
        assert entry.payload == bearer.payload
        assert bearer.number - 1 not in heard
        assert 120 <= entry.samples <= samples
        before = frames[bearer.number - 2]
        together = bearer.sent - before.sent == 2 * samples
        if before.number in heard and together:
            ends = (entry.timestamp + entry.samples - before.timestamp) % 2**32
            assert abs(ends - 2 * samples) <= 6  # where the lost one ended, but for the wobble
    assert len({bearer.number for bearer in bearers}) == len(bearers)


@OFTEN
@WILD
def test_everything_that_came_is_accounted_for(plan, samples, pattern):
    frames, call = wild(plan, samples, pattern)
    stats = call.buffer.stats()
    came = [arrival.frame for arrival, _ in call.outcomes if not arrival.copy]
    assert stats.packets_received == len(came)
    assert stats.packets_lost == _holes(came)
    assert stats.restarts == len(plan) - 1

    of = Counter(outcome for _, outcome in call.outcomes)
    kept = of[Push.stored] + of[Push.restarted] + of[Push.held]
    heard = len(call.heard(frames))
    left_out = call.left_out(samples)
    assert heard <= kept <= heard + left_out + stats.packets_discarded
    assert stats.jitter_buffer_emitted_count == heard * samples
    made_up = call.samples(Playout.conceal, Playout.silence)
    assert stats.concealed_samples <= made_up
    assert call.samples(Playout.conceal) <= (
        stats.concealed_samples + stats.inserted_samples_for_deceleration
    )
    copies = {arrival.frame.number for arrival, _ in call.outcomes if arrival.copy}
    assert stats.packets_repaired <= len(copies)


def _holes(came: Sequence[Frame]) -> int:
    """RFC 3550 appendix A.3, in each epoch."""
    numbers = defaultdict(set)
    for frame in came:
        numbers[frame.epoch].add(frame.sequence)
    return sum(max(each) - min(each) + 1 - len(each) for each in numbers.values())


@OFTEN
@WILD
def test_a_packet_is_new_once(plan, samples, pattern):
    _, call = wild(plan, samples, pattern)
    known: set[int] = set()
    for arrival, outcome in call.outcomes:
        number = arrival.frame.number
        if arrival.copy:
            if outcome == Push.stored:
                assert number not in known
                known.add(number)
            continue
        assert (outcome == Push.duplicate) == (number in known)
        known.add(number)


@OFTEN
@WILD
def test_however_wild_a_link_was_the_sender_is_heard_soon_after(plan, samples, pattern):
    frames, call = wild(plan, samples, pattern)
    heard = call.heard(frames)
    last = frames[-SECOND // samples :]
    of_last = [entry.now - frame.sent for entry, frame in heard if frame.number >= last[0].number]
    assert len(of_last) >= len(last) / 2  # delay may yet be shed, at double speed
    longest = max(arrival.at - arrival.frame.sent for arrival, _ in call.outcomes)
    assert max(of_last) <= longest + samples + 2 * TICK
    assert call.fifo < samples
    assert call.slab.bytes <= (RING + 16) * 128


@OFTEN
@IDEAL
def test_on_a_link_that_does_nothing_nothing_is_missed(plan, samples, doubled):
    """Neither pauses nor restarts nor stamps off the grid are loss."""
    frames = list(said(plan, samples))
    pattern = [Fate(again=0 if twice else None) for twice in doubled]
    call = Call().run(delivered(frames, pattern, 0))
    stats = call.buffer.stats()
    assert stats.packets_lost == stats.packets_discarded == 0
    assert stats.concealed_samples == stats.fec_packets_received == 0
    assert len(call.heard(frames)) + call.left_out(samples) == len(frames)
    for (_, before), (entry, frame) in pairwise(call.heard(frames)):
        if frame.number == before.number + 1 and frame.epoch == before.epoch:
            continue
        live = 100 if frame.number > 50 else 200  # ms: a young stream is given more
        assert entry.now - frame.sent <= live * 48
