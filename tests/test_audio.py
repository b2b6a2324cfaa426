"""The media layer by itself, as a program uses it that has no engine."""

import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import spacescore
from spacescore._native import _core
from spacescore.audio import FRAME, RATE
from world import strength

TICK = 0.020


def tone(hertz: float, ticks: int, amplitude: float = 0.25, channels: int = 1) -> np.ndarray:
    time = np.arange(ticks * FRAME) / RATE
    mono = (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32).reshape(ticks, FRAME)
    return mono if channels == 1 else np.repeat(mono[:, :, None], channels, axis=2)


def packets_of(frames: np.ndarray) -> list[bytes]:
    mixer = spacescore.Mixer(dtx=False)
    mixer.add(0)
    packets = []
    for frame in frames:
        mixer.set_voice(0, frame)
        packets.append(mixer.mix().packet)
    return packets


def heard(packets, **read) -> np.ndarray:
    voice = spacescore.Voice()
    frames = []
    for tick, packet in enumerate(packets):
        voice.push(packet, sequence=tick, timestamp=tick * FRAME, arrival=tick * TICK)
        frames.append(voice.read(tick * TICK + 0.005, **read).copy())
    return np.concatenate(frames)


def test_a_voice_is_what_was_said():
    sound = heard(packets_of(tone(440, 120)))
    assert sound.dtype == np.float32
    assert strength(sound[RATE:], 440) == pytest.approx(0.25, rel=0.05)


def test_sound_comes_where_it_is_wanted_and_how():
    packets = packets_of(tone(440, 60))
    out = np.empty(FRAME, np.int16)
    whole, exact = heard(packets, out=out), heard(packets)
    assert whole.dtype == np.int16
    np.testing.assert_array_equal(whole, np.round(exact * 32_768).clip(-32_768, 32_767))


def test_payloads_are_anything_that_has_bytes():
    packets = packets_of(tone(440, 20))
    plain = heard(packets)
    np.testing.assert_array_equal(heard([bytearray(p) for p in packets]), plain)
    np.testing.assert_array_equal(heard([memoryview(p) for p in packets]), plain)
    for take in (spacescore.Voice().push, spacescore.JitterBuffer().push):
        with pytest.raises(TypeError):
            take(5, sequence=1, timestamp=960, arrival=0.0)  # type: ignore[arg-type]


def test_a_voice_that_is_skipped_is_not_decoded():
    voice = spacescore.Voice()
    for tick, packet in enumerate(packets_of(tone(440, 20))):
        at = {"sequence": tick, "timestamp": tick * FRAME, "arrival": tick * TICK}
        assert voice.push(packet, level=30, **at) == "stored"
        claimed = voice.skip(tick * TICK + 0.005)
    assert claimed == 30
    assert voice.stats["frames_decoded"] == 0
    assert voice.stats["packets_received"] == 20


@pytest.mark.parametrize("kind", [spacescore.JitterBuffer, spacescore.Voice])
@pytest.mark.parametrize("level", [-1, 128, 255, 256])
def test_what_is_no_level_is_refused(kind, level):
    taker = kind()
    with pytest.raises(ValueError, match=f"level must be 0 to 127 -dBov, not {level}$"):
        taker.push(b"\x08word", sequence=1, timestamp=960, arrival=0.0, level=level)
    assert taker.stats["packets_received"] == 0


NO_TIMES = [1e10, -1e10, 1.5e12, 1e300, np.inf, -np.inf, np.nan]


@pytest.mark.parametrize("time", NO_TIMES)
def test_what_is_no_time_is_refused(time):
    buffer, voice = spacescore.JitterBuffer(), spacescore.Voice()
    word = {"sequence": 1, "timestamp": 960, "arrival": time}
    for take in (buffer.push, voice.push):
        with pytest.raises(
            ValueError, match=f"arrival must be seconds .*, not {re.escape(str(time))}$"
        ):
            take(b"\x08word", **word)
    for ask in (buffer.pop, voice.read, voice.skip):
        with pytest.raises(ValueError, match="now must be seconds"):
            ask(time)
    assert buffer.stats["packets_received"] == voice.stats["packets_received"] == 0


