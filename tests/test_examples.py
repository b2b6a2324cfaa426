"""The examples run, and somebody can join them."""

import os
import re
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import numpy as np
import pytest

from sound import level
from webrtc_client import Peer

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.fixture
def start() -> Iterator:
    running = []

    def run(*command: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | environment,
        )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.communicate()


def line_with(process: subprocess.Popen, pattern: str) -> re.Match:
    """Read what the program prints until a line matches."""
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"ended without {pattern}")


def post(url: str, offer: str, token: str = "") -> str:
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with urlopen(Request(url, offer.encode(), headers), timeout=10) as response:
        return response.read().decode()


@pytest.mark.parametrize("name", ["trio_radio.py", "fastapi_room.py", "mix_by_hand.py"])
def test_an_example_fits_on_one_screen(name):
    assert len((EXAMPLES / name).read_text().splitlines()) <= 60


def test_the_trio_example_says_who_is_on_air(start):
    process = start(str(EXAMPLES / "trio_radio.py"), "0", "0")
    url = line_with(process, r"page: (\S+)/s/radio")[1]
    token = line_with(process, r"host: \S+#token=(\S+)")[1]
    presenter, listener = Peer(speaks=True), Peer()
    presenter.join(lambda sdp: post(f"{url}/whip/radio", sdp, token))
    line_with(process, "on air: The presenter")
    listener.join(lambda sdp: post(f"{url}/whep/radio", sdp))
    line_with(process, "listeners: 1")
    presenter.close()
    listener.close()
    process.send_signal(signal.SIGINT)
    line_with(process, "off air")
    assert process.wait(10) == 0


def test_the_station_outlives_a_space_that_its_host_ends(start):
    process = start(str(EXAMPLES / "trio_radio.py"), "0", "0")
    url = line_with(process, r"page: (\S+)/s/radio")[1]
    token = line_with(process, r"host: \S+#token=(\S+)")[1]
    presenter = Peer(speaks=True)
    presenter.join(lambda sdp: post(f"{url}/whip/radio", sdp, token))
    line_with(process, "on air: The presenter")
    end = Request(
        f"{url}/api/spaces/radio", headers={"Authorization": f"Bearer {token}"}, method="DELETE"
    )
    urlopen(end, timeout=10).close()
    urlopen(url, timeout=10).close()
    presenter.close()
    process.send_signal(signal.SIGINT)
    line_with(process, "off air")
    assert process.wait(10) == 0


def test_the_fastapi_example_answers_offers_and_remembers(start):
    app = ["-m", "uvicorn", "fastapi_room:app", "--app-dir", str(EXAMPLES), "--port", "0"]
    process = start(*app, UDP_PORT="0")
    url = line_with(process, r"running on (http://\S+)")[1]
    speaker = Peer(speaks=True)
    speaker.join(lambda sdp: post(f"{url}/offer?name=Ada&speak=true", sdp))
    for _ in range(100):
        with urlopen(f"{url}/history", timeout=5) as response:
            history = response.read().decode()
        if "SpeakerJoined" in history:
            break
        time.sleep(0.05)
    assert "SpeakerJoined" in history
    with urlopen(f"{url}/rooms/api/spaces/room/state.json", timeout=5) as response:
        assert '"name":"Ada"' in response.read().decode()
    speaker.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_the_mix_by_hand_repairs_what_the_path_lost(start, tmp_path):
    path = tmp_path / "mix.wav"
    process = start(str(EXAMPLES / "mix_by_hand.py"), str(path), "0.1")
    lost, repaired = map(int, line_with(process, r"2: (\d+) lost, (\d+) repaired").groups())
    assert lost > 10
    assert repaired > 0.7 * lost
    assert process.wait(10) == 0
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32_768
    assert samples.size == 5 * 48_000
    assert min(level(samples, hertz) for hertz in (220, 330)) > -25
