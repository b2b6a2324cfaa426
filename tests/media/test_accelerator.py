"""fanout/media/accelerator: sound in less time than it was spoken, as a voice is heard whose delay
comes down."""

import numpy as np
import pytest

from spacescore._native import _core

TICK_US = 20_000
FIXED = {"least_us": 10_000, "most_us": 10_000}


def packets_of(frames: np.ndarray, merged: int = 1) -> list[bytes]:
    channels = 1 if frames.ndim == 2 else 2
    encoder = _core.OpusEncoder(dtx=False, bitrate=96_000, channels=channels)
    packets = [encoder.encode(frame) for frame in frames]
    together = _core.Repacketizer().merge
    groups = [packets[i : i + merged] for i in range(0, len(packets), merged)]
    return [together(group) if merged > 1 else group[0] for group in groups]


def heard(packets: list[bytes], merged: int = 1, channels: int = 1, **policy):
    """What a voice sounds like over a link that does nothing, and its counters."""
    voice, ticks = _core.Voice(channels, **policy), []
    for tick in range(len(packets) * merged):
        if tick % merged == 0:
            number = tick // merged
            voice.push(tick * TICK_US + 5_000, number, tick * 960, packets[number], level=20)
        voice.advance((tick + 1) * TICK_US)
        ticks.append(voice.frame())
    return np.stack(ticks), voice.stats()


def settled(sound: np.ndarray, truth: np.ndarray) -> int:
    """The tick from which on both are the same, to the bit."""
    same = [np.array_equal(one, other) for one, other in zip(sound, truth, strict=True)]
    return len(same) - next((i for i, each in enumerate(reversed(same)) if not each), len(same))


@pytest.mark.parametrize("merged", [1, 3], ids=["20ms", "60ms"])
@pytest.mark.parametrize("seed", range(4))
def test_who_begins_late_catches_up_and_every_packet_is_heard(speech, seed, merged):
    packets = packets_of(speech(seed, 150), merged)
    hurried, stats = heard(packets, merged)
    exact, fixed = heard(packets, merged, **FIXED)
    assert stats.removed_samples_for_acceleration >= 4 * 960
    assert fixed.removed_samples_for_acceleration == 0
    assert stats.concealed_samples == 0
    assert stats.frames_decoded == fixed.frames_decoded
    assert settled(hurried, exact) <= (60 if merged == 1 else 120)


@pytest.mark.parametrize("seed", range(4))
def test_no_seam_clicks(speech, seed):
    packets = packets_of(speech(seed, 150))
    (hurried, _), (exact, _) = heard(packets), heard(packets, **FIXED)
    assert np.abs(np.diff(hurried.ravel())).max() <= 1.05 * np.abs(np.diff(exact.ravel())).max()


@pytest.mark.parametrize("hertz", [85, 130, 220, 390])
def test_a_voice_keeps_its_pitch_and_its_strength(hertz):
    time = np.arange(100 * 960) / 48_000
    voiced = sum(np.sin(2 * np.pi * n * hertz * time) / n for n in range(1, 9)) * 0.2
    packets = packets_of(voiced.astype(np.float32).reshape(-1, 960))
    (hurried, _), (exact, _) = heard(packets), heard(packets, **FIXED)
    began = np.flatnonzero(hurried.any(axis=1))[0] + 3  # after the encoder's own beginning
    catching_up = hurried[began : settled(hurried, exact)].ravel()
    crossings = np.flatnonzero((catching_up[:-1] < 0) & (catching_up[1:] >= 0))
    periods = np.diff(crossings[np.insert(np.diff(crossings) > 48, 0, True)]) * hertz / 48_000
    assert len(periods) > 20
    assert abs(np.median(periods) - 1) < 0.02
    assert (np.abs(periods - 1) < 0.15).mean() > 0.85  # the last of what is owed may be no period
    level, should = (np.sqrt((s[began:] ** 2).mean(axis=1)) for s in (hurried, exact))
    assert level.min() > 0.85 * should.min()


def test_both_channels_are_cut_at_the_same_places(speech):
    left = speech(3, 150)
    frames = np.stack([left, 0.5 * left], axis=2)
    packets = packets_of(frames)
    (hurried, stats), (exact, _) = heard(packets, channels=2), heard(packets, channels=2, **FIXED)
    assert stats.removed_samples_for_acceleration > 0

    def apart(sound: np.ndarray) -> float:
        return float(np.abs(sound[..., 0] - 2 * sound[..., 1]).max())

    assert apart(hurried) <= 1.05 * apart(exact)
    assert settled(hurried, exact) <= 60