@pytest.mark.parametrize("start", [1.7e9, 9e9, -9e9])
def test_any_clock_will_do(start):
    buffer = spacescore.JitterBuffer()
    for tick, packet in enumerate(packets_of(tone(440, 20))):
        at = start + tick * TICK
        buffer.push(packet, sequence=tick, timestamp=tick * FRAME, arrival=at)
        popped = buffer.pop(at + 0.005)
    assert popped.what == "frame"


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_mix_of_tones_is_within_a_decibel_of_their_sum(dtype, channels):
    tones = {peer: tone(hertz, 50, 0.2, channels) for peer, hertz in enumerate((300, 500, 800))}
    scale = 32_768 if dtype is np.int16 else 1
    mixer = spacescore.Mixer(channels=channels, encode=False)
    for peer in tones:
        mixer.add(peer)
    out = np.zeros((50, *tones[0].shape[1:]), dtype)
    for tick in range(50):
        for peer, frames in tones.items():
            mixer.set_voice(peer, (frames[tick] * scale).astype(dtype))
        mixed = mixer.mix(out=out[tick])
    assert (mixed.packet, mixed.minus, mixed.heard) == (b"", {}, (0, 1, 2))
    error = out[1:] / scale - sum(frames[1:] for frames in tones.values())
    assert np.abs(error).max() < 3 / 32_768  # the sum itself: nothing is near full scale


def test_three_at_full_scale_are_limited_and_never_wrap():
    tones = {peer: tone(hertz, 50, 1.0) for peer, hertz in enumerate((300, 500, 800))}
    mixer = spacescore.Mixer(encode=False)
    for peer in tones:
        mixer.add(peer)
    out = np.zeros((50, FRAME), np.int16)
    for tick in range(50):
        for peer, frames in tones.items():
            mixer.set_voice(peer, frames[tick])
        mixer.mix(out=out[tick])
    total = sum(tones.values())
    loud = np.abs(total[1:]) > 0.5
    assert (np.sign(out[1:][loud]) == np.sign(total[1:][loud])).all()
    assert np.abs(np.diff(out.ravel().astype(int))).max() < 32_768 / 4


def test_a_speakers_own_tone_is_not_in_what_it_hears():
    hertz = {1: 500.0, 2: 900.0, 3: 1_300.0}
    tones = {peer: tone(f, 100, 0.25) for peer, f in hertz.items()}
    mixer = spacescore.Mixer(bitrate=64_000)
    for peer in tones:
        mixer.add(peer)
    own = {peer: np.zeros((100, FRAME), np.float32) for peer in tones}
    packets = {peer: [] for peer in tones}
    for tick in range(100):
        for peer, frames in tones.items():
            mixer.set_voice(peer, frames[tick])
        mixed = mixer.mix(minus={peer: frames[tick] for peer, frames in own.items()})
        for peer, packet in mixed.minus.items():
            packets[peer].append(packet)
    for peer, f in hertz.items():
        for sound in (own[peer].ravel(), heard(packets[peer])):
            at_most = 0.25 * 10 ** (-40 / 20)
            assert strength(sound, f) <= at_most
            assert all(strength(sound, g) > 0.2 for g in hertz.values() if g != f)


