"""fanout/media/ogg: what PyAV (FFmpeg) reads out of what was written, whole and cut off."""

import io
import random
import struct

import av
import numpy as np
import pytest

from ogg_pages import pages
from spacescore._native import _core

FRAME = 960
RATE = 48_000


def encoded(frames: np.ndarray) -> list[bytes]:
    encoder = _core.OpusEncoder()
    return [encoder.encode(frame) for frame in frames]


def written(packets: list[bytes], **head) -> bytes:
    writer = _core.OggOpusWriter(**{"serial": 7, **head})
    for i, packet in enumerate(packets):
        writer.write(i * FRAME, packet)
    writer.finish()
    assert writer.skipped == 0
    return writer.take()


def decoded(file: bytes) -> np.ndarray:
    """Samples as a player hears them: the pre-skip is gone, the end trimmed."""
    with av.open(io.BytesIO(file)) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


def rms(samples: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def test_a_tone_keeps_its_frequency_its_level_and_its_length(tone):
    frames = tone(440, 250)
    heard = decoded(written(encoded(frames)))
    assert heard.size == frames.size  # to the sample, the encoder's lookahead taken off
    steady = heard[9_600:-9_600]
    assert np.abs(np.fft.rfft(steady)).argmax() * RATE / steady.size == pytest.approx(440, abs=1)
    assert 20 * np.log10(rms(steady) / rms(frames)) == pytest.approx(0, abs=0.5)


def test_what_was_said_at_a_position_is_heard_there(tone):
    frames = np.zeros((150, FRAME), np.float32)
    frames[100:] = tone(1_000, 50)
    heard = decoded(written(encoded(frames)))
    onset = int(np.argmax(np.abs(heard) > 0.25))
    assert onset == pytest.approx(100 * FRAME, abs=240)


def test_the_headers_are_those_of_rfc_7845():
    first, second, *_ = pages(written([], title="Café"))
    assert first[:4] == (2, 0, 7, 0)
    assert second[:4] == (0, 0, 7, 1)
    assert first[4] == [struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, RATE, 0, 0)]
    assert second[4] == [
        b"OpusTags\x0a\0\0\0spacescore\x01\0\0\0\x0b\0\0\0" + "TITLE=Café".encode()
    ]


def test_the_pre_skip_is_the_lookahead_of_the_encoder():
    assert _core.OpusEncoder().lookahead == 312


def test_players_read_the_title():
    packets = encoded(np.zeros((10, FRAME), np.float32))
    with av.open(io.BytesIO(written(packets, title="Launch day"))) as container:
        assert container.streams.audio[0].metadata == {"TITLE": "Launch day"}


def test_a_long_title_is_cut_between_characters():
    (comment,) = pages(written([], title="é" * 2_000))[1][4]
    assert comment.decode().endswith("TITLE=" + "é" * 512)
    (comment,) = pages(written([], title="x" + "é" * 2_000))[1][4]
    assert comment.decode().endswith("TITLE=x" + "é" * 511)


def test_a_page_holds_a_second_and_ends_where_its_granule_says(tone):
    found = pages(written(encoded(tone(440, 225))))[2:]
    assert [page[1] for page in found] == [48_000, 96_000, 144_000, 192_000, 216_000, 216_312]
    assert [len(page[4]) for page in found] == [50, 50, 50, 50, 25, 1]
    assert [page[0] for page in found] == [0, 0, 0, 0, 0, 4]
    assert [page[3] for page in found] == list(range(2, 8))


def test_the_same_input_makes_the_same_bytes_however_it_is_taken(tone):
    packets = encoded(tone(440, 120))
    writer, parts = _core.OggOpusWriter(serial=7), []
    for i, packet in enumerate(packets):
        writer.write(i * FRAME, packet)
        parts.append(writer.take())
    writer.finish()
    assert b"".join([*parts, writer.take()]) == written(packets) == written(packets)
    assert writer.take() == b""


