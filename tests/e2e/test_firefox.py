"""Firefox listens by ticket, on a page of somebody else's that imports join.js.

It runs in a network namespace of its own, for without a default route it offers no candidates;
and it has no driver here, so the page itself records what it hears, and reports it.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from shutil import which
from threading import Thread
from typing import Any

import pytest

from forger import forging
from netns import Namespace
from served import Served
from sound import RATE, decoded, level, loudest
from virtual_peer import speak_by_whip
from world import tone

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TONE_HZ, SENT_DBFS = 1_000, -12
START_SECONDS = 60  # of a browser, cold, on a busy machine
PREFERENCES = {
    "media.autoplay.default": 0,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}
PAGE = """<!doctype html><meta charset="utf-8"><title>A page of somebody else's</title>
<script type="module">
const report = (what) => fetch("/report", { method: "POST", body: JSON.stringify(what) });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
try {
  const { listen } = await import("SERVER/web/join.js");
  const session = await listen({ ticket: "SERVER/api/spaces/demo/ticket" });
  for (let i = 0; i < 100 && !session.speakers().length; i++) await pause(100);
  const recorder = new MediaRecorder(session.link.stream);
  const recorded = new Promise((done) => (recorder.ondataavailable = (event) => done(event.data)));
  recorder.start();
  await pause(2000);
  recorder.stop();
  await report({
    recording: [...new Uint8Array(await (await recorded).arrayBuffer())],
    state: session.state,
    speakers: session.speakers(),
    stats: await session.stats(),
  });
  session.close();
} catch (error) {
  await report({ error: String(error) });
}
</script>
"""


class ReportingPage(ThreadingHTTPServer):
    """One page, and the reports of it."""

    def __init__(self, host: str, server: str) -> None:
        super().__init__((host, 0), Handler)
        self.url = f"http://{host}:{self.server_port}/"
        self.html = PAGE.replace("SERVER", server).encode()
        self.reports: Queue[dict[str, Any]] = Queue()
        Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    server: ReportingPage

    def do_GET(self) -> None:
        self._answer(self.server.html if self.path == "/" else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.reports.put(json.loads(body))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    if which("firefox-esr") is None:
        pytest.skip("Firefox is not installed: apt-get install firefox-esr")
    namespace = Namespace()
    yield namespace
    namespace.remove()


@pytest.fixture
def served(namespace: Namespace, tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "data", "--demo", host=namespace.host)
    yield served
    served.end()


@pytest.fixture
def page(namespace: Namespace, served: Served) -> Iterator[ReportingPage]:
    page = ReportingPage(namespace.host, served.url)
    yield page
    page.shutdown()
    page.server_close()


@pytest.fixture
def firefox(namespace: Namespace, page: ReportingPage, tmp_path: Path) -> Iterator[None]:
    profile = tmp_path / "profile"
    profile.mkdir()
    lines = (f'user_pref("{name}", {json.dumps(value)});' for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))
    command = ["firefox-esr", "--headless", "--no-remote", "--profile", str(profile), page.url]
    process = subprocess.Popen(
        namespace.command(*command),
        env=os.environ | {"HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_firefox_hears_the_tone_on_a_page_of_another_origin(served, page, firefox, tmp_path):
    """While hellos are forged, so that it is asked for a cookie."""
    ada = speak_by_whip(served, "Ada").connected()
    ada.say(tone(TONE_HZ))
    with forging(served):
        report = page.reports.get(timeout=START_SECONDS)
    speakers = [who["peer"] for who in served.state()["speakers"]]
    ada.leave()
    assert "error" not in report, report["error"]
    recording = tmp_path / "heard"
    recording.write_bytes(bytes(report["recording"]))
    heard = decoded(recording)[-RATE:]
    assert loudest(heard) == pytest.approx(TONE_HZ, abs=RATE / heard.size)
    assert level(heard, TONE_HZ) == pytest.approx(SENT_DBFS, abs=3)
    assert report["state"] == "playing"
    assert report["speakers"] == speakers
    assert report["stats"]["packets"] > 10
    assert report["stats"]["lost"] == 0
    cipher = report["stats"]["srtpCipher"]  # older ones do not say
    assert not cipher or cipher.endswith("AEAD_AES_128_GCM")