def test_the_loudest_are_heard_unless_somebody_says_who():
    mixer = spacescore.Mixer(audible=2, encode=False)
    tones = {peer: tone(300, 40, amplitude) for peer, amplitude in ((1, 0.3), (2, 0.01), (3, 0.3))}
    for peer in tones:
        mixer.add(peer)
    for tick in range(40):
        for peer, frames in tones.items():
            mixer.set_voice(peer, frames[tick])
        mixed = mixer.mix() if tick < 39 else mixer.mix([2])
        assert mixed.heard == ((1, 3) if tick in range(20, 39) else mixed.heard)
    assert mixed.heard == (2,)
    assert mixed.dominant in (1, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_frame_that_is_no_sound_is_silence_and_keeps_nobody_out(bad):
    mixer = spacescore.Mixer(audible=1, encode=False)
    broken = np.zeros(FRAME, np.float32)
    broken[3] = bad
    for peer in (1, 2):
        mixer.add(peer)
    out = np.empty((50, FRAME), np.float32)
    for tick, frame in enumerate(tone(440, 50)):
        mixer.set_voice(1, broken)
        mixer.set_voice(2, frame)
        mixed = mixer.mix(out=out[tick])
    assert (mixed.heard, mixed.dominant) == ((2,), 2)
    assert strength(out[1:].ravel(), 440) == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize("kind", [spacescore.JitterBuffer, spacescore.Voice])
def test_every_counter_is_told_of(kind):
    told = (spacescore.JitterBuffer.stats.__doc__ or "") + (kind.stats.__doc__ or "")
    assert [name for name in kind().stats if f"`{name}`" not in told] == []


def test_a_frame_that_cannot_receive_the_mix_costs_nobody_a_tick():
    mixer = spacescore.Mixer(encode=False)
    mixer.add(1)
    out = np.zeros((10, FRAME), np.float32)
    for tick, frame in enumerate(tone(440, 10)):
        mixer.set_voice(1, frame)
        for bad in ({"out": np.zeros(5)}, {"minus": {1: np.zeros(FRAME)}}):
            with pytest.raises(TypeError):
                mixer.mix([1], **bad)
        mixer.mix([1], out=out[tick])
    assert strength(out[1:].ravel(), 440) == pytest.approx(0.25, rel=0.01)


def test_who_was_never_added_is_not_heard():
    mixer = spacescore.Mixer(encode=False)
    mixer.add(7)
    assert mixer.mix([99, 7, 7]).heard == (7,)
    mixer.remove(7)
    assert mixer.mix([7]).heard == ()


def test_a_mixer_is_shared_by_threads_that_come_and_go_speak_and_listen():
    """Making a mix releases the GIL."""
    mixer, frame = spacescore.Mixer(), tone(440, 1)[0]

    def visit(peer: int) -> None:
        for turn in range(200):
            mixer.add(peer + turn % 3)
            mixer.set_voice(peer, frame)
            assert mixer.mix().packet
            mixer.remove(peer + turn % 3)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(visit, range(0, 40, 10)))
    assert mixer.mix().heard == ()


def test_what_was_popped_stays_what_it_was_whoever_pushes():
    buffer = spacescore.JitterBuffer()
    buffer.push(b"\x08first", sequence=1, timestamp=960, arrival=0.0)
    popped = buffer._native.pop(250_000)
    for number in range(2, 70):
        buffer.push(b"\x08later", sequence=number, timestamp=960 * number, arrival=0.25)
        buffer.pop(0.25 + 0.02 * number)
    assert popped.payload == b"\x08first"


WRONG = {
    "float64": np.zeros(FRAME),
    "too short": np.zeros(959, np.float32),
    "columns": np.zeros((2, FRAME), np.float32),
    "strides": np.zeros(2 * FRAME, np.float32)[::2],
    "misaligned": np.zeros(4 * FRAME + 1, np.uint8)[1:].view(np.float32),
}


@pytest.mark.parametrize("frame", WRONG.values(), ids=WRONG)
def test_what_is_no_frame_is_refused(frame):
    mixer, voice = spacescore.Mixer(), spacescore.Voice()
    mixer.add(1)
    with pytest.raises(TypeError, match=r"a frame is C-contiguous and aligned, float32 or int16"):
        mixer.set_voice(1, frame)
    with pytest.raises(TypeError, match=r"a frame is"):
        mixer.mix(out=frame)
    with pytest.raises(TypeError, match=r"a frame is"):
        voice.read(0.0, out=frame)


