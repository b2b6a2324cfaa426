import wave

import av
import numpy as np
import pytest

from spacescore._native import _core
from spacescore.load import LoadError
from spacescore.load.speech import packets_of, tone
from world import strength

RATE = 48_000


def decoded(packets):
    decoder = _core.OpusDecoder()
    return np.concatenate([decoder.decode(packet) for packet, _ in packets])


def write_wav(path, *, rate, seconds=2.0):
    samples = 0.25 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32_767 * samples).astype("<i2").tobytes())


def test_a_tone_is_a_second_that_can_be_repeated():
    packets = tone()
    assert [samples for _, samples in packets] == [960] * 50
    twice = decoded(packets * 2)
    assert strength(twice, 440) == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize("rate", [48_000, 44_100, 8_000])
def test_a_wav_file_is_encoded_at_any_rate(tmp_path, rate):
    write_wav(tmp_path / "speech.wav", rate=rate)
    packets = packets_of(tmp_path / "speech.wav")
    assert len(packets) == pytest.approx(100, abs=2)
    assert strength(decoded(packets), 440) == pytest.approx(0.25, rel=0.15)


def test_ogg_opus_is_taken_as_it_is(tmp_path):
    path = tmp_path / "speech.opus"
    with av.open(str(path), "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=RATE)
        stream.layout = "mono"
        for start in range(0, RATE, 960):
            samples = 0.25 * np.sin(2 * np.pi * 440 * np.arange(start, start + 960) / RATE)
            frame = av.AudioFrame.from_ndarray(
                samples.astype(np.float32)[None, :], format="flt", layout="mono"
            )
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    packets = packets_of(path)
    with av.open(str(path)) as container:
        raw = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert [packet for packet, _ in packets] == raw
    assert sum(samples for _, samples in packets) == pytest.approx(RATE, abs=1_920)


@pytest.mark.parametrize("content", [b"", b"no audio at all", bytes(5_000)])
def test_a_file_that_is_no_audio_is_refused(tmp_path, content):
    path = tmp_path / "speech.wav"
    path.write_bytes(content)
    with pytest.raises(LoadError, match=r"speech\.wav"):
        packets_of(path)
