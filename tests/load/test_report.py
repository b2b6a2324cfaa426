import numpy as np
import pytest

from spacescore._native import _core
from spacescore.load import LoadPlan, LoadReport, Progress, progress_line, summary
from spacescore.load.report import Generator, Quantiles, Speakers, audio_of, joins_of

FATE = {name: number for number, name in enumerate(_core.FATES)}
MS = 1_000
NONE = Speakers()


def rows(**columns):
    """Three listeners: in at once, in late and deaf, not in."""
    base = {
        "fate": [FATE["joined"], FATE["joined"], FATE["no_answer"]],
        "asked_us": [-1, -1, -1],
        "first_check_us": [0, 1_000 * MS, 2_000 * MS],
        "answered_us": [1 * MS, 1_003 * MS, -1],
        "connected_us": [10 * MS, 1_030 * MS, -1],
        "first_audio_us": [30 * MS, -1, -1],
        "expected": [100, 0, 0],
        "received": [97, 0, 0],
        "late": [1, 0, 0],
        "reordered": [2, 0, 0],
        "duplicated": [3, 0, 0],
        "skipped": [20, 0, 0],
        "jitter_us": [500, 0, 0],
    }
    return {name: np.array(values) for name, values in (base | columns).items()}


def report(table, refused=(), *, max_loss=0.0, silences=(0, 0, 0), speakers=NONE, **generator):
    own = {"cores": 0.1, "busiest": 0.1, "kernel_drops": 0, "send_errors": 0, "strays": 0}
    quiet = {"lateness": Quantiles(), "request_lag": Quantiles()}
    joins = joins_of(table, _core.FATES, refused, 3 + len(refused))
    return LoadReport(
        plan=LoadPlan("http://host/s/demo", listeners=joins.asked, max_loss=max_loss),
        joins=joins,
        audio=audio_of(table, Quantiles(), np.array(silences)),
        speakers=speakers,
        server=None,
        generator=Generator(**own | quiet | generator),
        listened_seconds=1.0,
        listeners=table,
        heard={},
        said={},
    )


def test_joins_are_timed_from_the_first_check_to_the_keys():
    joins = joins_of(rows(), _core.FATES, [], 3)
    assert (joins.asked, joins.joined, joins.failures) == (3, 2, {"no answer": 1})
    assert (joins.time.p50, joins.time.max) == (20.0, 30.0)
    assert (joins.answered.max, joins.first_audio.p50) == (3.0, 30.0)
    assert (joins.seconds, joins.per_second) == (1.03, 1.9)


def test_a_request_belongs_to_the_join():
    joins = joins_of(rows(asked_us=[-5 * MS, 990 * MS, 0]), _core.FATES, ["HTTP 503"] * 4, 7)
    assert joins.time.max == 40.0
    assert (joins.asked, joins.failures) == (7, {"HTTP 503": 4, "no answer": 1})


def test_whoever_was_planned_and_did_not_come_has_not_started():
    joins = joins_of(rows(), _core.FATES, ["HTTP 503"] * 4, 20)
    assert joins.asked == 20
    assert joins.failures == {"not started": 13, "HTTP 503": 4, "no answer": 1}


def test_audio_adds_up():
    audio = audio_of(rows(), Quantiles(), np.array([0, 5_000 * MS, 0]))
    assert (audio.expected, audio.received, audio.lost, audio.skipped) == (100, 97, 3, 20)
    assert audio.loss_percent == pytest.approx(100 * 23 / 120, abs=1e-3)
    assert (audio.listening, audio.silent, audio.fell_silent) == (1, 1, 0)


def test_quantiles_of_counts_are_the_ends_of_their_buckets():
    found = Quantiles.of_counts([1_000, 2_000, 4_000], [98, 1, 1], 3_000)
    assert (found.p50, found.p95, found.p99, found.max) == (1.0, 1.0, 2.0, 3.0)
    assert Quantiles.of_counts([1_000], [0], 0) == Quantiles()


GOOD = {
    "fate": [FATE["joined"]] * 3,
    "connected_us": [10 * MS, 1_030 * MS, 2_010 * MS],
    "received": [100, 100, 100],
    "expected": [100, 100, 100],
    "skipped": [0, 0, 0],
}


