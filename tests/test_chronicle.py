"""Who is heard is noted beside the sound."""

import pytest

from spacescore.chronicle import Chronicle
from spacescore.recordings import Recordings
from virtual_peer import speak_by_offer, wait_for
from world import tone


@pytest.fixture
def speaker(engine):
    engine.create_space("demo", title="The evening round")
    speaker = speak_by_offer(lambda sdp: engine.accept_offer("demo", sdp, role="speaker").sdp)
    speaker.connected().say(tone(440))
    wait_for(lambda: any(one.audible for one in engine.stats("demo").speakers))
    wait_for(lambda: engine.stats("demo").recorded_samples > 0)
    yield speaker
    speaker.leave()


def test_a_line_is_written_when_somebody_is_heard_and_when_no_longer(engine, speaker):
    chronicle, kept = Chronicle(engine, engine.data.recordings), Recordings(engine.data.recordings)
    chronicle.note()
    chronicle.note()
    name = wait_for(lambda: [one.id for one in kept])[0]
    assert kept.get(name).title == "The evening round"
    assert [line["heard"] for line in kept.lines(name)] == [True]
    speaker.say(None)
    wait_for(lambda: not any(one.audible for one in engine.stats("demo").speakers))
    chronicle.note()
    assert [line["heard"] for line in kept.lines(name)] == [True, False]


def test_a_disk_that_takes_no_lines_costs_no_audio(engine, speaker):
    chronicle = Chronicle(engine, engine.data.recordings / "gone")
    chronicle.note()
    before = engine.stats("demo").recorded_samples
    wait_for(lambda: engine.stats("demo").recorded_samples > before)
