"""`spacescore serve` as a process on ports of its own, and what to ask it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen


class Served:
    """A running service."""

    def __init__(
        self,
        data: Path,
        *options: str,
        host: str = "127.0.0.1",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        command = [sys.executable, "-m", "spacescore", "serve", "--port", "0", "--udp-port", "0"]
        command += ["--drain-seconds", "0"]  # whoever tests a drain says how long
        command += ["--pace-most", "2"]  # pages ask often, however busy the machine is
        addresses = ["--host", host, "--udp-host", host]
        self.process = subprocess.Popen(
            [*command, *addresses, "--data", str(data), *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.data = data
        self.banner = ""
        while "Ctrl-C" not in self.banner:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.banner += line
        self.node = json.loads((data / "node.json").read_text())
        self.url = self.node["url"]
        self.port = int(self.url.rpartition(":")[2])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def get(self, path: str) -> bytes:
        with urlopen(f"{self.url}{path}", timeout=5) as response:
            return response.read()

    def post(self, path: str, body: str | dict[str, Any], token: str = "") -> bytes:
        kind = "application/sdp" if isinstance(body, str) else "application/json"
        headers = {"Content-Type": kind} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        with urlopen(Request(f"{self.url}{path}", data, headers), timeout=5) as response:
            return response.read()

    def put(self, path: str, body: dict[str, Any], token: str) -> bytes:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        request = Request(f"{self.url}{path}", json.dumps(body).encode(), headers, method="PUT")
        with urlopen(request, timeout=5) as response:
            return response.read()

    def offer(self, path: str, sdp: str, token: str = "") -> tuple[str, str]:
        """POST an offer; return the answer and the path of the session."""
        headers = {"Content-Type": "application/sdp"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = Request(f"{self.url}{path}", sdp.encode(), headers)
        with urlopen(request, timeout=5) as response:
            return response.read().decode(), urlsplit(response.headers["Location"]).path

    def request(self, method: str, path: str, body: Any, token: str = "") -> bytes:
        """Ask by any method; `body` as JSON, None for none."""
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, headers, method=method)
        with urlopen(request, timeout=5) as response:
            return response.read()

    def delete(self, path: str, token: str = "") -> int:
        """DELETE; return the status."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = Request(f"{self.url}{path}", headers=headers, method="DELETE")
        with urlopen(request, timeout=5) as response:
            return response.status

    def state(self, space: str = "demo") -> dict[str, Any]:
        """The space's state.json."""
        return json.loads(self.get(f"/api/spaces/{space}/state.json"))

    def ticket(self, space: str = "demo") -> dict[str, Any]:
        """The space's public ticket."""
        return json.loads(self.get(f"/api/spaces/{space}/ticket"))

    def metric(self, name: str) -> float:
        """One of /metrics, without its prefix."""
        pattern = rf"^spacescore_{name}(?:\{{.*\}})? (\S+)$"
        return float(re.search(pattern, self.get("/metrics").decode(), re.MULTILINE)[1])

    def stage_token(self, name: str, space: str = "demo") -> str:
        """A speaker's token, as the open stage gives it."""
        return json.loads(self.post(f"/api/spaces/{space}/stage", {"name": name}))["token"]

    def create_space(self, space: str, **fields: Any) -> str:
        """Open a space as the operator; return its host's token."""
        key = (self.data / "operator.key").read_text().strip()
        return json.loads(self.post("/api/spaces", {"space": space, **fields}, key))["host_token"]

    @property
    def recording(self) -> Path:
        """The demo's, of this run."""
        return max((self.data / "recordings").glob("*.opus"))

    def stop(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float, str]:
        """Return the exit code, the seconds it took, and the log."""
        began = time.monotonic()
        self.process.send_signal(how)
        _, log = self.process.communicate(timeout=20)
        return self.process.returncode, time.monotonic() - began, log

    def end(self) -> None:
        """Ends it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
