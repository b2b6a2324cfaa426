"""`spacescore serve` as a process: what it prints, what it survives, how it leaves."""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest
import trio
import wsproto.events
from wsproto import ConnectionType, WSConnection

from offers import LISTEN, SPEAK
from served import Served
from spacescore import KeyRing
from spacescore._native import _core
from spacescore.errors import StartupError
from spacescore.polling import Bounds
from spacescore.sdp import Candidate, Local, parse_offer, write_answer
from spacescore.service import FIRST_PAUSE, LONGEST_PAUSE, Service, Settings, keep_serving
from spacescore.watches import watch_keys
from virtual_peer import speak_by_whip, wait_for
from webrtc_client import Peer
from world import tone

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def served(tmp_path) -> Iterator[Served]:
    served = Served(tmp_path / "data", "--demo")
    yield served
    served.end()


@pytest.fixture(scope="module")
def bystanders_service(tmp_path_factory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("junk") / "data", "--demo")
    yield served
    served.end()


def test_the_banner_says_where_to_go_and_how_to_stop(served):
    banner = ANSI.sub("", served.banner)
    recording = re.search(r"recording +(\S+),", banner)[1]
    assert f"http://127.0.0.1:{served.port}/s/demo" in banner
    assert "microphone only to https:// and to http://localhost" in banner
    assert f"UDP port {served.node['candidates'][0]['port']} at 127.0.0.1" in banner
    assert recording.startswith(str(served.data / "recordings" / "demo-"))
    assert f"key in {served.data / 'operator.key'}" in banner
    assert (served.data / "operator.key").read_text().strip() not in banner
    assert len(banner.splitlines()) <= 12


def test_the_demo_is_open_to_all_who_come(served):
    assert b"<!doctype html>" in served.get("/s/demo").lower()
    assert json.loads(served.get("/api/spaces/demo/state.json"))["open_stage"] is True
    assert served.get("/readyz")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_within_five_seconds_whoever_is_connected(served, how):
    slow, idle = served.connect(), HTTPConnection("127.0.0.1", served.port, timeout=5)
    slow.sendall(b"POST /whep/demo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nv=0")
    assert is_served(idle)
    code, seconds, log = served.stop(how)
    assert code == 0, log
    assert seconds < 5
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events == ["stopping", "stopped"]
    slow.close()
    idle.close()


def test_who_spoke_until_the_end_is_on_the_recording(served):
    speaker = Peer(speaks=True)
    token = json.loads(served.post("/api/spaces/demo/stage", {"name": "Ada"}))["token"]
    speaker.join(lambda sdp: served.post("/whip/demo", sdp, token).decode())
    speakers = []
    while not any(who["audible"] for who in speakers):
        speakers = json.loads(served.get("/api/spaces/demo/state.json"))["speakers"]
    assert speakers[0]["name"] == "Ada"
    code, _, log = served.stop()
    speaker.close()
    assert code == 0
    assert next(json.loads(line)["event"] for line in log.splitlines()) == "speaker joined"
    (recording,) = (served.data / "recordings").glob("*.opus")
    pages = recording.read_bytes().split(b"OggS")
    assert recording.name.startswith("demo-")
    assert pages[0] == b""
    assert pages[-1][1] & 4, "the last page ends the stream"


def test_the_same_folder_serves_again_with_the_same_keys(served, tmp_path):
    key = (served.data / "operator.key").read_text()
    ticket = json.loads(served.get("/api/spaces/demo/ticket"))
    served.stop()
    again = Served(served.data, "--demo")
    try:
        assert (served.data / "operator.key").read_text() == key
        fresh = json.loads(again.get("/api/spaces/demo/ticket"))
        assert fresh["fingerprint"] == ticket["fingerprint"]
        assert fresh["ssrc"] == ticket["ssrc"]
    finally:
        again.stop()


