"""The folder of recordings, and what its lines say of who was heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacescore._native import _core
from spacescore.errors import UnknownRecordingError
from spacescore.recordings import Logbook, Recordings, chapters, lanes, webvtt

ADA, BO = 11, 12
SILENCE = bytes([0xF8, 0xFF, 0xFE])  # 20 ms
EVENING = "evening-2026-11-23T19-00-00Z"


def line(at, peer, heard, name=""):
    return {"at": at, "peer": peer, "name": name or {ADA: "Ada", BO: "Bo"}[peer], "heard": heard}


def opus_file(seconds: int) -> bytes:
    writer = _core.OggOpusWriter(serial=7, title="x")
    for number in range(seconds * 50):
        writer.write(number * 960, SILENCE, 960)
    writer.finish()
    return writer.take()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / f"{EVENING}.opus").write_bytes(opus_file(3))
    return tmp_path


def test_a_logbook_notes_changes_and_nothing_else():
    book = Logbook()
    assert book.note(1.0, {ADA: "Ada"}) == [line(1.0, ADA, True)]
    assert book.note(2.0, {ADA: "Ada"}) == []
    assert book.note(3.004, {BO: "Bo"}) == [line(3.0, ADA, False), line(3.0, BO, True)]
    assert book.note(4.0, {}) == [line(4.0, BO, False)]


def test_lanes_join_what_a_breath_divides_and_end_with_the_recording():
    lines = [
        line(0.5, ADA, True),
        line(4.0, ADA, False),
        line(5.0, ADA, True),
        line(8.0, BO, True),
        line(9.0, ADA, False),
        line(20.0, ADA, True),
    ]
    ada, bo = lanes(lines, 30.0)
    assert (ada.name, ada.spans) == ("Ada", ((0.5, 9.0), (20.0, 30.0)))
    assert (bo.name, bo.spans) == ("Bo", ((8.0, 30.0),))


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from([ADA, BO]), st.booleans()), max_size=30)
)
def test_whatever_the_lines_say_lanes_lie_within_the_recording(changes):
    for lane in lanes([line(*change) for change in changes], 60.0):
        assert all(0 <= start <= 60 and 0 <= end <= 60 for start, end in lane.spans)


def test_lines_of_another_kind_are_passed_over():
    assert lanes([{"at": "soon"}, {"peer": 1}, {}], 9.0) == []


def test_chapters_are_turns_and_who_interjects_opens_none():
    lines = [
        line(1.0, ADA, True),
        line(20.0, BO, True),
        line(21.0, BO, False),
        line(30.0, ADA, False),
        line(31.0, BO, True),
        line(50.0, BO, False),
    ]
    assert chapters(lanes(lines, 60.0), 60.0) == [(1.0, 31.0, "Ada"), (31.0, 60.0, "Bo")]


def test_webvtt_has_its_stamps_and_no_markup_of_a_strangers():
    text = webvtt([(0.0, 3_725.25, "<b>Bo</b> & Ada")])
    assert text == "WEBVTT\n\n00:00:00.000 --> 01:02:05.250\n&lt;b&gt;Bo&lt;/b&gt; &amp; Ada\n"


def test_a_recording_is_known_by_its_file_alone(folder):
    (one,) = Recordings(folder)
    assert (one.id, one.space, one.title, one.published) == (EVENING, "evening", "evening", False)
    assert one.seconds == pytest.approx(3.0, abs=0.05)
    assert one.began == 1_795_460_400


def test_a_file_that_was_cut_is_as_long_as_its_last_whole_page(folder):
    path = folder / f"{EVENING}.opus"
    whole = path.read_bytes()
    for end in range(len(whole) - 1, len(whole) - 200, -1):
        path.write_bytes(whole[:end])
        assert Recordings(folder).get(EVENING).seconds in (1.9935, 2.9935)
    path.write_bytes(b"OggS")
    assert Recordings(folder).get(EVENING).seconds == 0.0


def test_a_line_that_a_crash_cut_is_passed_over(folder):
    recordings = Recordings(folder)
    recordings.append(EVENING, [{"title": "The long evening"}, line(1.0, ADA, True)])
    with (folder / f"{EVENING}.jsonl").open("a") as file:
        file.write('{"at": 2.0, "pe')
    assert recordings.get(EVENING).title == "The long evening"
    assert recordings.lines(EVENING) == [line(1.0, ADA, True)]


def test_what_a_host_decided_stays_decided(folder):
    assert Recordings(folder).publish(EVENING, True).published
    assert Recordings(folder).get(EVENING).published
    assert not Recordings(folder).publish(EVENING, False).published
    (folder / f"{EVENING}.json").write_text("[")
    assert not Recordings(folder).get(EVENING).published


def test_a_deleted_recording_leaves_nothing(folder):
    recordings = Recordings(folder)
    recordings.append(EVENING, [{"title": "x"}])
    recordings.publish(EVENING, True)
    recordings.delete(EVENING)
    assert list(folder.iterdir()) == []
    with pytest.raises(UnknownRecordingError):
        recordings.delete(EVENING)


@pytest.mark.parametrize("key", ["../secret", "", ".", "a/b", EVENING + "/..", "evening", "x\0"])
def test_no_id_leads_out_of_the_folder(folder, key):
    (folder.parent / "secret.opus").write_bytes(b"x")
    with pytest.raises(UnknownRecordingError):
        Recordings(folder).get(key)
