"""The load generator on real sockets, against a served process and a server of another make."""

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aiortc_server import AiortcServer
from served import Served
from spacescore._native import _core
from spacescore.load import Door, LoadError, LoadPlan, Profile, Ramp, run, summary
from spacescore.load.speech import tone
from virtual_peer import wait_for

PAUSE = [(b"", 960)] * 50  # a space takes half a second without a word for silence


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("served"), "--demo")
    yield served
    served.end()


def plan(served, **fields):
    fields = {"ramp": Ramp(seconds=0.5), "duration": 1.0, "join_timeout": 5.0} | fields
    return LoadPlan(f"{served.url}/s/demo", **fields)


@pytest.mark.slow
def test_two_hundred_join_by_ticket_and_hear_everything(served):
    seen = []
    report = run(plan(served, listeners=200, speakers=1, max_loss=1.0), on_progress=seen.append)
    joins, audio = report.joins, report.audio
    assert (joins.asked, joins.joined, joins.failures) == (200, 200, {})
    assert report.speakers.joined == 1
    assert report.speakers.packets > 50
    assert audio.expected == audio.received + audio.lost
    assert audio.lost <= report.generator.kernel_drops
    assert audio.duplicated == 0
    assert audio.received == report.listeners["received"].sum()
    assert audio.listening == 200
    assert 0 < joins.time.p50 <= joins.time.p95 <= joins.time.p99 <= joins.time.max
    assert joins.per_second == pytest.approx(200 / joins.seconds, rel=0.01)
    assert [*dict.fromkeys(progress.phase for progress in seen)] == [
        "speakers",
        "joining",
        "listening",
        "leaving",
    ]
    assert (seen[-1].joined, seen[-1].failed) == (200, 0)
    assert report.server.pid == served.process.pid
    assert f"{report.server.name} (pid {served.process.pid})" in summary(report)
    assert report.server.name == Path(f"/proc/{served.process.pid}/comm").read_text().strip()


@pytest.mark.slow
def test_ten_join_by_whep_with_a_request_each(served):
    report = run(plan(served, listeners=10, speakers=1, door=Door.WHEP, max_loss=1.0))
    assert (report.joins.joined, report.joins.failures) == (10, {})
    rows = report.listeners
    assert (rows["asked_us"] < rows["first_check_us"]).all()
    assert report.audio.listening == 10
    assert report.server.pid == served.process.pid


def test_sessions_by_whep_are_ended_with_the_test(served):
    """By DELETE: a goodbye alone leaves a server waiting for seconds whether it was meant."""
    served.create_space("short")
    where = f"{served.url}/s/short"
    plan = LoadPlan(where, door=Door.WHEP, listeners=3, ramp=Ramp(seconds=0), duration=0.5)
    assert run(plan).joins.joined == 3
    assert json.loads(served.get("/api/spaces/short"))["listeners"] == 0


@pytest.mark.slow
def test_threads_share_the_listeners(served):
    report = run(plan(served, listeners=21, speakers=1, threads=2, max_loss=1.0))
    assert (report.joins.joined, report.speakers.joined) == (21, 1)
    assert report.listeners["received"].size == 21
    assert 0 < report.generator.cores / 2 <= report.generator.busiest <= report.generator.cores


@pytest.mark.slow
def test_spurts_are_timed_from_the_speaker_to_each_listener(served):
    speech = tone()[:25] + PAUSE
    report = run(plan(served, listeners=5, speakers=1, speech=speech, duration=3.0, max_loss=1.0))
    said, heard = report.said, report.heard
    assert report.audio.fell_silent == 0
    assert set(said["member"]) == {0}
    assert np.diff(said["at_us"]) == pytest.approx(1_500_000, abs=100_000)
    last = said["at_us"][-2]  # the last one may still be under way
    for listener in range(5):
        mine = heard["at_us"][heard["member"] == listener]
        assert 0 < mine[mine > last].min() - last < 500_000


def test_a_closed_port_is_no_answer(served):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ticket = served.ticket()
    ticket["candidates"] = [{"ip": "127.0.0.1", "port": port, "protocol": "udp"}]
    report = run(
        LoadPlan(ticket=ticket, listeners=3, join_timeout=0.3, ramp=Ramp(Profile.STORM, 0))
    )
    assert report.joins.failures == {"no answer": 3}
    assert report.complaints == ["3 listeners did not get in"]