def join_by(ticket: dict, peer: Peer) -> None:
    """Join as a page does: write the server's answer from a ticket, ask nobody."""

    def answer(sdp: str) -> str:
        offer = parse_offer(sdp, publishing=False)
        ufrag = _core.make_ufrag(ticket["ticket"], os.urandom(12), offer.payload_type)
        taken = {name: ticket[name] for name in ("password", "fingerprint", "ssrc", "cname")}
        candidates = [Candidate(**candidate) for candidate in ticket["candidates"]]
        return write_answer(offer, Local(ufrag=ufrag, candidates=candidates, **taken))

    peer.join(answer)


@pytest.mark.parametrize("source", ["api", "url", "data"])
def test_a_ticket_from_wherever_lets_a_listener_in_without_any_request(served, source):
    command = [sys.executable, "-m", "spacescore", "ticket", "demo", "--json"]
    options = {"url": ["--url", served.node["url"]], "data": ["--data", served.data]}
    if source == "api":
        text = served.get("/api/spaces/demo/ticket")
    else:
        done = subprocess.run([*command, *options[source]], capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr
        text = done.stdout
    listener = Peer()
    join_by(json.loads(text), listener)
    assert json.loads(served.get("/api/spaces/demo"))["listeners"] == 1
    listener.close()


def test_a_ticket_for_an_unknown_space_says_what_the_service_says(served):
    command = [sys.executable, "-m", "spacescore", "ticket", "nowhere", "--url", served.node["url"]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert done.stderr.endswith("says: There is no such space here.\n")


# hypercorn#225: one junk WebSocket upgrade killed the server under everybody's feet.

UPGRADE = (
    b"GET /s/demo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
POST = b"POST /whep/demo HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
JUNK = {
    "a WebSocket upgrade, then junk": UPGRADE + b"\xff\xfe\xfd" * 20,
    "a WebSocket upgrade of a WHEP endpoint": UPGRADE.replace(b"/s/", b"/whep/") + b"\x81\xff",
    "a WebSocket of another version": UPGRADE.replace(b"13", b"99"),
    "a feed, then junk": UPGRADE.replace(b"/s/", b"/live/") + b"\xff\xfe\xfd" * 20,
    "a feed, then half a message": UPGRADE.replace(b"/s/", b"/live/") + b"\x81\xfe",
    "a feed, then a message of 2 GiB": (
        UPGRADE.replace(b"/s/", b"/live/") + b"\x81\xff\x00\x00\x00\x00\x80\x00\x00\x00" + bytes(99)
    ),
    "random bytes": bytes(range(256)) * 8,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "an HTTP/2 preface, then junk": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x40" * 64,
    "an upgrade to h2c": (
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: !!!!\r\n\r\n"
    ),
    "a header of 100 kB": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000,
    "a chunk of no size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n",
    "two lengths": POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n",
    "a version from the future": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "a path that cannot be": b"GET /\xff\xfe%zz\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a host that is none": b"GET /api/spaces HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "half a request": POST + b"Content-Length: 500\r\n\r\nv=0",
    "two requests and a junk one": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"\x00\r\n\r\n",
}


def is_served(bystander: HTTPConnection) -> bool:
    """Ask once more on a connection that is kept open."""
    bystander.request("GET", "/healthz")
    return bystander.getresponse().read() == b'{"status":"ok"}'


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_junk_harms_nobody_but_its_sender(bystanders_service, junk, reset):
    served = bystanders_service
    with contextlib.closing(HTTPConnection("127.0.0.1", served.port, timeout=5)) as bystander:
        assert is_served(bystander)
        connection = bystander.sock
        with served.connect() as vandal:
            vandal.settimeout(0.1)
            with contextlib.suppress(OSError):  # no answer is an answer
                vandal.sendall(junk)
                vandal.recv(4096)
            if reset:
                vandal.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert is_served(bystander)
        assert bystander.sock is connection, "it had to connect again"
    assert b"spacescore_http_restarts_total{" in served.get("/metrics")
    assert re.search(rb"http_restarts_total\{[^}]*\} 0\.0", served.get("/metrics"))


# Getting up again.


def test_a_server_that_fails_is_started_again_with_growing_pauses(autojump):
    began = []

    async def main():
        stopping = trio.Event()

        async def serve():
            began.append(trio.current_time())
            if len(began) == 9:
                stopping.set()
                return
            raise RuntimeError("down")

        failures = []
        await keep_serving(serve, stopping, lambda: failures.append(1))
        assert len(failures) == 8

    trio.run(main, clock=autojump)
    pauses = [round(b - a, 3) for a, b in itertools.pairwise(began)]
    assert pauses[0] == FIRST_PAUSE
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


def test_a_server_that_ran_long_starts_again_at_once(autojump):
    began = []

    async def main():
        stopping = trio.Event()

        async def serve():
            began.append(trio.current_time())
            if len(began) == 7:
                stopping.set()
            await trio.sleep(0 if len(began) < 6 else 3600)
            raise RuntimeError("down")

        await keep_serving(serve, stopping, lambda: None)

    trio.run(main, clock=autojump)
    assert round(began[6] - began[5] - 3600, 3) == FIRST_PAUSE


def test_a_cancelled_server_stays_down(autojump):
    async def main():
        with trio.move_on_after(10) as scope:
            await keep_serving(trio.sleep_forever, trio.Event(), lambda: None)
        assert scope.cancelled_caught

    trio.run(main, clock=autojump)


# What cannot start says why, in one sentence.


def settings(tmp_path: Path, **changes: object) -> Settings:
    defaults = {"data": tmp_path / "data", "port": 0, "udp_host": "127.0.0.1", "udp_port": 0}
    return Settings(**(defaults | changes))


def why_not(settings: Settings) -> str:
    with pytest.raises(StartupError) as caught:
        Service.open(settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_can_start_starts_twice_in_a_row(tmp_path):
    for _ in range(2):
        with Service.open(settings(tmp_path, demo=True)) as service:
            assert service.url == f"http://127.0.0.1:{service.port}"


def test_pages_are_paced_as_is_configured(tmp_path):
    with Service.open(settings(tmp_path, pace_least=3.0, pace_most=9.0)) as service:
        assert service.app.state.desk.pacing.bounds == Bounds(3.0, 9.0)


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert why_not(settings(tmp_path, port=port)) == (
            f"TCP 127.0.0.1:{port} is taken: choose another with --port."
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        assert why_not(settings(tmp_path, udp_port=port)) == (
            f"UDP 127.0.0.1 {port} is taken: choose another with --udp-port."
        )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"host": "192.0.2.1"}, r"TCP 192\.0\.2\.1:0 is no address of this machine.*--host"),
        ({"host": "nowhere.invalid"}, "no address of this machine.*--host"),
        ({"udp_host": "192.0.2.1"}, "no address of this machine.*--udp-host"),
        ({"udp_host": "nonsense"}, "nonsense"),
        ({"announce": ("example.org",)}, "example.org"),
        ({"public_url": "nonsense"}, "nonsense"),
        ({"tls_cert": Path("x.pem")}, "both --tls-cert and --tls-key"),
        ({"tls_cert": Path("x.pem"), "tls_key": Path("y.pem")}, "TLS.*No such file"),
        ({"operator_key": "short"}, "16"),
        ({"data": Path("/proc/nowhere")}, "data folder /proc/nowhere"),
        ({"packet_interface": "none0"}, 'interface "none0": (there is no such|it needs the cap)'),
    ],
)
def test_what_the_operator_has_to_change_is_said(tmp_path, changes, reason):
    assert re.search(reason, why_not(settings(tmp_path, **changes)))


# The operator's keys, while serving.


def with_keys_watched(service: Service, change: Callable[[Path], object], clock) -> Path:
    """Changes their file under a running service, which has time to see it; return its path."""
    path = service.engine.data.operator_key_path

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch_keys, service.engine.data, service.app.state.desk.keys)
            await trio.sleep(1.5)
            change(path)
            await trio.sleep(5)
            nursery.cancel_scope.cancel()

    trio.run(main, clock=clock)
    return path


