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
from peers.ground import LOOPBACK, Ground
from peers.process import Process
from spacescore.load import Door, LoadPlan

__all__ = ["Aiortc", "Janus", "Server", "Spacescore"]

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

    def __init__(
        self,
        folder: Path,
        ground: Ground = LOOPBACK,
        packet_time: int | None = None,
        ring: bool = False,
    ) -> None:
        options = ["--demo", "--data", str(folder), "--port", "0", "--udp-port", "0"]
        options += ["--drain-seconds", "0"]  # nobody is told goodbye
        options += ["--host", ground.host, "--udp-host", ground.host]
        options += ["--workers", str(ground.cores)]
        options += ["--packet-time", str(packet_time)] if packet_time else []
        options += ["--packet-interface", ground.interface] if ring else []
        command = [sys.executable, "-m", "spacescore", "serve", *options]
        log = folder / "log"
        self.process = Process(ground.command(command), log)
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

    def __init__(self, folder: Path, ground: Ground = LOOPBACK, event_loops: bool = False) -> None:
        self._host, (self._http, self._rtp) = ground.host, _free_ports()
        loops = f"event_loops = {ground.cores}; " if event_loops else ""
        texts = {
            "janus": f"general: {{ {loops}debug_level = 2 }}\n",
            "janus.transport.http": f"general: {{ http = true; port = {self._http}; "
            f'ip = "{self._host}" }}\n',
            "janus.plugin.streaming": 'tone: { type = "rtp"; id = 1; audio = true; '
            f"video = false; audioport = {self._rtp}; audiopt = {PAYLOAD_TYPE}; "
            f'audiocodec = "opus"; audioiface = "{self._host}" }}\n',
        }
        for name, text in texts.items():
            (folder / f"{name}.jcfg").write_text(text)
        command = ["janus", f"--config={folder}/janus.jcfg", f"--configs-folder={folder}"]
        self.process = Process(ground.command(command), folder / "log")
        self.process.wait_for(lambda: _connects(self._host, self._http))

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
        url = f"http://{self._host}:{self._http}/janus"
        return LoadPlan(url, door=Door.JANUS, mountpoint=1, **fields)

    def feed(self) -> AbstractContextManager[None]:
        """RTP, to the mountpoint."""
        return feed(self._host, self._rtp)


class Aiortc:
    """A WHEP endpoint around aiortc, in an environment of its own."""

    def __init__(self, folder: Path, ground: Ground, python: Path) -> None:
        self._host, (self._http, self._rtp) = ground.host, _free_ports()
        where = self._host, str(self._http), str(self._rtp)
        command: list[str | Path] = [python, HERE / "aiortc_server.py", *where]
        self.process = Process(ground.command(command), folder / "log")
        self.process.wait_for(lambda: _connects(self._host, self._http))

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
        return LoadPlan(f"http://{self._host}:{self._http}/whep", door=Door.WHEP, **fields)

    def feed(self) -> AbstractContextManager[None]:
        """RTP, to the track."""
        return feed(self._host, self._rtp)


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        return int(tcp.getsockname()[1]), int(udp.getsockname()[1])


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
