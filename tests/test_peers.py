"""The comparison with other servers: its arithmetic, and one turn of our own server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from peers import measure
from peers.figures import Figure, Joining, Listening, Peer, Round, ratio
from peers.measure import Case, measure_joining, measure_listening
from peers.servers import Spacescore
from peers.table import Target, as_json, markdown, table

KIB = 1024
BENCHES = Path(__file__).parents[1] / "benches"


def listening(listeners, cores, *, idle=0.0, loss=0.0, packet_ms=20, memory=0):
    packets = round(listeners * 10 * 1_000 / packet_ms * (1 - loss))
    return Listening(listeners, 10.0, 10 * (cores + idle), idle, packets, packet_ms, loss, memory)


def turn(few=None, many=None, joining=None):
    return Round(
        few or listening(50, 0.10),
        many or listening(250, 0.30),
        joining or Joining(joined=250, cpu=0.5),
    )


def test_a_room_of_its_own_is_in_the_cost_per_listener_but_not_in_that_of_one_more():
    one = turn()
    assert one.per_listener == pytest.approx(0.30 / 250)
    assert one.per_further_listener == pytest.approx(0.20 / 200)


def test_what_a_server_takes_idle_is_nobodys_cost():
    busy = turn(listening(50, 0.10, idle=0.2), listening(250, 0.30, idle=0.2))
    assert busy.per_listener == pytest.approx(turn().per_listener)
    assert busy.per_further_listener == pytest.approx(turn().per_further_listener)


def test_packets_that_did_not_come_make_nobody_cheaper():
    half = turn(many=listening(250, 0.30, loss=0.5))
    assert half.per_listener == pytest.approx(2 * turn().per_listener)


def test_a_listener_of_longer_packets_is_a_listener():
    long = turn(listening(50, 0.10, packet_ms=60), listening(250, 0.30, packet_ms=60))
    assert long.per_listener == pytest.approx(turn().per_listener, rel=1e-3)
    assert long.per_packet == pytest.approx(3 * turn().per_packet, rel=1e-3)


def test_joins_and_memory_are_shared_out():
    grown = turn(listening(50, 0.1, memory=600 * KIB), listening(250, 0.3, memory=1_000 * KIB))
    assert grown.per_join == pytest.approx(0.002)
    assert grown.bytes_per_further_listener == 2 * KIB


def test_ratios_are_of_each_round_and_the_median_is_shown():
    ours = Peer("ours", [turn(joining=Joining(1, cpu)) for cpu in (1.0, 2.0, 1.0)])
    theirs = Peer("theirs", [turn(joining=Joining(1, cpu)) for cpu in (20.0, 60.0, 25.0)])
    assert ratio(theirs, ours, lambda one: one.per_join) == Figure(25.0, 20.0, 30.0)


def test_the_table_says_which_targets_were_missed():
    ours = Peer("ours", [turn()])
    theirs = Peer("theirs", [turn(joining=Joining(250, 5.0))])
    targets = [
        Target("CPU a join", 20, "ours", lambda one: one.per_join),
        Target("CPU a listener", 15, "ours", lambda one: one.per_listener),
    ]
    missed = [row for row in table([ours, theirs], [theirs], targets).splitlines() if "✗" in row]
    assert ["CPU a join, theirs" in missed[0], "10 times" in missed[0]] == [True, True]
    assert "| CPU a join, theirs | 10 (10…10) | 20 | missed |" in markdown(
        [ours, theirs], [theirs], targets, "here"
    )
    found = json.loads(json.dumps(as_json([ours, theirs], [theirs], targets)))
    assert [target["met"] for target in found["targets"]] == [False, False]
    assert found["targets"][0]["ratio"]["median"] == pytest.approx(10)
    assert found["peers"]["ours"]["figures"]["ms_per_join"]["median"] == pytest.approx(2)


@pytest.mark.slow
def test_one_turn_of_a_served_process(monkeypatch):
    monkeypatch.setattr(measure, "IDLE_SECONDS", 0.2)
    case = Case("ours", Spacescore, (2, 4), joins_per_second=20)
    heard = measure_listening(case, 4, 0.5)
    assert heard.packets > 4 * 10
    assert heard.cpu > 0
    assert heard.memory > 0
    joined = measure_joining(case, 4)
    assert joined.joined == 4


ACROSS = """
import os
from functools import partial
from pathlib import Path
from peers.ground import NoWireError, wire
from peers.measure import Case, measure_listening
from peers.servers import Spacescore
try:
    with wire() as ground:
        case = Case("ours", partial(Spacescore, ground=ground, packet_time=20), (1, 3), 10)
        print(ground.name, measure_listening(case, 3, 0.5))
    assert not list(Path("/run/netns").glob(f"peers-{os.getpid()}-*"))
except NoWireError as error:
    print(error)
"""


def test_server_and_audience_stand_at_two_ends_of_a_wire():
    run = subprocess.run(
        [sys.executable, "-c", ACROSS],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(BENCHES)},
    )
    assert run.returncode == 0, run.stderr
    if not run.stdout.startswith("wire"):
        pytest.skip(f"no wire can be laid here: {run.stdout.strip()}")
    assert "listeners=3" in run.stdout
    assert "loss_percent=0.0" in run.stdout
