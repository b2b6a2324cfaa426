"""What the service manager hears, and when the watchdog is fed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from served import Served
from spacescore.notify import Manager, feed

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "packaging" / "systemd" / "spacescore.service"


@pytest.fixture
def listening(tmp_path) -> Iterator[socket.socket]:
    """A service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        yield manager


def environment(listening: socket.socket, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": listening.getsockname(), **more}


def test_variables_are_sent_as_lines(listening):
    Manager(environment(listening)).tell(ready=1, status="3 spaces")
    assert listening.recv(4096) == b"READY=1\nSTATUS=3 spaces"


def test_an_abstract_address_is_one_too():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0spacescore-test-{os.getpid()}")
        Manager({"NOTIFY_SOCKET": f"@spacescore-test-{os.getpid()}"}).tell(ready=1)
        assert manager.recv(100) == b"READY=1"


def test_a_path_with_an_at_in_it_stays_a_path(tmp_path):
    (tmp_path / "a@b").mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "a@b" / "notify"))
        manager.settimeout(10)
        Manager({"NOTIFY_SOCKET": str(tmp_path / "a@b" / "notify")}).tell(ready=1)
        assert manager.recv(100) == b"READY=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_nobody_who_listens_is_no_fault(address):
    Manager({"NOTIFY_SOCKET": address}).tell(ready=1)


def test_a_manager_that_does_not_read_stops_nobody(listening):
    manager = Manager(environment(listening))
    for _ in range(2000):
        manager.tell(status="x" * 1000)


def test_the_watchdog_is_this_processs_own():
    def seconds(**told: str) -> float | None:
        return Manager(told).watchdog_seconds

    assert seconds(WATCHDOG_USEC="10000000") == 10
    assert seconds(WATCHDOG_USEC="10000000", WATCHDOG_PID=str(os.getpid())) == 10
    assert seconds(WATCHDOG_USEC="10000000", WATCHDOG_PID="1") is None
    assert seconds() is None
    assert seconds(WATCHDOG_USEC="x") is None


class Heard:
    """A manager who notes when it was fed."""

    watchdog_seconds = 10.0

    def __init__(self):
        self.fed: list[float] = []

    def tell(self, *, watchdog: int, status: str) -> None:
        assert (watchdog, status) == (1, "fine")
        self.fed.append(trio.current_time())


def fed_within(seconds: float, answer, autojump) -> list[float]:
    heard = Heard()

    async def main():
        began = trio.current_time()
        with trio.move_on_after(seconds):
            await feed(heard, answer, lambda: "fine")
        return [round(when - began, 3) for when in heard.fed]

    return trio.run(main, clock=autojump)


def test_it_is_fed_twice_in_its_time_while_the_media_threads_answer(autojump):
    assert fed_within(12, trio.lowlevel.checkpoint, autojump) == [0, 5, 10]


def test_it_is_not_fed_while_a_media_thread_hangs_and_again_when_it_goes_on(autojump):
    answers = iter([0.0, 30.0, 0.0])

    async def answer():
        await trio.sleep(next(answers))

    assert fed_within(37, answer, autojump) == [0, 35]


def test_the_service_is_ready_when_it_serves_feeds_and_says_that_it_stops(tmp_path, listening):
    told = environment(listening, WATCHDOG_USEC="400000")
    served = Served(tmp_path / "data", "--demo", environment=told)
    try:
        assert listening.recv(4096).splitlines()[0] == b"READY=1"
        assert served.get("/readyz")
        assert listening.recv(4096) == (b"WATCHDOG=1\nSTATUS=1 spaces, 0 speakers, 0 listeners")
        assert listening.recv(4096).startswith(b"WATCHDOG=1")
        served.process.send_signal(signal.SIGTERM)
        while not (heard := listening.recv(4096)).startswith(b"STOPPING=1"):
            assert heard.startswith(b"WATCHDOG=1")
    finally:
        served.end()


def has_systemd() -> bool:
    return Path("/usr/bin/systemd-analyze").exists()


def test_the_unit_names_commands_and_settings_that_exist():
    text = UNIT.read_text()
    assert "\nType=notify\n" in text
    assert "\nExecStart=/opt/spacescore/bin/spacescore serve\n" in text
    assert "\nEnvironment=SPACESCORE_DATA=/var/lib/spacescore\n" in text
    assert "\nStateDirectory=spacescore\n" in text
    assert "\n# AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW\n" in text


@pytest.mark.skipif(not has_systemd(), reason="systemd-analyze is not installed")
def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path):
    unit = tmp_path / "spacescore.service"
    unit.write_text(UNIT.read_text().replace("/opt/spacescore/bin/spacescore", sys.executable))
    check = ["systemd-analyze", "--man=no", "verify", unit]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    rate = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
    done = subprocess.run(rate, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
