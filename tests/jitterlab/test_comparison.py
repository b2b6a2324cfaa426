"""Policies, how they are counted, and the command line on top."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from spacescore.cli import main
from spacescore.jitterlab import LINKS, POLICIES, compare, link, names_here, play, score
from spacescore.jitterlab.neteq import DelayManager
from spacescore.jitterlab.playback import Playback
from spacescore.jitterlab.policies import fixed


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_made_of_its_seed_alone(name):
    first, again, other = link(name, 1, 20), link(name, 1, 20), link(name, 2, 20)
    assert (first.packets == again.packets).all()
    assert len(first) != len(other) or (first.packets != other.packets).any()
    assert (np.diff(first.arrival_us) >= 0).all()


@pytest.mark.parametrize("policy", [name for name in POLICIES if not name.startswith("oracle")])
def test_nobody_hears_a_packet_before_it_came(policy):
    if policy not in names_here():
        pytest.skip(f"{policy} is not installed")
    trace = link("wifi", 3, 20)
    played = play(trace, policy).played_us
    heard = played >= 0
    assert heard.mean() > 0.5
    assert (played[heard] >= trace.arrival_us[heard]).all()
    assert len(np.unique(trace.number[heard])) == heard.sum()


def test_the_oracles_are_better_than_any_policy_by_their_own_measure():
    trace = link("wifi", 4, 60)
    scores = {one.policy: one for one in compare(trace, names_here())}
    second = scores["oracle: each second, 1% late"]
    assert second.unheard <= 100 * trace.lost + 1.01
    assert second.mean < scores["oracle: fixed, 1% late"].mean
    assert second.mean < scores["spacescore"].mean


def scored(trace, played_us):
    return score(trace, Playback("hand", np.asarray(played_us), np.zeros(1), np.zeros(1)))


def test_holes_waits_cuts_and_stretches_are_told_apart():
    trace = link("clean", 1, 2)
    on_time = trace.sent_us + 100_000
    base = scored(trace, on_time)
    assert (base.concealed, base.stretched, base.unheard) == (0, 0, 0)

    left_out = on_time.copy()
    left_out[50], left_out[51:] = -1, left_out[51:] - 20_000
    assert scored(trace, left_out).stretched == pytest.approx(1)
    assert scored(trace, left_out).concealed == 0
    assert scored(trace, left_out).unheard == pytest.approx(1)

    drawn = on_time.copy()
    drawn[50:] += 20_000  # although it was there
    assert (scored(trace, drawn).concealed, scored(trace, drawn).stretched) == (0, 1)

    late = trace.packets.copy()
    late["arrival_us"][50] += 100_000
    held_up = type(trace)("late", late, trace.sent_us, trace.number, trace.sent)
    waited = on_time.copy()
    waited[50:] += 20_000
    assert scored(held_up, waited).concealed == pytest.approx(1)
    given_up = on_time.copy()
    given_up[50] = -1
    assert scored(held_up, given_up).concealed == pytest.approx(1)


def test_a_fixed_delay_is_what_it_says_up_to_a_tick():
    trace = link("clean", 2, 10)
    played = fixed(trace, int(trace.arrival_us[0]), 60)
    added = played.added_us(trace)
    assert (added >= 60_000).all()
    assert (added < 80_000).all()
    assert np.ptp(added) == 0


def test_neteqs_target_is_the_upper_end_of_a_bucket_of_20_ms():
    manager = DelayManager()
    for n in range(500):
        manager.arrived(20 * n + (50 if n % 20 == 10 else 0), 20 * n, 20)
    assert manager.target == 60
    fresh = DelayManager()
    fresh.arrived(0, 0, 20)
    assert fresh.target == 80


def test_the_command_prints_a_table_and_json(tmp_path):
    lines = "\n".join(f"{20 * n},{20 * n + n % 5 + 30},80,0" for n in range(200))
    (path := tmp_path / "walk.csv").write_text(lines)
    shown = CliRunner().invoke(main, ["jitter", str(path)])
    assert shown.exit_code == 0, shown.output
    assert all(name in shown.output for name in names_here())
    asked = ["jitter", str(path), "link:clean:2", "--seconds", "5", "--policy", "spacescore"]
    rows = json.loads(CliRunner().invoke(main, [*asked, "--json", "-"]).output)
    assert [row["trace"] for row in rows] == ["walk", "clean"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["link:mars"], "links are clean"),
        (["link:clean", "--policy", "magic"], "No policy 'magic'"),
        (["/nowhere/at.all"], "No such file"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments, said):
    run = CliRunner().invoke(main, ["jitter", *arguments])
    assert run.exit_code == 2
    assert said in run.output
    assert "Traceback" not in run.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"packets": [' + "1," * 100_000, "line 1: longer than 4096 bytes"),
        ("0,40\n20,1767225600000\n", "line 2: arrival is 1767225600 s from what came before"),
    ],
)
def test_the_command_names_the_place_in_a_file_that_is_no_trace(text, said, tmp_path):
    (path := tmp_path / "call.csv").write_text(text)
    run = CliRunner().invoke(main, ["jitter", str(path)])
    assert isinstance(run.exception, SystemExit)
    assert run.exit_code == 2
    assert f"{path}: {said}" in run.output
    assert run.output.count("\n") == 1
