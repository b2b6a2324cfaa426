"""Looks at this machine. What cannot be read stays unknown: a doctor who faints helps nobody."""

import ctypes
import errno
import json
import os
import platform
import secrets
import shutil
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from spacescore._native import _core
from spacescore.addresses import candidate_addresses, wildcard
from spacescore.descriptors import ENOUGH, most
from spacescore.doctor.certificate import look_at
from spacescore.doctor.facts import Certificate, Cpu, Disk, Facts, Port, Stun
from spacescore.errors import SpacescoreError
from spacescore.settings import Settings

__all__ = ["gather"]

PROC, SYS = Path("/proc"), Path("/sys")
SYSCTLS = (
    "net.core.rmem_max",
    "net.core.wmem_max",
    "net.core.netdev_max_backlog",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_count",
)
CAPABILITIES = {"net_raw": 13}  # linux/capability.h
STA_UNSYNC = 0x40  # linux/timex.h
STUN_SECONDS = 1.0
STUN_COOKIE = 0x2112A442


def gather(settings: Settings) -> Facts:
    """Return what can be found out without any privilege."""
    node = _noted_node(settings)
    return Facts(
        settings=settings,
        now=time.time(),
        kernel=f"Linux {platform.release()}",
        tcp=_port("TCP", socket.SOCK_STREAM, settings.host, settings.port, node),
        udp=_port("UDP", socket.SOCK_DGRAM, settings.udp_host or "", settings.udp_port, node),
        cpu=_cpu(),
        disk=_disk(settings.data),
        sysctls=dict(_sysctls()),
        descriptors=min(most(), ENOUGH),
        memory=_memory(),
        clock_is_synchronised=_clock_is_synchronised(),
        clock_source=_text(SYS / "devices/system/clocksource/clocksource0/current_clocksource"),
        huge_pages=_bracketed(_text(SYS / "kernel/mm/transparent_hugepage/enabled")),
        capabilities=_capabilities(),
        interfaces=frozenset(name for _, name in socket.if_nameindex()),
        addresses=tuple(candidate_addresses(wildcard())),
        candidates=_candidates(settings),
        certificate=_certificate(settings),
        stun=_stun(settings),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeError):
        return ""


def _bracketed(text: str) -> str:
    """always [madvise] never -> madvise"""
    return text.partition("[")[2].partition("]")[0]


def _sysctls() -> Iterator[tuple[str, int]]:
    for name in SYSCTLS:
        text = _text(PROC / "sys" / name.replace(".", "/"))
        if text.isdecimal():
            yield name, int(text)


# Ports.


def _noted_node(settings: Settings) -> int | None:
    """Return the process that last started on the data folder."""
    try:
        return int(json.loads(_text(settings.data / "node.json"))["pid"])
    except (ValueError, LookupError, TypeError):
        return None


def _port(protocol: str, kind: socket.SocketKind, host: str, number: int, node: int | None) -> Port:
    place = f"{protocol} {f'{host}:' if host else 'port '}{number}"
    error = _bind(kind, host or wildcard(), number)
    if error != "taken":
        return Port(place, number, error)
    holders = list(_holders(protocol.lower(), number))
    described = ", ".join(f"{_text(PROC / str(pid) / 'comm')} ({pid})" for pid in holders)
    return Port(place, number, error, described, is_ours=node in holders)


def _bind(kind: socket.SocketKind, host: str, number: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), number))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            known = {errno.EADDRINUSE: "taken", errno.EACCES: "privileged"}
            return known.get(error.errno or 0) or error.strerror or str(error)
    return ""


def _holders(protocol: str, number: int) -> Iterator[int]:
    """Yield the processes with a socket on a port, as far as we may see."""
    inodes = {
        f"socket:[{fields[9]}]"
        for table in (protocol, f"{protocol}6")
        for line in _text(PROC / "net" / table).splitlines()[1:]
        if (fields := line.split())[1].endswith(f":{number:04X}")
    }
    for process in PROC.glob("[0-9]*"):
        with suppress(OSError):
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                yield int(process.name)