@pytest.mark.slow
def test_a_punctual_crowd_comes_when_it_said_however_many_wait():
    """Else so many as shake hands at once come, and the others when those are done."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        where = {"ip": "127.0.0.1", "port": deaf.getsockname()[1], "protocol": "udp"}
        keys = _core.TicketKeys()
        keys.add(1, bytes(32))
        ticket = keys.mint(space=1, role="listener", expiry=2**32 - 1)
        known = {"ticket": ticket, "password": keys.password(ticket), "fingerprint": "00" * 32}
        crowd = LoadPlan(
            ticket=known | {"candidates": [where]},
            listeners=4_200,
            ramp=Ramp(Profile.STORM, 0.5),
            join_timeout=2.0,
            duration=0,
        )
        for punctual in (True, False):
            checks = run(replace(crowd, punctual=punctual)).listeners["first_check_us"]
            assert (checks.max() - checks.min() < 2_000_000) == punctual


def test_another_fingerprint_is_the_wrong_certificate(served):
    ticket = served.ticket() | {"fingerprint": ":".join(["00"] * 32)}
    report = run(LoadPlan(ticket=ticket, listeners=3, ramp=Ramp(seconds=0), duration=0))
    assert report.joins.failures == {"wrong certificate": 3}


def test_what_http_refuses_is_counted_by_status(served):
    where = f"{served.url}/whep/nowhere"
    report = run(LoadPlan(where, door=Door.WHEP, listeners=3, ramp=Ramp(seconds=0)))
    assert report.joins.failures == {"HTTP 404": 3}
    assert report.joins.asked == 3


def test_speakers_without_a_stage_are_told_from_listeners(served):
    served.create_space("quiet")
    report = run(
        LoadPlan(f"{served.url}/s/quiet", listeners=0, speakers=2, ramp=Ramp(seconds=0), duration=0)
    )
    assert list(report.speakers.failures.values()) == [2]
    assert "HTTP 40" in next(iter(report.speakers.failures))


@pytest.mark.parametrize("door", [Door.TICKET, Door.WHEP])
def test_speakers_may_be_alone(served, door):
    report = run(plan(served, listeners=0, speakers=1, door=door, duration=0.5))
    assert report.ok, report.complaints
    assert report.speakers.packets >= 20


def test_a_test_may_be_stopped_early(served):
    stop = threading.Event()
    began = time.monotonic()
    report = run(
        plan(served, listeners=5, duration=60.0),
        on_progress=lambda progress: progress.joined == 5 and stop.set(),
        stop=stop,
    )
    assert report.joins.joined == 5
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_a_server_that_dies_meanwhile_is_missed(tmp_path):
    """Nothing is lost by number: what came last is the newest that was expected."""
    served = Served(tmp_path, "--demo")
    try:
        report = run(
            plan(served, listeners=5, speakers=1, duration=4.0),
            on_progress=lambda at: at.received > 200 and served.process.kill(),
        )
    finally:
        served.end()
    assert report.audio.fell_silent == 5
    assert report.audio.longest_silence > 2
    assert "5 fell silent" in report.complaints[0]


@pytest.mark.parametrize("door", [Door.TICKET, Door.WHEP])
def test_whoever_had_not_come_when_it_was_stopped_has_not_started(served, door):
    stop = threading.Event()
    report = run(
        plan(served, listeners=50, door=door, duration=60.0, ramp=Ramp(seconds=100)),
        on_progress=lambda progress: progress.joined and stop.set(),
        stop=stop,
    )
    missing = 50 - report.joins.joined
    assert report.joins.asked == 50
    assert sum(report.joins.failures.values()) == missing
    assert report.joins.failures["not started"] >= missing - 1
    assert report.complaints == [f"{missing} listeners did not get in"]


def test_listeners_may_have_a_socket_each(served):
    """As towards another machine."""
    ticket = served.ticket()
    swarm = _core.Swarm(members=5)
    server = ticket["candidates"][0]
    swarm.add(
        [
            _core.Member(
                server=(server["ip"], server["port"]),
                ufrag=_core.make_ufrag(ticket["ticket"], bytes([number] * 12), 111),
                password=ticket["password"],
                shares_socket=number % 2 == 0,
            )
            for number in range(5)
        ]
    )
    wait_for(lambda: swarm.totals()["fates"]["joined"] == 5)
    assert swarm.health()["kernel_drops"] == 0
    swarm.leave()
    swarm.close()
    swarm.close()
    with pytest.raises(RuntimeError, match="closed"):
        swarm.totals()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"target": "ftp://host/s/demo"}, "no http"),
        ({"target": "http://127.0.0.1:99999/s/demo"}, "port"),
        ({"target": "http://[::1/s/demo"}, "no URL"),
        ({"target": "http://media..example/s/demo"}, "no URL"),
        ({"target": "http://127.0.0.1:1/whep", "door": Door.WHEP, "server_pid": -1}, "process -1"),
        ({"target": "http://127.0.0.1:1/demo"}, "no space's page"),
        ({"target": "http://127.0.0.1:1/s/demo"}, "connection refused"),
        ({"ticket": {"ticket": "x"}}, "no ticket"),
        ({"ticket": {"candidates": 7}}, "no ticket"),
        (
            {"target": "http://127.0.0.1:1/s/x", "speakers": 1, "speech": [(bytes(1_275), 960)]},
            "Opus",
        ),
    ],
)
def test_what_cannot_begin_says_why(fields, reason):
    with pytest.raises(LoadError, match=reason):
        run(LoadPlan(**fields))


def test_a_ticket_with_half_a_fingerprint_is_none(served):
    with pytest.raises(LoadError, match="no ticket"):
        run(LoadPlan(ticket=served.ticket() | {"fingerprint": "00:11"}, listeners=1))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ip": "127.0.0.1", "port": 99_999}, "no UDP"),
        ({"ip": "127.0.0.1", "port": -1}, "no UDP"),
        ({"ip": "media.example.org", "port": 1}, "no UDP"),
        ({"ip": 7, "port": 1}, "no UDP"),
        ({"ip": "fe80::1", "port": 1}, "No path"),  # of no interface
    ],
)
def test_a_ticket_that_leads_nowhere_says_why(served, change, reason):
    ticket = served.ticket() | {"candidates": [change | {"protocol": "udp"}]}
    with pytest.raises(LoadError, match=reason):
        run(LoadPlan(ticket=ticket, listeners=2, ramp=Ramp(seconds=0), duration=0))


def test_too_few_file_descriptors_are_named_before_anything_starts():
    where = "http://127.0.0.1:1/whep"
    with pytest.raises(LoadError, match=r"9,000,000 listeners .* 9,000,\d+ file descriptors"):
        run(LoadPlan(where, door=Door.WHEP, listeners=9_000_000))


@pytest.mark.slow
def test_aiortc_is_measured_by_the_same_tool():
    """A full ICE agent that says hello itself: we answer checks, and are DTLS's server."""
    with AiortcServer() as server:
        report = run(
            LoadPlan(server.url, door=Door.WHEP, listeners=3, ramp=Ramp(seconds=0.2), duration=1)
        )
    assert (report.joins.joined, report.joins.failures) == (3, {})
    assert report.audio.listening == 3
    assert report.audio.lost == 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("janus"), reason="Janus is not installed")