def test_a_flush_makes_every_packet_so_far_playable(tone):
    writer = _core.OggOpusWriter(serial=7)
    for i, packet in enumerate(encoded(tone(440, 30))):
        writer.write(i * FRAME, packet)
    assert len(pages(writer.take())) == 2
    writer.flush()
    ((_, granule, *_),) = pages(writer.take())
    assert granule == 30 * FRAME
    writer.flush()
    assert writer.take() == b""


def test_finishing_ends_the_stream_once(tone):
    writer = _core.OggOpusWriter(serial=7)
    writer.write(0, encoded(tone(440, 1))[0])
    writer.finish()
    assert pages(writer.take())[-1][0] == 4
    writer.finish()
    writer.write(FRAME, b"\xf8\xff\xfe")
    writer.flush()
    assert writer.take() == b""
    assert writer.skipped == 1


def test_packets_of_every_size_lace_right():
    """Multiples of 255 end in a lacing value of zero; 60 ms and 120 ms packets count as such."""
    writer, position, sent = _core.OggOpusWriter(serial=7), 0, []
    for size in [*range(2, 1_276), 255, 510, 1_275]:
        sent.append(b"\xf8" + bytes(size - 1))
        writer.write(position, sent[-1])
        position += FRAME
    for packet, samples in [(b"\x18\x01", 2_880), (b"\xfb\x06" + b"\xff\xfe" * 6, 5_760)]:
        sent.append(packet)
        writer.write(position, packet, samples)
        position += samples
    writer.finish()
    found = pages(writer.take())
    assert [packet for page in found[2:-1] for packet in page[4]] == sent
    assert found[-2][1] == position
    assert writer.skipped == 0


def test_the_largest_packet_has_a_page_of_its_own():
    largest = b"\xfb\x30" + bytes(48 * 1_275)  # 48 frames of 1,275 bytes would be 960 ms
    huge = b"\xe3\x30" + bytes(48 * 1_275)  # and of 2.5 ms are 120 ms
    writer = _core.OggOpusWriter(serial=7)
    writer.write(0, largest, 46_080)
    assert writer.skipped == 1
    writer.write(0, b"\xf8\xff\xfe")
    writer.write(FRAME, huge, 5_760)
    writer.finish()
    assert huge in [packet for page in pages(writer.take()) for packet in page[4]]
    padded = b"\xfb\x41" + b"\xff" * 300 + b"\x00" + bytes(300 * 254) + b"\xff\xfe"
    writer = _core.OggOpusWriter(serial=7)
    writer.write(0, padded)  # valid Opus, but larger than a page
    assert _core.opus_samples(padded) == FRAME
    assert writer.skipped == 1


@pytest.mark.parametrize("gap", [120, 960, 1_000, 5_760, 6_001, 48_000, 480_120, 2_880_000])
def test_a_gap_is_silence_of_the_same_length(tone, gap):
    packets = encoded(tone(440, 100))
    writer = _core.OggOpusWriter(serial=7)
    for i, packet in enumerate(packets):
        writer.write(i * FRAME + (gap if i >= 50 else 0), packet)
    writer.finish()
    heard = decoded(writer.take())
    assert heard.size == pytest.approx(100 * FRAME + gap, abs=120)
    assert rms(heard[40 * FRAME : 48 * FRAME]) == pytest.approx(0.354, rel=0.1)
    assert rms(heard[60 * FRAME + gap : 98 * FRAME + gap]) == pytest.approx(0.354, rel=0.1)
    if gap > 4_800:
        hush = heard[50 * FRAME + 1_200 : 50 * FRAME + gap - 1_200]
        assert np.abs(hush).max() < 1e-4


def test_a_gap_at_the_start_is_filled_too(tone):
    writer = _core.OggOpusWriter(serial=7)
    for i, packet in enumerate(encoded(tone(440, 50))):
        writer.write(96_000 + i * FRAME, packet)
    writer.finish()
    heard = decoded(writer.take())
    assert heard.size == 96_000 + 48_000
    assert np.abs(heard[:95_000]).max() < 1e-4


def test_stereo_files_are_silent_in_stereo():
    writer = _core.OggOpusWriter(serial=7, channels=2)
    writer.write(48_000, b"\xfc\xff\xfe")
    writer.finish()
    file = writer.take()
    assert {packet[0] & 4 for page in pages(file)[2:] for packet in page[4]} == {4}
    assert not decoded(file).any()