def test_other_channels_and_read_only_memory_are_refused():
    stereo = np.zeros((FRAME, 2), np.float32)
    mixer = spacescore.Mixer()
    with pytest.raises(ValueError, match="channels"):
        mixer.set_voice(1, stereo)
    with pytest.raises(ValueError, match="channels"):
        mixer.mix(out=stereo)
    frozen = np.zeros(FRAME, np.float32)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match=r"writ|read-only"):
        spacescore.Voice().read(0.0, out=frozen)
    for bad in ({"channels": 3}, {"application": "video"}, {"bitrate": 1}):
        with pytest.raises(ValueError, match=next(iter(bad)) if "app" not in str(bad) else "voip"):
            spacescore.Mixer(**bad)


def test_a_policy_of_one_depth_holds_packets_for_so_long():
    fixed = spacescore.JitterPolicy(least=0.1, most=0.1)
    voice, buffer = spacescore.Voice(policy=fixed), spacescore.JitterBuffer(fixed)
    packets = packets_of(tone(440, 20))
    for tick, packet in enumerate(packets):
        at = {"sequence": tick, "timestamp": tick * FRAME, "arrival": tick * TICK}
        voice.push(packet, **at)
        buffer.push(packet, **at)
        began = buffer.pop(tick * TICK + 0.005).what == "frame"
        assert began == (tick >= 5)
        assert voice.skip(tick * TICK + 0.005) == (0 if began else 127)
    assert 0.1 <= buffer.stats["target_delay"] < 0.12


@pytest.mark.parametrize("make", [spacescore.JitterBuffer, lambda p: spacescore.Voice(policy=p)])
@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"late_cost": 0}, "late_cost must be above 0 and at most 10000 ms"),
        ({"late_cost": float("nan")}, "late_cost must be"),
        ({"late_cost": 1e5}, "late_cost must be"),
        ({"least": -0.001}, "least and most must ascend from 0 to 1000 ms, not -1 ms and 700 ms"),
        ({"least": 0.3, "most": 0.2}, "least and most must ascend"),
        ({"most": 2}, "least and most must ascend"),
        ({"least": float("nan")}, "least must be seconds .*, not nan"),
        ({"most": float("inf")}, "most must be seconds .*, not inf"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(make, policy, said):
    with pytest.raises(ValueError, match=said):
        make(spacescore.JitterPolicy(**policy))


def test_a_jitter_buffer_gives_packets_back_in_order():
    packets = packets_of(tone(440, 20))
    buffer = spacescore.JitterBuffer()
    order = [0, 1, 3, 2, *range(4, 20)]
    for number in order:
        at = {"sequence": number, "timestamp": number * FRAME, "arrival": 0.001 * number}
        assert buffer.push(packets[number], **at) == "stored"
    assert buffer.push(packets[4], sequence=4, timestamp=4 * FRAME, arrival=0.02) == "duplicate"
    popped = list(_popped(buffer, ticks=20))
    played = [each.payload for each in popped if each.what in {"frame", "accelerate"}]
    assert played == [packet for packet in packets if packet in played]
    timed = [each for each in popped if each.what not in {"skip", "accelerate"}]
    assert {each.samples for each in timed} == {FRAME}
    assert buffer.stats["packets_received"] == 21
    assert buffer.stats["packets_duplicated"] == 1
    buffer.reset()
    assert buffer.pop(2.0).what == "hold"


def _popped(buffer, ticks):
    for tick in range(ticks):
        filled = 0
        while filled < FRAME:
            yield (popped := buffer.pop(0.1 + tick * TICK))
            filled += popped.samples


def test_packets_are_merged_as_far_as_they_go():
    packets = packets_of(tone(440, 30))[10:]
    merged = spacescore.Repacketizer().merge(packets)
    assert len(merged) <= 5
    decoded = [np.concatenate(_decoded(part)) for part in (packets, merged)]
    np.testing.assert_array_equal(*decoded)
    assert spacescore.Repacketizer().merge([]) == []
    alone = spacescore.Repacketizer().merge(packets, max_bytes=10)
    assert alone == packets  # each too large, and whole
    with pytest.raises(ValueError, match="packet 2 is no Opus"):
        spacescore.Repacketizer().merge([*packets[:2], b"\xfb"])


def _decoded(packets):
    decoder = _core.OpusDecoder()
    return [decoder.decode(packet) for packet in packets]
