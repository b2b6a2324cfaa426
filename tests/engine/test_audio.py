"""What of a speaker's voice survives a bad path, odd packets and an unsteady sender."""

import itertools
from types import SimpleNamespace

import pytest

from handmade import HandmadeClient
from spacescore._native import _core
from world import FRAME, RATE, SECOND_US, SPACE, TICK_US, World, strength, tone, tone_frames

LOUD = 0.2
SILENCE = bytes([0xF8, 0xFF, 0xFE])


def long_tone(frequency, frames):
    """Packets of `frames` times 20 ms: code 3 of RFC 6716 section 3.2.5, by hand."""
    encoder = _core.OpusEncoder(dtx=False)
    for group in grouped(tone_frames(frequency), frames):
        packets = [encoder.encode(frame) for frame in group]
        toc = packets[0][0] & 0xFC | 3
        sizes = b"".join(size_of(packet[1:]) for packet in packets[:-1])
        yield bytes([toc, 0x80 | frames]) + sizes + b"".join(p[1:] for p in packets), frames * FRAME


def grouped(items, count):
    items = iter(items)
    while True:
        yield list(itertools.islice(items, count))


def size_of(frame):
    size = len(frame)
    if size < 252:
        return bytes([size])
    return bytes([252 + (size & 3), (size - 252 - (size & 3)) // 4])


def scene(**join):
    world = World()
    speaker, listener = world.join("speaker", peer=7, **join), world.join()
    return SimpleNamespace(world=world, speaker=speaker, listener=listener)


def speaker_stats(world):
    return world.engine.space_stats(SPACE).speakers[0]


BAD_PATHS = {
    "loss": {"loss": 0.05},
    "loss and jitter": {"loss": 0.05, "jitter_us": 50_000},
    "reorder": {"reorder": 0.1, "reorder_us": 45_000},
    "duplicates": {"duplicate": 0.3},
    "everything": {"loss": 0.05, "jitter_us": 50_000, "reorder": 0.05, "duplicate": 0.1},
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS)
def test_a_voice_stays_intelligible_behind_a_bad_path(path):
    s = scene(up=path)
    s.speaker.say(0, tone(440))
    s.world.run(2)
    before = speaker_stats(s.world)
    s.world.run(20)
    after = speaker_stats(s.world)
    sent = 20 * 50
    lost = after.packets_lost - before.packets_lost
    concealed = (after.concealed_samples - before.concealed_samples) / FRAME
    assert lost <= 0.08 * sent
    assert concealed <= lost + 0.01 * sent
    assert strength(s.listener.samples(), 440) > 0.8 * LOUD
    assert s.listener.client.stats.packets_lost == 0


def test_duplicates_are_counted_and_played_once():
    s = scene(up={"duplicate": 0.5})
    s.speaker.say(0, tone(440))
    s.world.run(5)
    assert s.world.drops()["replayed_rtp"] > 50
    assert speaker_stats(s.world).concealed_samples == 0


@pytest.mark.parametrize("frames", [2, 3, 6], ids=["40ms", "60ms", "120ms"])
def test_long_packets_are_heard_whole(frames):
    s = scene()
    s.speaker.say(0, long_tone(440, frames))
    s.world.run(1.5)
    assert strength(s.listener.samples()[-RATE // 4 :], 440) > LOUD
    s.world.run(8)
    assert speaker_stats(s.world).concealed_samples == 0
    assert strength(s.listener.samples(), 440) > LOUD


def discontinuous():
    """Speech of a second, a pause of five with a refresh each 400 ms (RFC 7587 section 3.1.3)."""
    while True:
        yield from itertools.islice(tone(440), 50)
        yield SILENCE[:1], FRAME
        for tick in range(1, 250):
            yield (SILENCE if tick % 20 == 0 else b"", FRAME)


def test_discontinuous_speech_loses_nothing():
    s = scene()
    s.speaker.say(0, discontinuous())
    s.world.run(23.9)
    assert speaker_stats(s.world).packets_lost == 0
    assert speaker_stats(s.world).concealed_samples < RATE / 10
    assert heard_within(s, 1)


def heard_within(s, seconds, frequency=440):
    """Whether the last `seconds` end in the tone."""
    at = len(s.listener.heard)
    s.world.run(seconds)
    return (
        len(s.listener.heard) - at > 10
        and strength(s.listener.samples()[-RATE // 4 :], frequency) > LOUD
    )


def test_after_a_pause_of_five_seconds_a_voice_is_heard_within_one():
    s = scene()
    s.speaker.say(0, tone(440))
    s.world.run(2)
    s.speaker.say(0, None)  # not a packet, and the timestamps stand still
    s.world.run(5)
    assert s.listener.heard[-1].audio.csrc == []
    s.speaker.say(s.world.now_us, tone(440))
    assert heard_within(s, 1)


@pytest.mark.parametrize("jump", [100, 5_000, 20_000, 40_000, 65_530])
def test_sequence_numbers_that_start_elsewhere_are_heard_within_a_second(jump):
    s = scene(made_by=HandmadeClient)
    s.speaker.say(0, tone(440))
    s.world.run(2)
    s.speaker.client.index += jump % 32_000  # an SRTP index is never used twice
    s.speaker.client.timestamp += 123_456
    assert heard_within(s, 1)


def test_a_new_ssrc_is_heard_within_a_second():
    s = scene(made_by=HandmadeClient)
    s.speaker.say(0, tone(440))
    s.world.run(2)
    s.speaker.client.ssrc, s.speaker.client.index = 0xDEADBEEF, 7
    s.speaker.client.timestamp = 99
    assert heard_within(s, 1)
    assert s.world.drops() == {}


def test_what_was_said_under_the_old_ssrc_cannot_be_said_again():
    s = scene(made_by=HandmadeClient)
    s.speaker.say(0, tone(440))
    s.world.run(1)
    old = [packet for _, packet in s.speaker.up.sent if packet[0] >= 128][-10:-2]
    s.speaker.client.ssrc += 1
    s.world.run(1)
    for packet in old:
        s.world.inject(s.speaker.address, packet)
    assert s.world.drops() == {"replayed_rtp": len(old)}


def test_ssrcs_without_end_are_refused():
    s = scene(made_by=HandmadeClient)
    s.world.run(1)
    packet = next(tone(440))[0]
    for number in range(50):
        s.world.inject(s.speaker.address, s.speaker.client.rtp(packet, ssrc=1_000 + number))
    assert s.world.drops() == {"unexpected_media": 46}


def test_a_flood_of_authentic_packets_harms_only_its_sender(world):
    flooder = world.join("speaker", peer=6, made_by=HandmadeClient)
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join()
    world.run(1)
    packet = next(tone(1_000))[0]
    for _ in range(100):
        for _ in range(50):
            flooder.client.send_audio(world.now_us, packet, FRAME)
        world.run(0.02)
    assert strength(listener.samples(), 440) > LOUD
    assert listener.client.stats.packets_lost == 0
    assert world.counters().get("frames_abandoned", 0) == 0


# Time.


def spurts():
    """A word of 200 ms every four seconds: an hour of it is 9,000 packets."""
    frames = list(itertools.islice(tone(440), 10))
    while True:
        yield from frames
        yield SILENCE[:1], FRAME
        for _ in range(9):
            yield SILENCE, FRAME
            yield b"", 19 * FRAME
        yield b"", 9 * FRAME


@pytest.mark.long
@pytest.mark.slow
def test_an_hour_drifts_by_nothing():
    s = scene()
    s.speaker.say(0, spurts())
    s.world.run(10)
    first = s.listener.heard[-1]
    s.world.run(3_600, grain_us=TICK_US)
    last = s.listener.heard[-1]
    elapsed = (last.at_us - first.at_us) * RATE // SECOND_US
    assert abs((last.audio.timestamp - first.audio.timestamp & 0xFFFFFFFF) - elapsed) <= 2 * FRAME
    assert s.listener.client.stats.packets_lost == 0
    assert speaker_stats(s.world).packets_lost == 0
    assert speaker_stats(s.world).jitter_buffer_delay_ms < 100
    assert s.world.drops() == {}
    assert s.world.counters().get("ticks_late", 0) == 0


@pytest.mark.parametrize("first", [65_000, 65_535])
def test_sequence_numbers_wrap_without_loss(first):
    s = scene(first_sequence=first, first_timestamp=0xFFFFFFFF - 10 * FRAME)
    s.speaker.say(0, tone(440))
    s.world.run(15)
    assert speaker_stats(s.world).packets_lost == 0
    assert speaker_stats(s.world).concealed_samples == 0
    assert s.world.drops() == {}
    assert strength(s.listener.samples(), 440) > LOUD


@pytest.mark.long
@pytest.mark.slow
def test_what_the_engine_sends_wraps_without_loss(world):
    """65,536 packets are 22 minutes of one voice, and half of that for who began in the middle."""
    speaker, *crowd = world.join("speaker", peer=7), *(world.join() for _ in range(30))
    speaker.say(0, itertools.cycle(list(itertools.islice(tone(440), 500))))
    world.run(1)
    listener = max(crowd, key=lambda person: person.heard[0].audio.index)
    for person in crowd:
        if person is not listener:
            world.leave(person)
    missing = 65_536 + 100 - listener.heard[-1].audio.index
    world.run(missing / 50, grain_us=TICK_US)
    assert listener.heard[-1].audio.index > 65_536
    assert listener.client.stats.packets_lost == 0
    assert listener.client.drops == {}
    assert speaker_stats(world).packets_lost == 0