def test_silence_is_silent_in_our_own_decoder(tone):
    writer = _core.OggOpusWriter(serial=7)
    writer.write(10 * FRAME + 240, encoded(tone(440, 1))[0])
    writer.finish()
    silences = [packet for page in pages(writer.take())[2:] for packet in page[4][:-1]]
    assert [_core.opus_samples(packet) for packet in silences] == [5_760, 3_840, 120, 120]
    decoder = _core.OpusDecoder()
    for packet in encoded(tone(440, 20)):
        decoder.decode(packet)
    assert [np.abs(decoder.decode(packet)).max() < 1e-4 for packet in silences][1:] == [True] * 3


def test_a_gap_of_hours_costs_little_and_is_filled_an_hour_per_call():
    writer = _core.OggOpusWriter(serial=7)
    hours, sizes = 10, []
    for i in range(hours + 2):
        writer.write(hours * 3_600 * RATE + i * FRAME, b"\xf8\xff\xfe")
        sizes.append(len(writer.take()))
    writer.flush()
    assert max(sizes) < 500_000
    assert writer.skipped == hours
    (_, granule, *_) = pages(writer.take())[-1]
    assert granule == hours * 3_600 * RATE + (hours + 2) * FRAME


@pytest.mark.parametrize("early", [120, 121, FRAME, 48_000])
def test_packets_behind_what_is_written_are_skipped(early):
    writer = _core.OggOpusWriter(serial=7)
    for i in range(100):
        writer.write(i * FRAME, b"\xf8\xff\xfe")
    writer.write(100 * FRAME - early, b"\xf8\xff\xfe")
    writer.finish()
    assert writer.skipped == 1
    assert pages(writer.take())[-1][1] == 100 * FRAME + 312


def test_small_slips_do_not_add_up():
    """A clock that slips by less than 2.5 ms per packet stays within 2.5 ms for ever."""
    rng, writer = random.Random(3), _core.OggOpusWriter(serial=7)
    for i in range(3_000):
        writer.write(119 + i * FRAME + rng.randrange(-59, 60), b"\xf8\xff\xfe")
    writer.finish()
    assert writer.skipped == 0
    assert pages(writer.take())[-1][1] == pytest.approx(3_000 * FRAME + 312, abs=240)


@pytest.mark.parametrize("packet", [b"", b"\xfb", b"\xfb\x00", b"\xf9\x01", b"\x18\x00"])
def test_malformed_packets_and_wrong_durations_are_skipped(packet):
    writer = _core.OggOpusWriter(serial=7)
    writer.write(0, packet)
    assert writer.skipped == 1


@pytest.mark.parametrize("channels", [-1, 0, 3])
def test_other_channel_counts_are_refused(channels):
    with pytest.raises(ValueError, match=rf": {channels}$"):
        _core.OggOpusWriter(serial=7, channels=channels)


def test_a_file_cut_anywhere_plays_up_to_its_last_whole_page(tone):
    file = written(encoded(tone(440, 260)))
    found = pages(file)
    first = found[2][5]  # where the first page with sound ends
    rng = random.Random(5)
    for cut in [first, *(rng.randrange(first, len(file)) for _ in range(30)), len(file) - 1]:
        whole = max(page[1] for page in found if page[5] <= cut)
        kept = decoded(file[: max(page[5] for page in found if page[5] <= cut)])
        assert kept.size == whole - 312
        assert rms(kept[4_800:]) == pytest.approx(0.354, rel=0.1)
        assert whole - 312 <= decoded(file[:cut]).size <= whole + RATE


def test_a_recording_may_go_on_behind_its_last_whole_page_as_a_second_chain(tone):
    """RFC 3533 section 4 chaining: what a restarted process appends is played after the rest."""
    packets = encoded(tone(440, 100))
    before, after = written(packets, serial=7), written(packets, serial=8)
    kept = before[: pages(before)[-2][5]]
    assert decoded(kept + after).size >= pages(kept)[-1][1] + 100 * FRAME - 312