def test_a_key_put_into_the_file_is_known_at_once(tmp_path, autojump):
    key = "a-key-that-the-operator-chose"
    with Service.open(settings(tmp_path, demo=True)) as service:
        with_keys_watched(service, lambda path: path.write_text(f"{key}\n"), autojump)
        host = service.engine.invite("demo", role="host", name="Ada", ttl=60)
        token = KeyRing([key]).issue(host, now=service.engine._clock())
        known = service.app.state.desk.keys.verify(token, now=service.engine._clock())
        assert known.role == "host"


def test_a_key_file_that_is_gone_for_a_moment_draws_no_new_key(tmp_path, autojump):
    """Whoever replaces it moves the old one away first: their tokens would be worth nothing."""
    with Service.open(settings(tmp_path)) as service:
        assert not with_keys_watched(service, Path.unlink, autojump).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may bind any port")
def test_a_privileged_port_is_named(tmp_path):
    assert "needs privileges" in why_not(settings(tmp_path, port=80))


def test_a_failure_is_one_line_and_exit_code_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "spacescore", "serve", "--port", port, "--udp-port", "0"]
        done = subprocess.run(
            [*command, "--data", tmp_path / "data"], capture_output=True, text=True, timeout=20
        )
    assert done.returncode == 2
    assert done.stdout == ""
    assert (
        done.stderr == f"spacescore: TCP 127.0.0.1:{port} is taken: choose another with --port.\n"
    )


