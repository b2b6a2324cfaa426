"""Where servers and their audience stand: on loopback, or at the two ends of a cable.

On loopback the kernel delivers a datagram in its sender's time, as far as waking who reads it: a
server with nothing else to do pays twice for the kernel. A network card takes datagrams off a
server's hands. `Wire` has the ends in two network namespaces with a pair of virtual Ethernet
cards between them, whose far card is polled by a thread on the audience's cores; the server has
cores of its own. As a network card does, the far card moderates its interrupts: else each packet
of a sparse stream would wake the far thread in its sender's time.
"""

import ctypes
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

__all__ = ["LOOPBACK", "Ground", "NoWireError", "wire"]

CLONE_NEWNET = 0x40000000
NETWORK = "198.18.0"  # RFC 2544: for benchmarks, and routed nowhere
MODERATION_NS = 50_000  # between two looks at the card: what drivers of 10 Gbit/s cards begin with
DEFERRED = 1_000_000  # looks that may find nothing before interrupts are on again: as good as never


class Ground(Protocol):
    """Where a server is started, and the address its audience finds it at."""

    name: str
    host: str
    interface: str
    cores: int

    def command(self, command: Sequence[str | Path]) -> Sequence[str | Path]:
        """Return what starts a server there."""


class Loopback:
    """Everybody on one machine."""

    name, host, interface = "loopback", "127.0.0.1", "lo"
    cores = os.cpu_count() or 1

    def command(self, command: Sequence[str | Path]) -> Sequence[str | Path]:
        """As it is."""
        return command


LOOPBACK = Loopback()


class NoWireError(Exception):
    """And why."""


class Wire:
    """The server's end; this process is at the other one."""

    name, host = "wire", f"{NETWORK}.1"

    def __init__(self) -> None:
        known = sorted(os.sched_getaffinity(0))
        self._theirs, self._ours = known[: len(known) // 2], known[len(known) // 2 :]
        if not self._theirs:
            raise NoWireError("server and audience need a core each")
        self.cores = len(self._theirs)
        number = os.getpid()
        self._near, self._far = f"peers-{number}-server", f"peers-{number}-audience"
        self.interface = f"srv{number}"
        self._audience = f"aud{number}"

    def command(self, command: Sequence[str | Path]) -> Sequence[str | Path]:
        """In the server's namespace, on its cores."""
        cores = ",".join(map(str, self._theirs))
        return ["ip", "netns", "exec", self._near, "taskset", "-c", cores, *command]

    def lay(self) -> None:
        """Make both ends."""
        for end in (self._near, self._far):
            _run("ip", "netns", "add", end)
        first = ("ip", "-n", self._near, "link", "add", self.interface, "type", "veth")
        _run(*first, "peer", "name", self._audience, "netns", self._far)
        ends = ((self._near, self.interface, 1), (self._far, self._audience, 2))
        for end, card, number in ends:
            _run("ip", "-n", end, "addr", "add", f"{NETWORK}.{number}/24", "dev", card)
            # A card without segmentation offload hands over to the other's poll, if that has one.
            _run("ip", "netns", "exec", end, "ethtool", "-K", card, "tso", "off", "gro", "on")
            for name in ("lo", card):
                _run("ip", "-n", end, "link", "set", name, "up")
        self._set_far_card("threaded", 1)
        self._set_far_card("gro_flush_timeout", MODERATION_NS)
        self._set_far_card("napi_defer_hard_irqs", DEFERRED)

    def _set_far_card(self, what: str, value: int) -> None:
        command = f"echo {value} > /sys/class/net/{self._audience}/{what}"
        _run("ip", "netns", "exec", self._far, "sh", "-c", command)

    def enter(self) -> None:
        """Move this process, and the thread that polls its card, to the audience's end."""
        with Path("/run/netns", self._far).open() as namespace:
            if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise NoWireError(os.strerror(ctypes.get_errno()))
        os.sched_setaffinity(0, self._ours)
        for thread in _threads(f"napi/{self._audience}"):
            os.sched_setaffinity(thread, self._ours)
            os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(1))  # as an interrupt is

    def remove(self) -> None:
        """Takes the cards along."""
        for end in (self._near, self._far):
            with suppress(NoWireError):
                _run("ip", "netns", "delete", end)


@contextmanager
def wire() -> Iterator[Ground]:
    """Lay a wire and stay at its audience's end. Raises NoWireError where that cannot be."""
    between = Wire()
    try:
        between.lay()
        between.enter()
        yield between
    finally:
        between.remove()


def _threads(name: str) -> Iterator[int]:
    """Kernel threads whose name begins so, as far as the kernel keeps names."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (folder / "comm").read_text().startswith(name):
                yield int(folder.name)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NoWireError(f"{command[0]} is not installed") from error
    if done.returncode != 0:
        raise NoWireError(f"{' '.join(command)}: {done.stderr.strip()}")