def _candidates(settings: Settings) -> tuple[str, ...]:
    try:
        return tuple(candidate_addresses(settings.udp_host or wildcard(), settings.announce))
    except (SpacescoreError, ValueError):
        return ()


def _stun(settings: Settings) -> Stun | None:
    """Ask the first STUN server among those that clients are told of."""
    for server in settings.ice_servers:
        url = server.partition(",")[0]
        if url.startswith("stun:"):
            where = urlsplit(f"//{url.removeprefix('stun:').partition('?')[0]}")
            try:
                return Stun(url, mapped=_ask(where.hostname or "", where.port or 3478))
            except (OSError, ValueError) as error:
                return Stun(url, error=str(error) or type(error).__name__)
    return None


def _ask(host: str, port: int) -> str:
    """Send a binding request (RFC 8489) and return our address as the answer tells it."""
    (family, kind, _, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    transaction = secrets.token_bytes(12)
    with socket.socket(family, kind) as asking:
        asking.settimeout(STUN_SECONDS)
        asking.connect(address)
        for last in (False, False, True):
            asking.send(struct.pack("!HHI12s", 0x0001, 0, STUN_COOKIE, transaction))
            try:
                answer = _core.parse_stun(asking.recv(1500))
            except TimeoutError:
                if last:
                    raise
                continue
            if answer.transaction == transaction and answer.mapped:
                return str(answer.mapped[0])
    raise ValueError("it answers, but not with an address")


# The machine.


def _cpu() -> Cpu:
    rows = [line.partition(":") for line in _text(PROC / "cpuinfo").splitlines()]
    told = {name.strip(): value.strip() for name, _, value in reversed(rows)}
    flags = told.get("flags") or told.get("Features") or ""
    return Cpu(
        model=told.get("model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        flags=frozenset(flags.split()),
        srtp=_core.SrtpEngine().name,
        quota=_quota(),
        machine=platform.machine(),
    )


def _groups() -> Iterator[Path]:
    """Yield our control group of the second kind and those around it, as far as we see them."""
    for line in _text(PROC / "self/cgroup").splitlines():
        if line.startswith("0::"):
            group = SYS / "fs/cgroup" / line[3:].lstrip("/")
            yield from (each for each in (group, *group.parents) if each.is_relative_to(SYS))


def _quota() -> float | None:
    """Return how many cores' worth of time the narrowest control group grants."""
    limits = [_text(group / "cpu.max").split() for group in _groups()]
    first_kind = SYS / "fs/cgroup/cpu"
    limits += [
        [_text(first_kind / "cpu.cfs_quota_us"), _text(first_kind / "cpu.cfs_period_us")],
    ]
    found = [
        int(limit[0]) / int(limit[1])
        for limit in limits
        if len(limit) == 2 and limit[0].isdecimal() and limit[1].isdecimal()
    ]
    return min(found, default=None)


def _memory() -> int | None:
    rows = (line.split() for line in _text(PROC / "meminfo").splitlines())
    free = [int(row[1]) * 1024 for row in rows if row[0] == "MemAvailable:"]
    for group in _groups():
        limit, used = _text(group / "memory.max"), _text(group / "memory.current")
        if limit.isdecimal() and used.isdecimal():
            free.append(int(limit) - int(used))
    return min(free, default=None)


def _disk(path: Path) -> Disk:
    there = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    return Disk(str(there), shutil.disk_usage(there).free, os.access(there, os.W_OK | os.X_OK))


def _clock_is_synchronised() -> bool | None:
    """Ask adjtimex(2), which changes nothing when no mode is set."""
    timex = ctypes.create_string_buffer(512)
    with suppress(OSError, AttributeError):
        if ctypes.CDLL(None).adjtimex(timex) >= 0:
            (status,) = struct.unpack_from("i", timex, 40)  # behind modes and four longs
            return not status & STA_UNSYNC
    return None


def _capabilities() -> frozenset[str]:
    for line in _text(PROC / "self/status").splitlines():
        if line.startswith("CapEff:"):
            bits = int(line.split()[1], 16)
            return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)
    return frozenset()


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert and settings.tls_key:
        return look_at(settings.tls_cert, settings.tls_key)
    return None