def test_tls_is_served_where_a_certificate_is_given(tmp_path):
    import ssl

    from spacescore._native import _core

    made = _core.Certificate.generate()
    paths = {"tls_cert": tmp_path / "c.pem", "tls_key": tmp_path / "k.pem"}
    paths["tls_cert"].write_text(made.certificate_pem)
    paths["tls_key"].write_text(made.private_key_pem)
    with Service.open(settings(tmp_path, demo=True, **paths)) as service:
        context = ssl.create_default_context(cadata=made.certificate_pem)
        context.check_hostname = False
        status = []

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(service.run)
                status.append(await trio.to_thread.run_sync(fetch, service.port))
                service.stop()

        def fetch(port: int) -> str:
            raw = socket.create_connection(("127.0.0.1", port), timeout=5)
            with context.wrap_socket(raw) as tls:
                tls.sendall(
                    b"POST /whep/demo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    b"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(LISTEN), LISTEN.encode())
                )
                return tls.recv(65536).decode()

        trio.run(main)
    assert status[0].startswith("HTTP/1.1 201")
    assert "https://localhost/whep/demo/" in status[0]


# What is open stays open.


def test_after_kill_9_spaces_hands_and_blocks_are_as_they_were(tmp_path):
    served = Served(tmp_path / "data")
    host = served.create_space("launch", title="Launch")
    eve = json.loads(served.post("/api/spaces/launch/people", {"name": "Eve"}))["token"]
    served.request("PUT", "/api/spaces/launch/hand", {}, eve)
    mallory = json.loads(served.post("/api/spaces/launch/tokens", {"name": "M"}, host))
    served.offer("/whip/launch", SPEAK, mallory["token"])
    served.post(f"/api/spaces/launch/people/{mallory['peer']}/block", {}, host)
    served.process.kill()
    served.end()
    again = Served(tmp_path / "data")
    try:
        assert again.state("launch")["title"] == "Launch"
        people = json.loads(again.request("GET", "/api/spaces/launch/people", None, host))
        assert [who["name"] for who in people["hands"]] == ["Eve"]
        with pytest.raises(HTTPError) as refused:
            again.offer("/whip/launch", SPEAK, mallory["token"])
        assert refused.value.code == 403
        refused.value.close()
    finally:
        again.end()
    assert mallory["token"] not in again.banner


