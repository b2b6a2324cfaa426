"""Who of many is heard, by what is heard of them; redundancy and stereo on the way in."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from handmade import LEVEL_ID, HandmadeClient
from spacescore._native import _core
from world import FRAME, RATE, SPACE, World, strength, tone

LOUD = 0.2
AUDIBLE, SPARE, WARM_UP = 3, 2, 2
# Decoded packets: a voice whose delay shortens takes two, one that begins its past.
MOST_PER_TICK = 2 * (AUDIBLE + SPARE) + 2 * WARM_UP
RED = 63


def silence():
    encoder = _core.OpusEncoder(dtx=False)
    while True:
        yield encoder.encode(np.zeros(FRAME, np.float32)), FRAME


def leveled(world, peer, packets, level, **join):
    """A speaker who tells its level, true or not."""
    person = world.join(
        "speaker", peer=peer, made_by=HandmadeClient, level_extension=LEVEL_ID, **join
    )
    person.client.level = level
    person.say(0, packets)
    return person


def dbov(amplitude):
    return round(-20 * np.log10(amplitude / np.sqrt(2)))


def speakers(world):
    return {who.peer: who for who in world.engine.space_stats(SPACE).speakers}


def decoded_per_tick(world, ticks):
    counts = []
    for _ in range(ticks):
        before = world.engine.counters()["frames_decoded"]
        world.run(0.02)
        counts.append(world.engine.counters()["frames_decoded"] - before)
    return counts


def test_of_twenty_speakers_the_three_loudest_are_heard_and_few_decoded(world):
    loud = {5, 11, 17}
    for peer in range(1, 21):
        amplitude = 0.25 if peer in loud else 0.02
        leveled(world, peer, tone(200 + 50 * peer, amplitude), dbov(amplitude))
    listener = world.join()
    counts = decoded_per_tick(world, 150)
    assert set(listener.heard[-1].audio.csrc) == loud
    assert max(counts) <= MOST_PER_TICK
    assert counts[-50:] == [AUDIBLE] * 50
    for peer in loud:
        assert strength(listener.samples(), 200 + 50 * peer) > LOUD
    assert all(who.frames_decoded == 0 for who in speakers(world).values() if who.level > 126)


def test_however_many_shout_the_work_is_bounded(world):
    for peer in range(1, 21):
        leveled(world, peer, tone(200 + 50 * peer, 0.2), 3 + peer % 5)
    listener = world.join()
    assert max(decoded_per_tick(world, 150)) <= MOST_PER_TICK
    assert len(listener.heard[-1].audio.csrc) == AUDIBLE


def test_a_silent_crowd_is_not_decoded(world):
    for peer in range(1, 11):
        leveled(world, peer, silence(), 127)
    world.run(2)
    assert world.engine.counters()["frames_decoded"] == 0


def test_a_level_that_lies_is_never_in_the_mix(world):
    """The loudest there is, of silence."""
    leveled(world, 1, silence(), 0)
    honest = [leveled(world, peer, tone(200 * peer, 0.2), dbov(0.2)) for peer in (2, 3, 4)]
    listener = world.join()
    world.run(3)
    assert honest[0].client.state == "connected"
    assert all(1 not in heard.audio.csrc for heard in listener.heard)
    assert set(listener.heard[-1].audio.csrc) == {2, 3, 4}


@pytest.mark.parametrize("others", range(4))
def test_who_falls_silent_and_claims_to_shout_is_out_within_300_ms(world, others):
    """Whether or not somebody needs the place."""
    liar = leveled(world, 1, tone(440, 0.25), 0)
    honest = set(range(2, 2 + others))
    for peer in honest:
        leveled(world, peer, tone(200 * peer, 0.1), dbov(0.1))
    listener = world.join()
    world.run(2)
    assert 1 in listener.heard[-1].audio.csrc
    liar.say(world.now_us, silence())
    began = world.now_us
    world.run(2)
    last = max(heard.at_us for heard in listener.heard if 1 in heard.audio.csrc)
    on_the_way = 60_000  # two paths and the jitter buffer
    assert last - began <= 300_000 + on_the_way
    assert {peer for peer, who in speakers(world).items() if who.audible} == honest


def test_who_pauses_between_words_and_says_so_stays_in_the_mix(world):
    speaker = leveled(world, 1, None, 127)

    def words():
        loud, quiet = tone(440, 0.25), silence()
        for frame in itertools.count():
            speaks = frame // 20 % 2 == 0  # 400 ms each
            speaker.client.level = dbov(0.25) if speaks else 127
            yield next(loud if speaks else quiet)

    speaker.say(0, words())
    world.run(5)
    assert [e.peers for e in world.events if e.kind == "active_speakers"] == [[1]]


def test_who_negotiates_levels_and_sends_none_is_heard(world):
    speaker = world.join("speaker", peer=7, level_extension=LEVEL_ID)
    listener = world.join()
    speaker.say(0, tone(440))
    world.run(2)
    assert strength(listener.samples(), 440) > LOUD


def test_levels_under_another_id_say_nothing(world):
    speaker = leveled(world, 7, tone(440), 126)
    speaker.client.extended = lambda header: (
        bytes([header[0] | 0x10])
        + header[1:]
        + b"\xbe\xde\x00\x01"
        + bytes([(LEVEL_ID + 1) << 4, 126, 0, 0])
    )
    listener = world.join()
    world.run(2)
    assert strength(listener.samples(), 440) > LOUD


# Mute, and who has the word.


def test_a_mute_is_a_fade(world):
    """A tone of 200 Hz at 0.25 has steps of 0.0065; cut at its crest it would make one of 0.25."""
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(200))
    world.run(2)
    for muted in (True, False, True):
        world.engine.set_muted(SPACE, 7, muted)
        world.run(0.5)
        assert world.engine.space_stats(SPACE).speakers[0].audible is not muted
    heard = listener.samples()[RATE:]
    assert np.abs(np.diff(heard)).max() < 0.02


def test_there_is_one_event_when_somebody_takes_the_word():
    world = World()
    first, second = (world.join("speaker", peer=peer) for peer in (1, 2))

    def words():
        return [e.peer for e in world.events if e.kind == "dominant_speaker"]

    first.say(0, tone(440))
    world.run(3)
    assert words() == [1]
    cough = itertools.chain(itertools.islice(tone(300), 6), itertools.islice(silence(), 1_000))
    second.say(world.now_us, cough)
    world.run(2)
    assert words() == [1]
    first.say(world.now_us, silence())
    second.say(world.now_us, tone(300))
    world.run(4)
    assert words() == [1, 2]


# Redundancy (RFC 2198).


@pytest.mark.parametrize("red", [False, True], ids=["plain", "red"])
def test_redundant_copies_stand_in_for_the_lost(red):
    world = World()
    speaker = leveled(world, 7, tone(440), 10, red_payload_type=RED, up={"loss": 0.1})
    if red:
        speaker.client.red = RED
    world.join()
    world.run(20)
    stats = speakers(world)[7]
    assert 0.05 * 1_000 < stats.packets_lost < 0.15 * 1_000
    if red:
        assert stats.packets_repaired > 0.8 * stats.packets_lost
        assert stats.concealed_samples + stats.fec_packets_received * FRAME < 25 * FRAME
    else:
        assert stats.packets_repaired == 0
        assert stats.concealed_samples + stats.fec_packets_received * FRAME > 50 * FRAME
    assert world.drops() == {}


def hostile_red(world):
    speaker = leveled(world, 7, tone(440), 10, red_payload_type=RED)
    world.run(1)
    opus = next(tone(300))[0]
    return SimpleNamespace(world=world, speaker=speaker, opus=opus)


BAD_RED = {
    "cut": lambda opus: b"\xef\x00",
    "too many copies": lambda opus: _core.write_red([(111, 960, b"x")] * 10, 111, opus),
    "another codec": lambda opus: _core.write_red([], 0, opus),
    "no Opus": lambda opus: _core.write_red([], 111, b"\xfb"),
}


@pytest.mark.parametrize("payload", BAD_RED.values(), ids=BAD_RED)
def test_bad_redundancy_is_dropped_and_counted(world, payload):
    s = hostile_red(world)
    s.speaker.say(0, None)
    before = speakers(world)[7].packets_received
    packet = s.speaker.client.rtp(payload(s.opus), payload_type=RED)
    world.inject(s.speaker.address, packet)
    assert sum(world.drops().values()) == 1
    assert speakers(world)[7].packets_received == before


@pytest.mark.parametrize("offset", [959, 960, 961])
def test_a_copy_stands_in_where_stamps_are_rounded(world, offset):
    s = hostile_red(world)
    s.speaker.client.rtp(s.opus)  # lost
    payload = _core.write_red([(111, offset, s.opus)], 111, s.opus)
    world.inject(s.speaker.address, s.speaker.client.rtp(payload, payload_type=RED))
    assert speakers(world)[7].packets_repaired == 1


@pytest.mark.parametrize("copies", [[(0, 960)], [(111, 0)], [(111, 1_200)], [(111, 16_320)]])
def test_odd_copies_are_left_alone(world, copies):
    s = hostile_red(world)
    blocks = [(payload_type, offset, s.opus) for payload_type, offset in copies]
    payload = _core.write_red(blocks, 111, s.opus)
    world.inject(s.speaker.address, s.speaker.client.rtp(payload, payload_type=RED))
    assert speakers(world)[7].packets_repaired == 0
    assert world.drops() == {}


def test_redundancy_that_was_not_agreed_on_is_no_media(world):
    speaker = leveled(world, 7, None, 10)
    world.run(1)
    packet = _core.write_red([], 111, next(tone(440))[0])
    world.inject(speaker.address, speaker.client.rtp(packet, payload_type=RED))
    assert world.drops() == {"wrong_payload_type": 1}


# Music.


def stereo_tone(left, right):
    encoder = _core.OpusEncoder(channels=2, application="audio", bitrate=128_000, dtx=False)
    for start in itertools.count(0, FRAME):
        time = np.arange(start, start + FRAME) / RATE
        both = [0.25 * np.sin(2 * np.pi * hertz * time) for hertz in (left, right)]
        yield encoder.encode(np.stack(both, axis=1).astype(np.float32)), FRAME


def stereo_of(person):
    decoder = _core.OpusDecoder(2)
    return np.concatenate([decoder.decode(heard.audio.payload) for heard in person.heard])


def test_a_space_for_music_is_stereo():
    world = World(music=True)
    world.join("speaker", peer=1).say(0, stereo_tone(440, 1_000))
    other, listener = world.join("speaker", peer=2), world.join()
    other.say(0, tone(2_000))  # mono: in the middle
    world.run(3)
    left, right = stereo_of(listener).T
    assert strength(left, 440) > LOUD > 20 * strength(left, 1_000)
    assert strength(right, 1_000) > LOUD > 20 * strength(right, 440)
    assert min(strength(left, 2_000), strength(right, 2_000)) > 0.15
    own_left, _ = stereo_of(other).T
    assert strength(own_left, 440) > LOUD > 20 * strength(own_left, 2_000)


def test_a_space_for_words_makes_mono_of_stereo(world):
    world.join("speaker", peer=1).say(0, stereo_tone(440, 1_000))
    listener = world.join()
    world.run(2)
    left, right = stereo_of(listener).T
    np.testing.assert_array_equal(left, right)
    assert min(strength(left, 440), strength(left, 1_000)) > LOUD / 2  # half of each: their mean