def test_janus_is_measured_by_the_same_tool(tmp_path):
    """The server offers, and controls."""
    http, rtp = free_ports()
    write_janus_config(tmp_path, http, rtp)
    command = ["janus", f"--config={tmp_path}/janus.jcfg", f"--configs-folder={tmp_path}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as janus:
        try:
            wait_for(lambda: connects(http))
            over = threading.Event()
            feed = threading.Thread(target=feed_rtp, args=(rtp, over))
            feed.start()
            fields = {"listeners": 3, "ramp": Ramp(seconds=0.2), "duration": 1.0}
            where = f"http://127.0.0.1:{http}/janus"
            report = run(LoadPlan(where, door=Door.JANUS, mountpoint=1, **fields))
            wrong = run(LoadPlan(where, door=Door.JANUS, mountpoint=2, **fields))
            over.set()
            feed.join()
        finally:
            janus.terminate()
    assert (report.joins.joined, report.joins.failures) == (3, {})
    assert report.audio.listening == 3
    assert report.server.pid == janus.pid
    assert "No such mountpoint" in next(iter(wrong.joins.failures))


def free_ports():
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        return tcp.getsockname()[1], udp.getsockname()[1]


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def write_janus_config(folder, http, rtp):
    texts = {
        "janus.jcfg": "general: { debug_level = 3 }\n",
        "janus.transport.http.jcfg": f"general: {{ http = true; port = {http}; "
        'ip = "127.0.0.1" }\n',
        "janus.plugin.streaming.jcfg": 'tone: { type = "rtp"; id = 1; audio = true; video = false; '
        f'audioport = {rtp}; audiopt = 111; audiocodec = "opus"; audioiface = "lo" }}\n',
    }
    for name, text in texts.items():
        (folder / name).write_text(text)


def feed_rtp(port, over):
    packets = tone()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        number = 0
        while not over.wait(0.02):
            header = _core.write_rtp_header(
                payload_type=111, sequence=number, timestamp=number * 960, ssrc=9, csrc=[]
            )
            out.sendto(header + packets[number % 50][0], ("127.0.0.1", port))
            number += 1