def test_what_is_noise_is_paid_off_as_well(speech):
    noise = 0.2 * np.random.default_rng(2).standard_normal((150, 960)).astype(np.float32)
    packets = packets_of(noise)
    (hurried, _), (exact, _) = heard(packets), heard(packets, **FIXED)
    assert settled(hurried, exact) <= 75


def test_where_nothing_repeats_itself_more_time_is_taken():
    draw = np.random.default_rng(2)
    noise = 0.2 * draw.standard_normal((150, 960)).astype(np.float32)
    steady = np.tile(noise.ravel()[:480], 300).reshape(150, 960)  # a hundred times a second

    def ticks(frames: np.ndarray) -> int:
        packets = packets_of(frames)
        return settled(heard(packets)[0], heard(packets, **FIXED)[0])

    assert ticks(noise) >= ticks(steady) + 5


def test_who_listens_again_is_owed_nothing(speech):
    """Sound that was waiting when a listener left is over when they come back."""
    packets = packets_of(speech(2, 60))
    left, came = _core.Voice(), _core.Voice()
    for tick, packet in enumerate(packets):
        for voice in (left, came):
            voice.push(tick * TICK_US + 5_000, tick, tick * 960, packet, level=20)
            voice.advance((tick + 1) * TICK_US)
        if tick < 20 or tick > 21:
            again = left.frame()
        if tick > 21:
            assert np.array_equal(again, came.frame())


@pytest.mark.parametrize("merged", [1, 3, 6])
def test_a_link_that_swells_and_drains_forever_owes_no_more_than_there_is_room_for(speech, merged):
    """Double speed, again and again, of packets that last up to six ticks."""
    packets = packets_of(speech(1, 1_200), merged)
    arrivals, free = [], 0
    for number in range(len(packets)):
        sent = number * merged * TICK_US
        held = 900_000 if sent // 2_000_000 % 2 == 0 and sent % 2_000_000 < 900_000 else 0
        free = max(free, sent + held - sent % 900_000 if held else sent)
        arrivals.append(free)
    voice, waiting, last = _core.Voice(), 0, 0.0
    for tick in range(1_200):
        while waiting < len(packets) and arrivals[waiting] <= tick * TICK_US:
            stamp = waiting * merged * 960
            voice.push(arrivals[waiting], waiting, stamp, packets[waiting], level=20)
            waiting += 1
        voice.advance(tick * TICK_US)
        frame = voice.frame()
        assert np.isfinite(frame).all()
        last = max(last, float(np.abs(np.diff(frame)).max()))
    assert voice.stats().removed_samples_for_acceleration > 36_000
    assert last < 0.35


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(
    "durations", [(5760, *8 * [120]), (5760, 960), (5760,), (2880, 480)], ids=str
)
def test_whatever_is_owed_at_once_there_is_room_for_it(durations, channels):
    """All came 600 ms late, then nothing does: the longest packets that there are, all of which
    claim to be quiet, and very short ones between them, so that each tick owes another."""
    voice, queue, sent, number = _core.Voice(channels), [], 0, 0
    while sent < 10 * 48_000:
        samples = 960 if sent < 4 * 48_000 else durations[number % len(durations)]
        arrival = max(sent, min(sent + 28_800, 5 * 48_000))
        queue.append((arrival, number, sent, noise(samples, number)))
        number, sent = number + 1, sent + samples
    for tick in range(400):
        while queue and queue[0][0] <= tick * 960:
            arrival, sequence, timestamp, payload = queue.pop(0)
            voice.push(arrival * 125 // 6, sequence, timestamp, payload, level=90)
        voice.advance(tick * TICK_US)
        assert np.isfinite(voice.frame()).all()
    stats = voice.stats()
    assert stats.removed_samples_for_acceleration >= 0.5 * 48_000
    assert stats.decode_errors == stats.concealed_samples == stats.packets_discarded == 0


def noise(samples: int, seed: int) -> bytes:
    """Opus of a duration that the encoder does not make (RFC 6716 section 3.1): bytes that mean
    nothing are sound to CELT."""
    short = {120: 28, 240: 29, 480: 30, 960: 31}
    frames = max(1, samples // 960)
    toc = [short[min(samples, 960)] << 3 | (3 if frames > 1 else 0)]
    count = [frames] if frames > 1 else []
    return bytes(toc + count) + np.random.default_rng(seed).bytes(20 * frames)
