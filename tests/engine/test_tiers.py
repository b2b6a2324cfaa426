"""Packets of 20 to 120 ms: who gets which, when, and that nobody misses a frame by a change."""

import itertools
import random
from collections import Counter

import pytest

from handmade import HandmadeClient
from opus_frames import frames_of
from spacescore._native import _core
from world import FRAME, RATE, SECOND_US, SPACE, TICK_US, World, tone

TIERS = [20, 40, 60, 120]
AS_WISHED, NO_RED, MS40, MS60, MS120 = range(5)


def frames_heard(person, since_us=0):
    """The timestamps of all frames, in the order in which they came."""
    return [
        heard.audio.timestamp + i * FRAME & 0xFFFFFFFF
        for heard in person.heard
        if heard.at_us >= since_us
        for i in range(_core.opus_samples(heard.audio.payload) // FRAME)
    ]


def durations(person, since_us=0):
    """Milliseconds of each packet."""
    return [
        _core.opus_samples(heard.audio.payload) * 1_000 // RATE
        for heard in person.heard
        if heard.at_us >= since_us
    ]


def is_unbroken(timestamps):
    return all(b - a & 0xFFFFFFFF == FRAME for a, b in itertools.pairwise(timestamps))


def spoken(person, since_us):
    """The timestamps of the frames from then on, up to the first silence."""
    frames = frames_heard(person, since_us)
    gaps = [b - a & 0xFFFFFFFF != FRAME for a, b in itertools.pairwise(frames)]
    return frames[: gaps.index(True) + 1] if True in gaps else frames


@pytest.fixture
def speaker(world):
    speaker = world.join("speaker", peer=7)
    speaker.say(0, tone(440))
    return speaker


@pytest.mark.parametrize("tier", TIERS)
def test_a_spaces_tier_is_what_its_listeners_get(world, speaker, tier):
    listeners = [world.join() for _ in range(6)]
    assert world.engine.set_tier(SPACE, tier)
    world.run(2)
    changed = world.now_us
    world.run(1.2)
    for listener in listeners:
        assert set(durations(listener, changed)) == {tier}
        assert len(durations(listener, changed)) == pytest.approx(1_200 / tier, abs=1)
        assert is_unbroken(frames_heard(listener, changed))
    assert world.engine.space_stats(SPACE).tiers == [6 * (tier == each) for each in TIERS]


def test_changes_of_any_tier_at_any_time_lose_nothing_and_repeat_nothing(world, speaker):
    rng = random.Random(3)
    listeners = [world.join() for _ in range(8)]
    world.run(2)
    for _ in range(150):
        if rng.random() < 0.4:
            world.engine.set_tier(SPACE, rng.choice([None, *TIERS]))
        else:
            session = rng.choice(listeners).session
            assert world.engine.set_listener_tier(session, rng.choice([None, *TIERS]))
        world.run(rng.choice([0.013, 0.04, 0.11, 0.3]))
    assert {*itertools.chain(*map(durations, listeners))} >= {20, 40, 60, 120}
    speaker.say(world.now_us, None)
    world.run(3)
    everything = spoken(listeners[0], SECOND_US)
    assert len(everything) > 500
    for listener in listeners:
        assert spoken(listener, SECOND_US)[-500:] == everything[-500:]
        assert len({*frames_heard(listener)}) == len(frames_heard(listener))
    assert "frames_abandoned" not in world.counters()


def test_members_of_a_tier_are_spread_evenly_over_its_ticks(world, speaker):
    listeners = [world.join() for _ in range(12)]
    world.engine.set_tier(SPACE, 60)
    world.run(2)
    since = world.now_us
    world.run(0.6)
    ticks = Counter(
        (heard.at_us - since) // TICK_US
        for listener in listeners
        for heard in listener.heard
        if heard.at_us >= since + TICK_US
    )
    assert {*list(ticks.values())[1:-1]} == {4}


@pytest.mark.parametrize("tier", TIERS)
def test_the_end_of_a_spurt_comes_when_it_is_due_not_with_the_next(world, speaker, tier):
    reference, *listeners = [world.join() for _ in range(7)]
    world.engine.set_tier(SPACE, tier)
    world.run(2)
    world.engine.set_listener_tier(reference.session, 20)
    world.run(1)
    speaker.say(world.now_us, None)
    world.run(3)  # a voice is heard out, and some silence
    end = spoken(reference, 2_200_000)[-1]
    came = {heard.audio.timestamp: heard.at_us for heard in reference.heard}[end]
    for listener in listeners:
        assert spoken(listener, 2_200_000)[-1] == end
        last = next(heard for heard in reversed(listener.heard) if heard.audio.timestamp <= end)
        assert last.at_us - came <= (tier - 20 + 5) * 1_000


def test_a_pinned_listener_keeps_its_tier_and_follows_again_when_let(world, speaker):
    pinned, other = world.join(), world.join()
    world.run(2)
    assert world.engine.set_listener_tier(pinned.session, 120)
    world.engine.set_tier(SPACE, 40)
    world.run(0.5)
    since = world.now_us
    world.run(1)
    assert set(durations(pinned, since)) == {120}
    assert set(durations(other, since)) == {40}
    assert world.engine.space_stats(SPACE).tiers == [0, 1, 0, 1]
    assert world.engine.set_listener_tier(pinned.session, None)
    world.run(0.5)
    since = world.now_us
    world.run(1)
    assert set(durations(pinned, since)) == {40}
    assert is_unbroken(frames_heard(pinned, 3 * SECOND_US // 2))


def test_tiers_of_nobody_and_nowhere(world, speaker):
    world.run(1)
    assert not world.engine.set_tier(1, 60)
    assert not world.engine.set_listener_tier(bytes(12), 60)
    assert not world.engine.set_listener_tier(speaker.session, 60)
    with pytest.raises(ValueError, match=r"^a tier is 20, 40, 60 or 120 ms$"):
        world.engine.set_tier(SPACE, 50)


def test_a_crowd_that_others_leave_and_enter_gets_every_frame():
    """More than go at once: there is always a lap under way."""
    world, rng = World(max_listeners=200, max_handshakes=200), random.Random(1)
    world.join("speaker", peer=7).say(0, tone(440))
    everybody = [world.join() for _ in range(150)]
    world.engine.set_tier(SPACE, 40)
    world.run(1.5)
    for _ in range(60):
        world.run(rng.uniform(0.001, 0.02))
        gone = everybody.pop(rng.randrange(len(everybody)))
        world.engine.end_session(world.now_us, gone.session)
        world.leave(gone)
    world.run(0.3)
    for person in everybody:
        assert is_unbroken(frames_heard(person, SECOND_US))
        newest = frames_heard(everybody[0])[-1]
        assert (frames_heard(person)[-1] - newest + 3 * FRAME) % 2**32 <= 6 * FRAME
    assert "frames_abandoned" not in world.counters()


def test_whoever_waits_for_their_turn_when_pinned_misses_none():
    """The lap they leave was to bring them a frame; the next one of the long tier is six away."""
    world, rng = World(max_listeners=200, max_handshakes=200), random.Random(1)
    world.join("speaker", peer=7).say(0, tone(440))
    listeners = [world.join() for _ in range(150)]
    world.run(1.5)
    for listener in listeners[:100]:
        world.run(rng.uniform(0.001, 0.02))
        assert world.engine.set_listener_tier(listener.session, 120)
    world.run(0.3)
    for listener in listeners:
        assert is_unbroken(frames_heard(listener, SECOND_US))
    assert "frames_abandoned" not in world.counters()


class BlockedWorld(World):
    """Its socket can be full: nothing goes out, and time goes on."""

    blocked = False

    def step(self):
        if not self.blocked:
            return super().step()
        for person in list(self.people.values()):
            self.step_person(person)
            for datagram in person.up.receive(self.now_us):
                self.engine.handle_datagram(self.now_us, person.address, datagram)
        return self.engine.handle_timeout(self.now_us)

    def block(self, seconds):
        self.blocked = True
        until = self.now_us + int(seconds * SECOND_US)
        while self.now_us < until:
            self.now_us += 1_000
            self.step()
        self.blocked = False


def test_a_worker_that_is_late_makes_packets_longer_and_later_shorter_again():
    world = BlockedWorld(spaces=[SPACE, SPACE + 1])
    speaker = world.join("speaker", peer=7)
    speaker.say(0, tone(440))
    listener, elsewhere = world.join(), world.join(space=SPACE + 1)
    world.engine.set_tier(SPACE + 1, 40)
    world.run(3)
    assert world.engine.relief == AS_WISHED
    world.block(0.4)
    assert world.engine.relief == MS40
    world.block(1)
    assert world.engine.relief == MS120
    assert world.engine.space_stats(SPACE).tiers == [0, 0, 0, 1]
    assert world.engine.space_stats(SPACE + 1).tiers == [0, 1, 0, 0]  # as it was told
    since = world.now_us
    world.run(0.5)
    assert set(durations(listener, since + 12 * TICK_US)) == {120}
    assert set(durations(speaker, since + 12 * TICK_US)) == {20}  # their own leg never
    assert world.counters()["frames_abandoned"] == 2
    world.run(45)
    assert world.engine.relief == AS_WISHED
    since = world.now_us
    world.run(1)
    assert set(durations(listener, since)) == {20}
    assert is_unbroken(frames_heard(listener, since - 40 * SECOND_US))
    assert elsewhere.client.state == "connected"


class LossyClient(HandmadeClient):
    """Reports the loss that it is told to have, and keeps the RTP it gets."""

    loss = 0.0

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.received, self._report_us = [], 0

    def handle_datagram(self, now_us, datagram):
        if self.state == "connected" and datagram[0] >= 128 and not _core.is_rtcp(datagram):
            self.received.append((now_us, self.opened(datagram)))
        else:
            super().handle_datagram(now_us, datagram)
        if self.state == "connected" and now_us >= self._report_us:
            self._report_us = now_us + 5 * SECOND_US
            block = _core.ReportBlock(ssrc=SPACE & 0xFFFFFFFF, fraction_lost=int(self.loss * 256))
            self.send(self.rtcp(_core.write_receiver_report(self.ssrc, [block])))


def payload_types(client, since_us):
    return {packet.payload_type for at_us, packet in client.received if at_us >= since_us}


@pytest.mark.parametrize("tier", [20, 60])
def test_who_reports_loss_gets_copies_until_the_path_is_clean_again(world, speaker, tier):
    listener = world.join(made_by=LossyClient, red_payload_type=63, payload_type=100)
    world.engine.set_tier(SPACE, tier)
    world.run(12)
    assert payload_types(listener.client, 0) == {100}
    listener.client.loss = 0.1
    world.run(11)
    since = world.now_us
    world.run(2)
    assert payload_types(listener.client, since) == {63}
    sequence, stamps = [], []
    for _, packet in (each for each in listener.client.received if each[0] >= since):
        *copies, primary = _core.parse_red(packet.payload)
        assert {kind for kind, *_ in (*copies, primary)} == {100}
        assert [offset for _, offset, _ in copies] == [3 * tier * 48, tier * 48]
        assert [len(frames_of(opus)) for *_, opus in (*copies, primary)] == [tier // 20] * 3
        sequence.append(packet.sequence)
        stamps.append(packet.timestamp)
    assert all(b - a & 0xFFFF == 1 for a, b in itertools.pairwise(sequence))
    assert all(b - a & 0xFFFFFFFF == tier * 48 for a, b in itertools.pairwise(stamps))
    assert world.counters()["red_packets"] >= len(sequence)
    listener.client.loss = 0.0
    world.run(24)
    assert payload_types(listener.client, world.now_us - SECOND_US) == {63}
    world.run(12)
    assert payload_types(listener.client, world.now_us - SECOND_US) == {100}


def test_who_takes_no_redundancy_gets_none_however_much_is_lost(world, speaker):
    listener = world.join(made_by=LossyClient)
    listener.client.loss = 0.5
    world.run(20)
    assert payload_types(listener.client, 0) == {111}
    assert "red_packets" not in world.counters()
