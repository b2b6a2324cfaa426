"""fanout/media/voice: what a speaker sounds like, whatever came of what was sent."""

import numpy as np
import pytest

from spacescore._native import _core

TICK_US = 20_000
DELAY_US = 5_000  # between two ticks


def packets_of(frames: np.ndarray, **config) -> list[bytes]:
    encoder = _core.OpusEncoder(dtx=False, **config)
    return [encoder.encode(frame) for frame in frames]


def push(voice, number: int, packet: bytes, *, at: int | None = None, copy=False, step=960, **more):
    """A packet, sent in its tick, or as if it had come `at` another."""
    when = (number if at is None else at) * TICK_US * step // 960 + DELAY_US
    return voice.push(when, number, number * step, packet, copy=copy, **more)


def play(voice, packets, ticks: int, *, lost=(), first: int = 0, **more) -> np.ndarray:
    """The voice in so many ticks, one packet in each."""
    heard = []
    for tick in range(first, first + ticks):
        if tick < len(packets) and tick not in lost:
            push(voice, tick, packets[tick], **more)
        voice.advance((tick + 1) * TICK_US)
        heard.append(voice.frame())
    return np.concatenate(heard)


def steps(sound: np.ndarray) -> float:
    return float(np.abs(np.diff(sound)).max())


SLOPE = 2 * np.pi * 200 / 48_000  # of a tone of 200 Hz at full scale: its largest step


