"""The servers: how each is started, fed and listened to."""

import json
import re
import shutil
import socket
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from peers.feed import PAYLOAD_TYPE, feed
from peers.process import Process
from spacescore.cli import serve
from spacescore.load import Door, LoadPlan

__all__ = ["Aiortc", "Janus", "Server", "Spacescore", "knows_packet_times"]

HERE = Path(__file__).parent


class Server(Protocol):
    """A running server."""

    process: Process

    def plan(self, *, audible: bool, **fields: Any) -> LoadPlan:
        """Return how its listeners come in; `audible`: and somebody speaks to them."""

    def feed(self) -> AbstractContextManager[None]:
        """Bring audio meanwhile, if no listener's plan does."""


class Spacescore:
    """The room service as installed: a decoder, a mixer and an encoder before the audience."""

    def __init__(self, folder: Path, packet_time: int | None = None) -> None:
        options = ["--demo", "--data", str(folder), "--port", "0", "--udp-port", "0"]
        here = ["--host", "127.0.0.1", "--udp-host", "127.0.0.1"]
        tier = ["--packet-time", str(packet_time)] if packet_time else []
        command = [sys.executable, "-m", "spacescore", "serve", *options, *here, *tier]
        log = folder / "log"
        self.process = Process(command, log)
        self.process.wait_for(lambda: "Ctrl-C" in log.read_text())
        self._url = json.loads((folder / "node.json").read_text())["url"]

    def plan(self, *, audible: bool, **fields: Any) -> LoadPlan:
        """One ticket for all; a virtual speaker on the open stage."""
        return LoadPlan(f"{self._url}/s/demo", speakers=int(audible), **fields)

    def feed(self) -> AbstractContextManager[None]:
        """The speaker does."""
        return nullcontext()


class Janus:
    """The streaming plugin with one RTP mountpoint; packets are passed on as they come."""

    def __init__(self, folder: Path, event_loops: int = 0) -> None:
        self._http, self._rtp = _free_ports()
        loops = f"event_loops = {event_loops}; " if event_loops else ""
        texts = {
            "janus": f"general: {{ {loops}debug_level = 2 }}\n",
            "janus.transport.http": f"general: {{ http = true; port = {self._http}; "
            'ip = "127.0.0.1" }\n',
            "janus.plugin.streaming": 'tone: { type = "rtp"; id = 1; audio = true; '
            f"video = false; audioport = {self._rtp}; audiopt = {PAYLOAD_TYPE}; "
            'audiocodec = "opus"; audioiface = "lo" }\n',
        }
        for name, text in texts.items():
            (folder / f"{name}.jcfg").write_text(text)
        command = ["janus", f"--config={folder}/janus.jcfg", f"--configs-folder={folder}"]
        self.process = Process(command, folder / "log")
        self.process.wait_for(lambda: _connects(self._http))

    @staticmethod
    def version() -> str:
        """Return the version, or nothing where Janus is not installed."""
        if not shutil.which("janus"):
            return ""
        text = subprocess.run(["janus", "--version"], capture_output=True, text=True).stdout
        found = re.search(r"\d+\.\d+\.\d+", text)
        return found[0] if found else "?"

    def plan(self, *, audible: bool, **fields: Any) -> LoadPlan:
        """Attach, watch, start: for each listener."""
        url = f"http://127.0.0.1:{self._http}/janus"
        return LoadPlan(url, door=Door.JANUS, mountpoint=1, **fields)

    def feed(self) -> AbstractContextManager[None]:
        """RTP, to the mountpoint."""
        return feed(self._rtp)


class Aiortc:
    """A WHEP endpoint around aiortc, in an environment of its own."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._http, self._rtp = _free_ports()
        ports = str(self._http), str(self._rtp)
        self.process = Process([python, HERE / "aiortc_server.py", *ports], folder / "log")
        self.process.wait_for(lambda: _connects(self._http))

    @staticmethod
    def version(python: Path) -> str:
        """Return the version, or nothing where it is not installed."""
        if not python.exists():
            return ""
        code = "import aiohttp, aiortc; print(aiortc.__version__)"
        run = subprocess.run([python, "-c", code], capture_output=True, text=True)
        return run.stdout.strip()

    def plan(self, *, audible: bool, **fields: Any) -> LoadPlan:
        """An offer for each listener."""
        return LoadPlan(f"http://127.0.0.1:{self._http}/whep", door=Door.WHEP, **fields)

    def feed(self) -> AbstractContextManager[None]:
        """RTP, to the track."""
        return feed(self._rtp)


def knows_packet_times() -> bool:
    """Whether this spacescore can send packets longer than 20 ms."""
    return any(option.name == "packet_time" for option in serve.params)


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        return int(tcp.getsockname()[1]), int(udp.getsockname()[1])


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