def test_secrets_are_in_no_log(tmp_path):
    hush = "the-relays-password"
    turn = f"turns:turn.example.org:443?transport=tcp,spacescore,{hush}"
    served = Served(tmp_path / "data", "--ice-server", turn)
    host = served.create_space("launch")
    link = json.loads(served.post("/api/spaces/launch/links", {"name": "Ada"}, host))
    token = json.loads(served.post("/api/spaces/launch/links/use", {"code": link["code"]}))["token"]
    _, session = served.offer("/whip/launch", SPEAK, token)
    key = (served.data / "operator.key").read_text().strip()
    shown = KeyRing([key]).issue_pass(now=time.time(), ttl=60)
    served.request("GET", "/api/operations", None, shown)
    with pytest.raises(HTTPError) as refused:
        served.post("/api/spaces/launch/links/use", {"code": link["code"]})
    refused.value.close()
    for path in ("/s/launch", "/api/spaces/launch/me", "/nowhere"):  # as nobody should send it
        with contextlib.suppress(HTTPError):
            served.get(f"{path}?token={token}&key={key}")
    address = session.rpartition("/")[2]
    _, _, log = served.stop()
    assert "link used" in log
    for secret in (key, host, token, shown, link["code"], token.rpartition(".")[2], hush, address):
        assert secret not in log
        assert secret.encode() not in (served.data / "rooms.sqlite3").read_bytes()


def messages(connection: socket.socket, path: str, token: str) -> Iterator[dict]:
    """What a follower of a space hears, by wsproto."""
    client = WSConnection(ConnectionType.CLIENT)
    connection.sendall(client.send(wsproto.events.Request(host="x", target=path)))
    while True:
        client.receive_data(connection.recv(65_536) or None)
        for event in client.events():
            match event:
                case wsproto.events.AcceptConnection():
                    greeting = wsproto.events.TextMessage(json.dumps({"token": token}))
                    connection.sendall(client.send(greeting))
                case wsproto.events.TextMessage(data=data):
                    yield json.loads(data)
                case wsproto.events.CloseConnection(code=code):
                    yield {"type": "closed", "code": code}
                    return


def test_a_host_follows_their_space_over_a_websocket(served):
    host = served.create_space("followed")
    with served.connect() as connection:
        heard = messages(connection, "/live/followed", host)
        assert next(heard)["room"]["title"] == "followed"
        served.request("PATCH", "/api/spaces/followed", {"title": "Another"}, host)
        while (room := next(heard)["room"])["title"] != "Another":
            pass
        assert room["queue"] == []
        served.delete("/api/spaces/followed", host)
        assert [one["type"] for one in heard][-2:] == ["ended", "closed"]


def test_a_host_hears_who_has_the_word(served):
    host = served.create_space("followed", open_stage=True)
    speaker = speak_by_whip(served, "Ada", space="followed").connected()
    speaker.say(tone(440))
    with served.connect() as connection:
        heard = messages(connection, "/live/followed", host)
        rooms = (one["room"] for one in heard if one["type"] == "room")
        assert next(room for room in rooms if room["dominant"])["speakers"][0]["name"] == "Ada"
    speaker.leave()


def test_a_running_service_tells_its_webhooks(tmp_path):
    got = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.headers["webhook-id"], json.loads(body)["type"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        served = Served(tmp_path / "data", "--webhooks", url)
        try:
            served.create_space("launch")
            wait_for(lambda: len(got) >= 3)
        finally:
            _, _, log = served.stop()
            server.shutdown()
    assert {what for _, what in got} >= {"space.planned", "host.named", "space.opened"}
    assert (tmp_path / "data" / "webhook.secret").read_text().startswith("whsec_")
    assert "whsec_" not in log
