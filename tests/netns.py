"""A network of two: the host and a namespace behind it, whose default route is the host."""

import os
import subprocess
from shutil import which

import pytest


class Namespace:
    """Made by `ip`, which needs root; where it cannot be made the test is skipped."""

    def __init__(self) -> None:
        number = os.getpid()
        self.name = f"spacescore-{number}"
        near, far = (f"sc{number}{end}" for end in "ab")
        network = f"198.18.{number % 256}"  # RFC 2544: for tests, and routed nowhere
        self.host = f"{network}.1"
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
                f"addr add {network}.2/24 dev {far}",
                f"link set {far} up",
                f"route add default via {self.host}",
            ):
                ip(f"-netns {self.name} {command}")
        except subprocess.CalledProcessError as error:
            self.remove()
            pytest.skip(f"no network between namespaces can be made here: {error.stderr.strip()}")

    def command(self, *command: str) -> list[str]:
        """What runs `command` inside."""
        return ["ip", "netns", "exec", self.name, *command]

    def remove(self) -> None:
        """Takes the pair of interfaces along."""
        ip(f"netns delete {self.name}")


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=True)