def test_a_test_passes_when_everybody_joined_and_heard_everything():
    assert report(rows(**GOOD)).ok


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"connected_us": [1, 1, -1], "fate": [2, 2, FATE["no_answer"]]}, "1 listener did not get"),
        ({"fate": [2, FATE["lost"], FATE["sent_away"]]}, "2 listeners did not stay"),
        ({"received": [0, 0, 0], "expected": [0, 0, 0]}, "nobody speaks"),
        ({"received": [100, 100, 99]}, "0.333 % of the audio"),
        ({"skipped": [0, 0, 3]}, "0.99 % of the audio"),
    ],
)
def test_a_test_fails_for_a_reason_it_names(changes, complaint):
    found = report(rows(**GOOD | changes))
    assert not found.ok
    assert [text for text in found.complaints if complaint in text]
    assert complaint in summary(found)


def test_whoever_missed_all_to_the_end_heard_nothing_or_fell_silent():
    table = rows(**GOOD | {"received": [100, 100, 0], "expected": [100, 100, 0]})
    found = report(table, silences=[0, 2_500 * MS, 5_000 * MS])
    assert found.complaints == ["1 heard nothing", "1 fell silent, for up to 2.5 s"]
    assert "1 listeners fell silent" in summary(found)


def test_a_speaker_who_was_lost_is_a_complaint():
    found = report(rows(**GOOD), speakers=Speakers(2, 2, {"sent away": 1}, 900))
    assert found.complaints == ["1 speaker did not stay"]


def test_a_speaker_whom_the_server_leaves_unanswered_is_a_complaint():
    found = report(rows(**GOOD), speakers=Speakers(2, 2, {}, 900, unanswered=2))
    assert found.complaints == ["2 speakers were not answered any more"]


def test_cores_are_of_all_threads_and_one_may_still_have_time():
    assert not report(rows(**GOOD), cores=1.4, busiest=0.4).generator.bottlenecks


def test_some_loss_may_be_allowed():
    table = rows(**GOOD | {"received": [100, 100, 99]})
    assert report(table, max_loss=0.4).ok
    assert not report(table, max_loss=0.3).ok


@pytest.mark.parametrize(
    ("generator", "reason"),
    [
        ({"kernel_drops": 7}, "7 packets were lost in its own buffers"),
        ({"send_errors": 7}, "refused by its own kernel"),
        ({"lateness": Quantiles(1, 2, 101, 102)}, "late, p99 101 ms"),
        ({"request_lag": Quantiles(1, 2, 101, 102)}, "requests waited"),
        ({"cores": 1.4, "busiest": 0.99}, "a thread was busy all the time"),
    ],
)
def test_a_generator_that_was_too_slow_says_so(generator, reason):
    found = report(rows(**GOOD), **generator)
    assert reason in found.generator.bottlenecks[0]
    assert f"the generator was the bottleneck: {found.generator.bottlenecks[0]}" in summary(found)


def test_the_summary_is_plain_text_unless_colour_is_asked_for():
    found = report(rows(), ["HTTP 503"] * 4)
    plain = summary(found)
    assert "\x1b" not in plain
    assert "\x1b[" in summary(found, color=True)
    for text in ("2 of 7", "4 HTTP 503", "100 expected · 97 received · 3 lost", "20 skipped"):
        assert text in plain
    assert all(len(line) < 100 for line in plain.splitlines())


def test_the_live_line_fits_a_terminal():
    progress = Progress("listening", 1.0, 100_000, 5_000, 99_999, 12_345, 0.0, 90_000, 10**9, 10**8)
    line = progress_line(progress)
    assert "99,999/100,000" in line
    assert "lost 9.09 %" in line
    assert len(line) < 78  # it stands two columns in


@pytest.mark.parametrize("listeners", [0, 1, 1_000, 10_000, 100_000, 10_000_000])
def test_the_live_line_is_never_longer_than_a_terminal_is_wide(listeners):
    half, tenth = listeners // 2, listeners // 10
    progress = Progress("joining", 1.0, listeners, half, half, tenth, tenth, half, 1_000, tenth)
    line = progress_line(progress)
    assert f"{half:,}/{listeners:,}" in line
    assert len(line) < 78