def test_what_is_said_is_heard(tone):
    voice = _core.Voice()
    heard = play(voice, packets_of(tone(440, 50)), 50)
    assert np.sqrt(np.mean(heard[-24_000:] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert voice.stats().concealed_samples == 0


def test_stereo_stays_apart(tone):
    left, right = tone(440, 50), np.zeros((50, 960), np.float32)
    both = np.stack([left.ravel(), right.ravel()], axis=1).reshape(50, 960, 2)
    encoder = _core.OpusEncoder(channels=2, application="audio", bitrate=128_000)
    packets = [encoder.encode(frame) for frame in both]
    heard = play(_core.Voice(2), packets, 50)
    assert heard.shape == (48_000, 2)
    level = np.sqrt(np.mean(heard[-24_000:] ** 2, axis=0))
    assert level[0] > 30 * level[1]


# Loss: redundancy, then FEC, then concealment.


LOST = 92  # by then a young stream has come down to the delay that it needs


def jittery(packets, *, lost=(), copies=(), off=None):
    """A voice behind a path that is 40 ms slower two times of five: the buffer is deeper than
    that, so when a packet is missed its successors are there. `off`: by how many samples a stamp
    is wrong."""
    arrivals = [(20 * i + (45 if i % 5 < 2 else 5), i, False) for i in range(len(packets))]
    arrivals = [each for each in arrivals if each[1] not in lost]
    arrivals += [(20 * i + 26, i, True) for i in copies]  # with its successor
    voice, heard = _core.Voice(), []
    for tick in range(len(packets)):
        for at_ms, number, copy in sorted(arrivals):
            if 20 * (tick - 1) < at_ms <= 20 * tick:
                more = {"level": 20, "copy": copy}
                stamp = 960 * number + (off or {}).get(number, 0)
                voice.push(at_ms * 1_000, number, stamp, packets[number], **more)
        voice.advance(tick * TICK_US)
        heard.append(voice.frame())
    return voice.stats(), np.concatenate(heard)


def test_a_copy_is_better_than_fec_and_fec_than_nothing(speech):
    packets = packets_of(speech(2, 130), expected_loss=20)
    assert _core.opus_has_fec(packets[LOST + 1])
    (copy, of_copy), (fec, of_fec), (plc, of_plc), (_, truth) = (
        jittery(packets, **how)
        for how in (
            {"lost": {LOST}, "copies": {LOST}},
            {"lost": {LOST}},
            {"lost": {LOST, LOST + 1}},
            {},
        )
    )
    assert (copy.packets_repaired, copy.fec_packets_received) == (1, 0)
    assert (fec.packets_repaired, fec.fec_packets_received) == (0, 1)
    assert (plc.packets_repaired, plc.fec_packets_received) == (0, 1)  # of the second
    assert copy.packets_lost == fec.packets_lost == 1  # however well it was replaced
    assert plc.concealed_samples - fec.concealed_samples == 960
    assert copy.concealed_samples == fec.concealed_samples
    np.testing.assert_array_equal(of_copy, truth)
    errors = [np.square(sound - truth).sum() for sound in (of_fec, of_plc)]
    assert 0 < 2 * errors[0] < errors[1]


@pytest.mark.parametrize("off", [-3, -1, 1, 59])
@pytest.mark.parametrize("lost", [{LOST}, {LOST, LOST + 1, LOST + 2}], ids=["fec", "concealment"])
def test_a_hole_off_the_grid_of_opus_is_filled_as_any_other(speech, off, lost):
    """A sender that takes its stamps from a clock rounds them."""
    packets = packets_of(speech(2, 130), expected_loss=20)
    (rounded, heard), (exact, truth) = (
        jittery(packets, lost=lost, off={max(lost) + 1: by}) for by in (off, 0)
    )
    assert rounded.fec_packets_received == exact.fec_packets_received
    hole = slice((LOST - 1) * 960, (LOST + 8) * 960)
    silent = [np.count_nonzero(sound[hole] == 0) for sound in (heard, truth)]
    assert silent[0] <= silent[1] + 120


def test_a_successor_without_fec_is_concealment_and_counted_as_such(speech):
    packets = packets_of(speech(2, 130), expected_loss=0)
    (lossy, _), (whole, _) = jittery(packets, lost={LOST}), jittery(packets)
    assert lossy.fec_packets_received == 0
    assert lossy.concealed_samples - whole.concealed_samples == 960
    assert lossy.concealment_events - whole.concealment_events == 1


def test_what_carries_fec_says_so(speech):
    with_fec = packets_of(speech(1, 50), expected_loss=20)
    assert sum(map(_core.opus_has_fec, with_fec)) > 25
    assert not any(map(_core.opus_has_fec, packets_of(speech(1, 50), expected_loss=0)))
    assert not _core.opus_has_fec(b"")


def test_a_packet_that_comes_after_its_copy_is_not_lost(tone):
    packets = packets_of(tone(440, 20))
    voice = _core.Voice()
    for tick in range(10):
        push(voice, tick, packets[tick])
    push(voice, 11, packets[11])
    assert push(voice, 10, packets[10], at=11, copy=True) == _core.Push.stored
    assert push(voice, 10, packets[10], at=11, copy=True) == _core.Push.duplicate
    stats = voice.stats()
    assert (stats.packets_lost, stats.packets_repaired) == (1, 1)
    assert push(voice, 10, packets[10], at=11) == _core.Push.duplicate
    stats = voice.stats()
    assert stats.packets_repaired == 0
    assert (stats.packets_lost, stats.packets_duplicated, stats.packets_received) == (0, 0, 12)


@pytest.mark.parametrize("number", [0, 300, 65_000])
def test_copies_of_what_nobody_knows_do_nothing(tone, number):
    packet = packets_of(tone(440, 1))[0]
    voice = _core.Voice()
    assert voice.push(0, number, 0, packet, copy=True) == _core.Push.late
    push(voice, 100, packet)
    assert push(voice, number, packet, at=100, copy=True) == _core.Push.late
    assert voice.stats().packets_received == 1


def test_a_corrupt_packet_is_concealed_and_counted(tone):
    packets = packets_of(tone(200, 80))
    packets[60] = bytes([packets[60][0] | 3])  # code 3 without its count
    voice = _core.Voice()
    heard = play(voice, packets, 80)
    stats = voice.stats()
    assert (stats.decode_errors, stats.concealed_samples) == (1, 960)
    assert stats.packets_lost == 0
    assert np.abs(heard[58 * 960 :]).max() < 0.7
    assert steps(heard) < 2 * 0.5 * SLOPE


def test_corrupt_packets_in_a_row_are_one_event_and_after_the_fade_silence(tone):
    packets = packets_of(tone(440, 80))
    voice = _core.Voice()
    play(voice, packets[:20] + [b"\xfb"] * 50 + packets[70:], 80)
    stats = voice.stats()
    assert (stats.decode_errors, stats.concealment_events) == (50, 1)
    assert stats.concealed_samples == 50 * 960
    assert stats.silent_concealed_samples == 45 * 960


# Joints.


def test_concealment_fades_and_ends_after_a_tenth_of_a_second(tone):
    voice = _core.Voice()
    heard = play(voice, packets_of(tone(200, 100)), 120).reshape(-1, 960)
    level = np.sqrt(np.mean(heard**2, axis=1))
    assert (level[95:102] > 0.05).all()  # PLC of libopus itself grows quieter
    assert not heard[106:].any()
    assert steps(heard.ravel()) < 2 * 0.5 * SLOPE
    stats = voice.stats()
    assert stats.silent_concealed_samples == stats.concealed_samples - 4_800 > 0
    assert stats.concealment_events == 1


def test_a_voice_that_comes_back_begins_softly(tone):
    frames = tone(200, 100)
    voice = _core.Voice()
    heard = play(voice, packets_of(frames), 100, lost=set(range(40, 60)))
    assert steps(heard) < 2.5 * 0.5 * SLOPE
    assert np.abs(heard[-10 * 960 :]).max() > 0.45


# Discontinuous transmission: the noise around a speaker is not sent, but now and then.


def test_the_noise_of_who_does_not_send_it_goes_on_between_its_refreshes(speech):
    draw = np.random.default_rng(4)
    frames = 10 ** (-55 / 20) * draw.standard_normal((400, 960)).astype(np.float32)
    frames[:50] += speech(3, 50, peak=0.5)
    encoder = _core.OpusEncoder(expected_loss=0)
    voice, heard, number, empty = _core.Voice(), [], 0, 0
    for tick, frame in enumerate(frames):
        packet = encoder.encode(frame)
        empty = empty + 1 if len(packet) <= 2 else 0
        if empty <= 1:  # a browser says it once, and falls silent
            voice.push(tick * TICK_US + DELAY_US, number, tick * 960, packet)
            number += 1
        voice.advance((tick + 1) * TICK_US)
        heard.append(_core.level_dbov(voice.frame()))
    assert number < 250
    assert voice.stats().concealed_samples == 0
    assert max(heard[200:]) <= 61
    assert min(heard[200:]) >= 52


def test_the_noise_of_who_has_gone_fades_within_a_second_and_a_quarter(speech):
    encoder = _core.OpusEncoder(expected_loss=0, dtx=False)
    packets = [encoder.encode(frame) for frame in speech(3, 50, peak=0.5)]
    voice = _core.Voice()
    heard = play(voice, [*packets, packets[-1][:1]], 120).reshape(-1, 960)
    assert not heard[51 + 63 :].any()
    assert steps(heard.ravel()) < 0.2


# Undecoded until it is asked for.


def test_who_is_not_listened_to_is_not_decoded(tone):
    voice = _core.Voice()
    for tick, packet in enumerate(packets_of(tone(440, 100))):
        push(voice, tick, packet, level=20)
        voice.advance((tick + 1) * TICK_US)
        assert voice.claim == (20 if tick > 9 else voice.claim)
    assert voice.stats().frames_decoded == 0
    assert voice.stats().jitter_buffer_emitted_count > 90 * 960


@pytest.mark.parametrize("frames", [1, 3, 6], ids=["20ms", "60ms", "120ms"])
def test_who_is_listened_to_late_sounds_as_if_always(speech, frames):
    """Whenever the listening begins, the last samples are the very ones."""
    repacketizer = _core.Repacketizer()
    packets = packets_of(speech(3, 150, peak=0.9), bitrate=64_000, application="audio")
    merged = [repacketizer.merge(packets[i : i + frames]) for i in range(0, 150, frames)]
    assert all(isinstance(packet, bytes) for packet in merged)
    for begin in range(130, 137):
        always, late = _core.Voice(), _core.Voice()
        errors, level = [], []
        for tick in range(150):
            for voice in (always, late):
                if tick % frames == 0:
                    push(voice, tick // frames, merged[tick // frames], step=960 * frames)
                voice.advance((tick + 1) * TICK_US)
            truth = always.frame()
            if tick >= begin:
                errors.append(np.square(late.frame() - truth).sum())
                level.append(np.square(truth).sum())
        assert late.stats().frames_decoded <= always.stats().frames_decoded
        assert sum(errors) < 0.02 * sum(level)
        assert sum(errors[3:]) < 0.001 * sum(level[3:])


def test_who_is_left_and_taken_up_again_begins_afresh(tone):
    packets = packets_of(tone(440, 100))
    voice = _core.Voice()
    for tick, packet in enumerate(packets):
        push(voice, tick, packet)
        voice.advance((tick + 1) * TICK_US)
        if tick < 20 or tick > 80:
            heard = voice.frame()
            assert voice.frame() is not heard  # asked twice: the same again
            np.testing.assert_array_equal(voice.frame(), heard)
    assert np.abs(heard).max() > 0.4
    assert voice.stats().frames_decoded < 50


def test_short_packets_fill_a_tick(tone):
    """2.5 ms each: eight to a tick."""
    sound = tone(440, 50).reshape(-1, 960)
    encoder = _core.OpusEncoder(dtx=False, application="audio")
    packet = encoder.encode(sound[0])
    short = bytes([0xE0 | packet[0] & 4]) + packet[1:20]  # CELT, fullband, 2.5 ms: noise, but Opus
    assert _core.opus_samples(short) == 120
    voice = _core.Voice()
    for tick in range(20):
        for part in range(8):
            number = tick * 8 + part
            push(voice, number, short, step=120)
        voice.advance((tick + 1) * TICK_US)
        if tick >= 10:
            voice.frame()
    assert voice.stats().concealed_samples == 0
    assert 80 <= voice.stats().frames_decoded <= 100


def test_claims_are_silence_where_nothing_is_sent(tone):
    packets = packets_of(tone(440, 20))
    voice = _core.Voice()
    voice.advance(0)
    assert voice.claim == 127
    play(voice, packets, 20)
    assert (voice.claim, voice.leveled) == (0, False)
    play(voice, [], 20, first=20)
    assert voice.claim == 127
    voice = _core.Voice()
    play(voice, packets, 20, level=33)
    assert (voice.claim, voice.leveled) == (33, True)
    voice = _core.Voice()
    play(voice, [packets[0][:1]] * 20, 20, level=0)  # a TOC alone holds nothing loud
    assert voice.claim == 127
