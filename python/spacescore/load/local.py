"""What Linux tells about a server on this machine: which process, and its CPU time."""

import os
import re
import socket
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

__all__ = ["cpu_seconds", "is_local", "is_server", "name_of", "pid_of_port"]

_PROC = Path("/proc")
_TICK = 1 / os.sysconf("SC_CLK_TCK")
_LISTENING = "0A"  # TCP_LISTEN; UDP has one state


def is_server(ip: str, port: int) -> bool:
    """Whether packets can be addressed so: an IP address, and a port that can be."""
    try:
        return bool(ip_address(ip)) and 0 < port < 65_536
    except ValueError:
        return False


def is_local(ip: str) -> bool:
    """Whether an IP address is one of this machine's."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
    return True


def pid_of_port(port: int, kind: str) -> int | None:
    """Return the process that has a port of this machine open; `kind`: "udp" or "tcp".

    None where there is none, or it is nobody's whom we may look at, or our own.
    """
    links = {f"socket:[{inode}]" for inode in _inodes(port, kind)}
    for folder in _PROC.glob("[0-9]*/fd"):
        pid = int(folder.parent.name)
        if pid != os.getpid() and links & set(_links(folder)):
            return pid
    return None


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU time a process has used; None once it is gone."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    user, system = int(fields[11]), int(fields[12])  # proc(5): utime and stime
    return (user + system) * _TICK


def name_of(pid: int) -> str:
    """Return what a process calls itself; empty once it is gone."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _inodes(port: int, kind: str) -> set[str]:
    found = set()
    for name in (kind, f"{kind}6"):
        with suppress(OSError):
            for row in (_PROC / "net" / name).read_text().splitlines()[1:]:
                fields = row.split()
                here = int(fields[1].rpartition(":")[2], 16) == port
                if here and (kind == "udp" or fields[3] == _LISTENING):
                    found.add(fields[9])
    return found


def _links(folder: Path) -> list[str]:
    links = []
    with suppress(OSError):  # a process that ended, or is another user's
        for entry in folder.iterdir():
            with suppress(OSError):
                links.append(str(entry.readlink()))
    return [link for link in links if re.match(r"socket:", link)]
