"""Servers whose answers are of no use: each listener is counted, and none ends the test."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spacescore.load import Door, LoadPlan, Ramp, run

GOOD = """v=0\r
o=- 1 1 IN IP4 0\r
s=-\r
t=0 0\r
m=audio 9 UDP/TLS/RTP/SAVPF 111\r
a=ice-ufrag:abcd\r
a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r
a=fingerprint:sha-256 {digits}\r
a=setup:passive\r
a=mid:0\r
a=rtpmap:111 opus/48000/2\r
a=candidate:1 1 udp 1 127.0.0.1 4000 typ host\r
""".format(digits=":".join(["00"] * 32))
NAMED = GOOD.replace("127.0.0.1 4000", "media.example.org 4000")


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """``serve(body)`` answers every POST so, at the address it returns; `asked` hears of each."""
    servers = []

    def serve(body: str, asked: Callable[[], object] = lambda: None) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_POST(self):
                asked()
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(201)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/live"

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("door", "body", "cause"),
    [
        (Door.WHEP, NAMED, "no UDP candidate"),
        (Door.WHEP, GOOD.replace("sha-256 00", "sha-256 zz"), "no SHA-256"),
        (Door.WHEP, GOOD.replace("4000", "99999"), "no UDP candidate"),
        (Door.WHEP, GOOD.replace("111", "999"), "TypeError"),
        (Door.JANUS, '{"janus": "success"}', "Janus: unexpected answer"),
    ],
)
def test_an_answer_that_makes_no_sense_is_a_cause_for_each_listener(serve, door, body, cause):
    plan = LoadPlan(
        serve(body), door=door, mountpoint=1, listeners=5, ramp=Ramp(seconds=0), duration=0
    )
    report = run(plan)
    assert (report.joins.asked, report.joins.joined) == (5, 0)
    ((what, count),) = report.joins.failures.items()
    assert cause in what
    assert count == 5
    assert report.complaints == ["5 listeners did not get in"]


def test_speakers_are_counted_so_too(serve):
    report = run(
        LoadPlan(
            whip=serve(NAMED),
            target="http://127.0.0.1:1/whep",
            door=Door.WHEP,
            listeners=0,
            speakers=2,
            duration=0,
        )
    )
    assert sum(report.speakers.failures.values()) == 2
    assert report.complaints == ["2 speakers did not get in"]


def test_a_test_that_is_stopped_asks_for_no_further_speaker(serve):
    stop = threading.Event()
    url = serve(NAMED, asked=stop.set)
    report = run(LoadPlan(url, door=Door.WHEP, whip=url, speakers=50, listeners=0), stop=stop)
    assert report.speakers.failures["not started"] == 49
