"""A network of two: the host and a namespace behind it, whose default route is the host."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which

import pytest


class Namespace:
    """Made by `ip`, which needs root; where it cannot be made the test is skipped."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"spacescore-{number}"
        near, far = self.near, self.far = [f"sc{number}{end}" for end in "ab"]
        network = f"198.18.{number % 256}"  # RFC 2544: for tests, and routed nowhere
        self.host, self.guest = f"{network}.1", f"{network}.2"
        if os.geteuid() != 0 or which("ip") is None:
            pytest.skip("a network namespace needs root and iproute2")
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"no network namespace can be made here: {made.stderr.strip()}")
        try:
            ip(f"link add {near} type veth peer name {far} netns {self.name}")
            ip(f"addr add {self.host}/24 dev {near}")
            ip(f"link set {near} up")
            for command in (
                "link set lo up",
                f"addr add {self.guest}/24 dev {far}",
                f"link set {far} up",
                f"route add default via {self.host}",
            ):
                self.ip(command)
        except subprocess.CalledProcessError as error:
            self.remove()
            pytest.skip(f"no network between namespaces can be made here: {error.stderr.strip()}")

    def command(self, *command: str) -> list[str]:
        """What runs `command` inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def ip(self, command: str) -> str:
        """What `ip` says inside."""
        return ip(f"-netns {self.name} {command}")

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile are inside."""
        with Path("/proc/thread-self/ns/net").open() as back:
            with Path(f"/run/netns/{self.name}").open() as inside:
                _enter(inside.fileno())
            try:
                yield
            finally:
                _enter(back.fileno())

    def remove(self) -> None:
        """Takes the pair of interfaces along, at once: a namespace lives as long as a socket."""
        subprocess.run(["ip", "link", "delete", self.near], capture_output=True)
        ip(f"netns delete {self.name}")


def ip(command: str) -> str:
    """What `ip` says."""
    return subprocess.run(
        ["ip", *command.split()], capture_output=True, text=True, check=True
    ).stdout


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
