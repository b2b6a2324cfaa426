"""A space from the outside: who speaks is heard by all but themselves."""

import itertools

import numpy as np
import pytest

from spacescore._native import _core
from world import FRAME, SPACE, TICK_US, World, strength, tone

LOUD = 0.2  # of a tone sent at 0.25, what a voice codec leaves of it


def test_a_listener_with_a_ticket_hears_a_speaker(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(3)
    assert listener.client.state == "connected"
    assert strength(listener.samples(), 440) > LOUD
    assert listener.client.stats.packets_lost == 0
    assert world.drops() == {}


def test_the_contributing_sources_name_who_speaks(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    world.join("speaker", peer=8)
    speaker.say(0, tone(440))
    world.run(2)
    assert listener.heard[-1].audio.csrc == [7]


def test_two_speakers_hear_each_other_but_not_themselves(world):
    high, low = world.join("speaker", peer=1), world.join("speaker", peer=2)
    listener = world.join()
    high.say(0, tone(1_000))
    low.say(0, tone(400))
    world.run(4)
    assert strength(high.samples(), 400) > LOUD > 10 * strength(high.samples(), 1_000)
    assert strength(low.samples(), 1_000) > LOUD > 10 * strength(low.samples(), 400)
    assert (high.heard[-1].audio.csrc, low.heard[-1].audio.csrc) == ([2], [1])
    assert listener.heard[-1].audio.csrc == [1, 2]
    assert min(strength(listener.samples(), f) for f in (400, 1_000)) > LOUD


def test_a_fourth_voice_is_not_mixed_while_three_are_louder(world):
    for peer, amplitude in ((1, 0.2), (2, 0.2), (3, 0.2), (4, 0.01)):
        world.join("speaker", peer=peer).say(0, tone(300 * peer, amplitude))
    listener = world.join()
    world.run(3)
    assert listener.heard[-1].audio.csrc == [1, 2, 3]


def test_spaces_do_not_hear_each_other():
    other = SPACE + 1
    world = World(spaces=(SPACE, other))
    world.join("speaker", peer=1).say(0, tone(440))
    inside, outside = world.join(), world.join(space=other)
    world.run(2)
    assert strength(inside.samples(), 440) > LOUD
    assert strength(outside.samples(), 440) < 0.001


def test_a_speaker_who_only_sends_is_heard_and_gets_reports_but_no_media(world):
    studio, listener = world.join("speaker", peer=7, sends_only=True), world.join()
    studio.say(0, tone(440))
    world.run(3)
    assert strength(listener.samples(), 440) > LOUD
    assert studio.heard == []
    assert studio.client.stats.remote is not None


def test_a_muted_speaker_is_silent_until_unmuted(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(1)
    assert world.engine.set_muted(SPACE, 7, True)
    world.run(2)
    assert world.engine.space_stats(SPACE).speakers[0].muted
    muted = len(listener.heard)
    world.run(2)
    assert strength(listener.samples()[-FRAME:], 440) < 0.001 or len(listener.heard) == muted
    world.engine.set_muted(SPACE, 7, False)
    world.run(2)
    assert strength(listener.samples(), 440) > LOUD


def test_a_new_connection_does_not_undo_a_mute(world):
    world.join("speaker", peer=7)
    world.run(1)
    world.engine.set_muted(SPACE, 7, True)
    world.join("speaker", peer=7)
    world.run(1)
    assert world.events[-1].kind == "speaker_joined"
    assert world.engine.space_stats(SPACE).speakers[0].muted


def test_sequence_numbers_have_no_gaps_and_time_runs_with_the_clock(world):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join()
    world.run(3)
    heard = listener.heard
    assert {b.audio.index - a.audio.index for a, b in itertools.pairwise(heard)} == {1}
    talk = heard[len(heard) // 2 :]
    assert {
        b.audio.timestamp - a.audio.timestamp & 0xFFFFFFFF for a, b in itertools.pairwise(talk)
    } == {FRAME}


def test_an_empty_stage_sends_silence_now_and_then_so_that_nobody_times_out(world):
    listener = world.join()
    world.run(10)
    assert 20 <= len(listener.heard) <= 30
    assert np.abs(listener.samples()).max() < 1e-6


def test_the_recording_is_the_shared_mix_on_the_rooms_time_line(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    world.run(1)
    speaker.say(world.now_us, tone(440))
    world.run(3)
    payloads = [heard.audio.payload for heard in listener.heard]
    assert all(packet in payloads for _, _, packet in world.recorded[:-5])
    positions = [position for _, position, _ in world.recorded]
    assert positions == sorted(set(positions))
    assert all(position % FRAME == 0 for position in positions)
    assert world.engine.space_stats(SPACE).recorded_samples == positions[-1] + FRAME


def test_a_person_who_comes_back_replaces_their_own_earlier_session(world):
    first = world.join("speaker", peer=7)
    world.run(1)
    second = world.join("speaker", peer=7)
    second.say(world.now_us, tone(440))
    world.run(2)
    assert world.engine.speakers == 1
    assert [(e.kind, e.detail) for e in world.events if e.session == first.session] == [
        ("speaker_joined", ""),
        ("speaker_left", "replaced"),
    ]


def test_removing_a_speaker_says_goodbye_and_tells_why(world):
    speaker = world.join("speaker", peer=7)
    world.run(1)
    assert world.engine.remove_peer(SPACE, 7)
    assert not world.engine.remove_peer(SPACE, 7)
    world.run(0.1)
    assert [(e.kind, e.peer, e.detail) for e in world.events][-1] == ("speaker_left", 7, "removed")
    assert world.engine.speakers == 0
    assert speaker.client.stats.reports_received > 0


def test_closing_a_space_frees_every_row_and_says_goodbye_to_each():
    world = World(max_listeners=300)
    listeners = [world.join(address=("10.1.0.1", 2_000 + i)) for i in range(200)]
    world.run(2)
    assert world.engine.space_stats(SPACE).listeners == 200
    before = [len(listener.down.sent) for listener in listeners]
    assert world.engine.close_space(SPACE)
    world.run(0.1)
    assert world.engine.listeners == 0
    assert all(len(p.down.sent) > n for p, n in zip(listeners, before, strict=True))
    with pytest.raises(KeyError):
        world.engine.space_stats(SPACE)


def test_a_space_cannot_be_created_twice(world):
    with pytest.raises(ValueError, match="exists"):
        world.engine.create_space(0, SPACE)


def test_who_is_heard_is_told_as_it_changes(world):
    speaker = world.join("speaker", peer=7)
    speaker.say(0, tone(440))
    world.run(2)
    speaker.say(0, None)
    world.run(3)
    heard = [event.peers for event in world.events if event.kind == "active_speakers"]
    assert heard == [[7], []]


def test_a_late_tick_is_counted_and_the_clock_catches_up(world):
    world.run(1)
    world.now_us += 50_000
    world.step()
    world.run(1)
    assert world.counters()["ticks_late"] >= 1


LATENESS = ("over_1ms", "over_2ms", "over_5ms", "late", "over_20ms", "over_50ms")


@pytest.mark.parametrize(
    ("us", "exceeded"), [(1_000, 0), (1_001, 1), (2_500, 2), (6_000, 3), (11_000, 4), (21_000, 5)]
)
def test_how_late_a_tick_came_is_told_by_thresholds(world, us, exceeded):
    world.run(1)
    before = world.counters()
    world.now_us = world.engine.next_timeout(world.now_us) + us
    world.step()
    after = world.counters()
    over = [after.get(f"ticks_{name}", 0) - before.get(f"ticks_{name}", 0) for name in LATENESS]
    assert after["ticks"] > before["ticks"]
    assert over == [1] * exceeded + [0] * (len(LATENESS) - exceeded)


def test_speech_pauses_cost_listeners_next_to_nothing(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    silence = (bytes([0xF8, 0xFF, 0xFE]) for _ in itertools.count())
    speaker.say(0, ((packet, FRAME) for packet in silence))
    world.run(10)
    assert len(listener.heard) < 60  # silence now and then, not 50 packets a second
    assert not np.any(np.abs(listener.samples()) > 1e-3)


def test_the_last_member_may_leave_while_a_frame_waits_for_them(world):
    """The socket is blocked, nobody is left to send to, and the room goes on."""
    speaker, listener = world.join("speaker", peer=7), world.join()
    world.run(1)
    speaker.say(world.now_us, tone(440))
    world.run(1)
    for _ in range(20):
        world.now_us += 1_000
        world.engine.handle_timeout(world.now_us)
    world.engine.end_session(world.now_us, listener.session)
    for _ in range(30):
        world.now_us += 1_000
        world.engine.handle_timeout(world.now_us)
    world.engine.poll_transmits(world.now_us)
    assert world.engine.next_timeout(world.now_us) > world.now_us
    again = world.join()
    world.run(2)
    assert len(again.heard) > 30


def test_the_goodbyes_of_a_large_space_do_not_hold_up_another():
    world = World(spaces=(SPACE, SPACE + 1), max_listeners=20_000)
    speaker, listener = world.join("speaker", peer=7), world.join()
    world.run(1)
    speaker.say(world.now_us, tone(440))
    world.run(0.5)
    _core.Feedback(world.engine, SPACE + 1, 10_000)
    world.run(0.2)
    world.engine.close_space(SPACE + 1)
    world.engine.handle_timeout(world.now_us + TICK_US)
    sent = world.engine.poll_transmits(world.now_us + TICK_US)
    assert len(sent) >= 10_000
    first = [address for address, _ in sent].index(listener.address)
    assert first < 1_000


def test_a_listener_of_a_closed_space_is_not_pinned_in_one_made_anew(world):
    people = [world.join() for _ in range(3)]
    world.run(1)
    world.engine.close_space(SPACE)
    world.engine.create_space(world.now_us, SPACE)
    assert not any(world.engine.set_listener_tier(p.session, 60) for p in people)
    assert world.engine.space_stats(SPACE).listeners == 0
    world.engine.poll_transmits(world.now_us)
    assert world.engine.listeners == 0
