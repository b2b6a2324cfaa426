"""The checks: facts go in, findings come out, nothing is touched.

A problem keeps the node from serving; a warning costs it something on the day. Every fix is a
command that can be pasted.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from spacescore.addresses import is_loopback
from spacescore.doctor.facts import Facts, Port

__all__ = ["Finding", "Level", "examine"]

# What the core asks for (src/fanout/io/udp.cpp); the kernel doubles it, and reckons a small
# datagram as 832 bytes: the default buffer holds 256.
RECEIVE_BUFFER, SEND_BUFFER = 8 << 20, 4 << 20
BYTES_PER_DATAGRAM = 832
BUSY_PORT = 10_000  # datagrams a second: 10,000 join in two seconds with four each
BACKLOG = 5_000  # packets that wait for a core of their own
DESCRIPTORS = 16_384  # each HTTP connection takes one
BYTES_PER_LISTENER = 1_536
RECORDING_BYTES_PER_HOUR = 32_000 // 8 * 3600
GIB, DAY = 1 << 30, 86_400
SLOW_CLOCKS = {"hpet", "acpi_pm", "jiffies", "pit"}  # read by a system call, a microsecond each
RING_FIX = (
    "sudo mkdir -p /etc/systemd/system/spacescore.service.d && "
    r"printf '[Service]\nAmbientCapabilities=CAP_NET_RAW\n' | "
    "sudo tee /etc/systemd/system/spacescore.service.d/ring.conf && sudo systemctl daemon-reload"
)
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104
SYSCTL_FILE = "/etc/sysctl.d/60-spacescore.conf"


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    group: str
    name: str
    level: Level
    text: str  # one sentence
    fix: str = ""  # a command


Verdict = tuple[Level, str] | tuple[Level, str, str]
OK, WARNING, PROBLEM = Level.OK, Level.WARNING, Level.PROBLEM


def examine(facts: Facts) -> list[Finding]:
    """Return what is found, in the order in which it is looked at."""
    return [
        Finding(group, name, *verdict) for group, name, check in CHECKS for verdict in check(facts)
    ]


# Network.


def tcp_port(facts: Facts) -> Iterator[Verdict]:
    """Somebody else's port, or one that needs privileges."""
    yield _port(facts.tcp, "port", "sudo ss -ltnp 'sport = :{}'")


def udp_port(facts: Facts) -> Iterator[Verdict]:
    """The same for media."""
    yield _port(facts.udp, "udp_port", "sudo ss -lunp 'sport = :{}'")


def _port(port: Port, setting: str, who: str) -> Verdict:
    if port.is_ours:
        return OK, f"{port.place} is held by the node that runs on this data folder."
    if not port.error:
        return OK, f"{port.place} is free."
    if port.error == "privileged":
        other = f"--{setting.replace('_', '-')} {port.number % 1000 + 8000}"
        return PROBLEM, f"{port.place} needs privileges.", f"spacescore serve {other}"
    if port.error != "taken":
        return PROBLEM, f"{port.place} cannot be bound: {port.error}.", "ip -brief address"
    holder = f" by {port.holder}" if port.holder else ""
    return PROBLEM, f"{port.place} is taken{holder}.", who.format(port.number)


def receive_buffer(facts: Facts) -> Iterator[Verdict]:
    """A storm of joins comes faster than a thread wakes up."""
    granted = _granted(facts, "net.core.rmem_max", RECEIVE_BUFFER)
    if granted is None:
        return
    count = 2 * granted // BYTES_PER_DATAGRAM
    holds = f"holds {count:,} small datagrams, {1000 * count / BUSY_PORT:,.0f} ms of a busy port"
    if granted >= RECEIVE_BUFFER:
        yield OK, f"A socket {holds}."
    else:
        level = WARNING if granted >= 1 << 20 else PROBLEM
        yield (
            level,
            f"A socket {holds}; the core would take {RECEIVE_BUFFER >> 20} MiB.",
            _sysctl("net.core.rmem_max", RECEIVE_BUFFER),
        )


def send_buffer(facts: Facts) -> Iterator[Verdict]:
    """A tick's packets leave in one go."""
    granted = _granted(facts, "net.core.wmem_max", SEND_BUFFER)
    if granted is None:
        return
    count = 2 * granted // BYTES_PER_DATAGRAM
    if granted >= SEND_BUFFER:
        yield OK, f"A socket lets {count:,} packets wait for the wire."
    else:
        text = f"A socket lets only {count:,} packets wait for the wire; more are lost."
        yield WARNING, text, _sysctl("net.core.wmem_max", SEND_BUFFER)


def _granted(facts: Facts, name: str, wanted: int) -> int | None:
    """What a socket gets. Root gets more, but who runs the service as root?"""
    limit = facts.sysctls.get(name)
    return None if limit is None else min(limit, wanted)


def backlog(facts: Facts) -> Iterator[Verdict]:
    """Packets that a network card hands over faster than they are taken."""
    value = facts.sysctls.get("net.core.netdev_max_backlog")
    if value is None:
        return
    if value >= BACKLOG:
        yield OK, f"{value:,} packets may wait for a core."
    else:
        text = f"Only {value:,} packets may wait for a core; a storm brings more at once."
        yield WARNING, text, _sysctl("net.core.netdev_max_backlog", BACKLOG)


def conntrack(facts: Facts) -> Iterator[Verdict]:
    """A table of flows that fills up drops whoever comes next."""
    limit = facts.sysctls.get("net.netfilter.nf_conntrack_max")
    count = facts.sysctls.get("net.netfilter.nf_conntrack_count", 0)
    if limit is None:
        yield OK, "No firewall follows connections here."
        return
    needed = count + facts.settings.max_listeners
    if limit >= 2 * needed:
        yield OK, f"The firewall has room for {limit - count:,} more flows."
        return
    port = facts.udp.number
    text = (
        f"The firewall may follow {limit:,} flows, {count:,} are taken; with "
        f"{facts.settings.max_listeners:,} listeners it "
        + ("is full, and drops." if limit < needed else "is half full.")
    )
    untracked = (
        f"sudo iptables -t raw -A PREROUTING -p udp --dport {port} -j NOTRACK && "
        f"sudo iptables -t raw -A OUTPUT -p udp --sport {port} -j NOTRACK"
    )
    yield WARNING, text, untracked


def public_address(facts: Facts) -> Iterator[Verdict]:
    """What clients are told must be where packets arrive."""
    told, announced = facts.candidates, facts.settings.announce
    if not told:
        text = "No address could be found to tell clients."
        yield PROBLEM, text, "spacescore serve --announce PUBLIC_IP"
        return
    seen = facts.stun.mapped if facts.stun else ""
    outside = [text for text in told if ipaddress.ip_address(text).is_global]
    if seen and seen not in told:
        text = f"The world sees {seen}, but clients are told {told[0]}."
        yield PROBLEM, text, f"spacescore serve --announce {seen}"
    elif ipaddress.ip_address(told[0]).is_loopback:
        text = f"Clients are told {told[0]}: only this machine can listen."
        yield WARNING, text, "spacescore serve --udp-host 0.0.0.0"
    elif not outside:
        text = f"Clients are told {told[0]}, which is known in this network only."
        yield WARNING, text, f"spacescore serve --announce {seen or 'PUBLIC_IP'}"
    elif announced and not set(announced) & set(facts.addresses):
        forward = f"it has to forward UDP {facts.udp.number}"
        yield OK, f"Clients are told {told[0]}, which is a NAT's: {forward}."
    else:
        yield OK, f"Clients are told {', '.join(told[:3])}."


def stun(facts: Facts) -> Iterator[Verdict]:
    """A STUN server that does not answer us will not answer clients either."""
    if facts.stun is None:
        return
    if facts.stun.error:
        text = f"{facts.stun.server} does not answer: {facts.stun.error}."
        yield WARNING, text, f"turnutils_stunclient {facts.stun.server.partition(':')[2]}"
    else:
        yield OK, f"{facts.stun.server} sees us as {facts.stun.mapped}."


def packet_interface(facts: Facts) -> Iterator[Verdict]:
    """The ring needs its interface, and a privilege."""
    name = facts.settings.packet_interface
    if not name:
        return
    if name not in facts.interfaces:
        yield PROBLEM, f"There is no interface {name}.", "ip -brief link"
    elif "net_raw" not in facts.capabilities:
        text = f"Sending by a ring on {name} needs CAP_NET_RAW."
        yield PROBLEM, text, RING_FIX
    else:
        yield OK, f"Packets may be sent by a ring on {name}."


def other_nodes(facts: Facts) -> Iterator[Verdict]:
    """Whoever asks another node for a space of ours is sent here, if anybody knows where it is."""
    settings = facts.settings
    if not settings.store.startswith(("postgresql://", "postgres://")):
        return
    if settings.public_url or not (is_loopback(settings.host) or settings.host in EVERYWHERE):
        yield OK, f"Other nodes send people to {settings.public_url or settings.host}."
    else:
        text = "Other nodes on this database cannot send people here: they know no address of ours."
        yield WARNING, text, "spacescore serve --public-url https://THIS_NODE"


# The machine.


def processor(facts: Facts) -> Iterator[Verdict]:
    """AES in hardware is what sealing a million packets rests on."""
    cpu, has = facts.cpu, facts.cpu.flags
    if "aes" not in has:
        text = f"No AES in hardware: {cpu.srtp} seals in software, at many times the cost."
        yield WARNING, text, "lscpu | grep -ow aes  # a virtual machine: show it the host's CPU"
        return
    if cpu.machine != "x86_64":
        yield OK, f"AES in hardware; packets are sealed by {cpu.srtp}."
        return
    wide = [name for flag, name in (("vaes", "VAES"), ("avx512f", "AVX-512")) if flag in has]
    if "ipsec" not in cpu.srtp.replace("-", "").lower():
        text = f"Packets are sealed by {cpu.srtp}, not by intel-ipsec-mb: several times dearer."
        yield WARNING, text, "sudo apt-get install -y libipsec-mb-dev && make setup"
    else:
        features = ", ".join(["AES-NI", *wide])
        yield OK, f"{features}; packets are sealed by {cpu.srtp}."


def cpu_limit(facts: Facts) -> Iterator[Verdict]:
    """A throttled thread is late for every listener at once."""
    cpu = facts.cpu
    threads = facts.settings.workers or cpu.cores
    if cpu.quota is not None and cpu.quota < threads:
        text = (
            f"A control group grants {cpu.quota:g} cores to {threads} media threads: they are "
            "stopped in the midst of a tick."
        )
        yield WARNING, text, f"spacescore serve --workers {max(1, int(cpu.quota))}"
    elif threads > cpu.cores:
        text = f"{threads} media threads share {cpu.cores} cores."
        yield WARNING, text, f"spacescore serve --workers {cpu.cores}"
    else:
        where = f"{_count(threads, 'media thread')} on {_count(cpu.cores, 'core')}"
        yield OK, f"{where}, no limit on their time."


def memory(facts: Facts) -> Iterator[Verdict]:
    """A full house has to fit."""
    if facts.memory is None:
        return
    needed = facts.settings.max_listeners * BYTES_PER_LISTENER
    text = (
        f"{facts.settings.max_listeners:,} listeners take {needed / GIB:.1f} GiB, "
        f"{facts.memory / GIB:.1f} are free."
    )
    if needed <= facts.memory:
        yield OK, text
    else:
        fits = max(1, int(0.8 * facts.memory / BYTES_PER_LISTENER))
        yield WARNING, text, f"spacescore serve --max-listeners {fits}"


def huge_pages(facts: Facts) -> Iterator[Verdict]:
    """The audience table is walked in whole, packet after packet."""
    if not facts.huge_pages:
        return
    if facts.huge_pages in ("madvise", "always"):
        yield OK, f"Large tables get huge pages ({facts.huge_pages})."
    else:
        path = "/sys/kernel/mm/transparent_hugepage/enabled"
        text = "Huge pages are off: walking a large audience costs more."
        yield WARNING, text, f"echo madvise | sudo tee {path}"


def descriptors(facts: Facts) -> Iterator[Verdict]:
    """Each HTTP connection takes one."""
    if facts.descriptors >= DESCRIPTORS:
        yield OK, f"{facts.descriptors:,} file descriptors may be open."
    else:
        text = f"Only {facts.descriptors:,} descriptors may be open; an HTTP connection takes one."
        yield WARNING, text, "ulimit -Hn 65536  # under systemd: LimitNOFILE=65536"


def clock(facts: Facts) -> Iterator[Verdict]:
    """Tickets and tokens expire by the wall clock; packets leave by the monotonic one."""
    if facts.clock_is_synchronised is False:
        text = "The clock is not synchronised: tickets and tokens may expire early or late."
        yield WARNING, text, "sudo timedatectl set-ntp true"
    elif facts.clock_is_synchronised:
        yield OK, "The clock is synchronised."
    if facts.clock_source in SLOW_CLOCKS:
        folder = "/sys/devices/system/clocksource/clocksource0"
        text = f"Time comes from {facts.clock_source}: it is slow, and read for every batch."
        yield WARNING, text, f"echo tsc | sudo tee {folder}/current_clocksource"
    elif facts.clock_source:
        yield OK, f"Time comes from {facts.clock_source}, which is read without a system call."


def disk(facts: Facts) -> Iterator[Verdict]:
    """Recordings grow by 14 MB an hour and space."""
    found = facts.disk
    if not found.is_writable:
        owner = f"sudo install -d -m 700 -o $USER {facts.settings.data}"
        yield PROBLEM, f"{found.path} cannot be written to.", owner
        return
    hours = found.free / RECORDING_BYTES_PER_HOUR
    text = f"{found.path} has {found.free / GIB:.1f} GiB free, {hours:,.0f} hours of recording."
    if found.free >= 5 * GIB:
        yield OK, text
    else:
        level = PROBLEM if found.free < GIB // 4 else WARNING
        yield level, text, f"du -xh {found.path} | sort -h | tail"


# TLS.


def tls(facts: Facts) -> Iterator[Verdict]:
    """Browsers give a microphone only to https pages."""
    settings, found = facts.settings, facts.certificate
    if found is None:
        if settings.public_url.startswith("https://"):
            yield OK, "A proxy in front speaks TLS."
        elif settings.host in ("127.0.0.1", "::1", "localhost"):
            yield OK, "Pages are for this machine, or for a proxy: then say its --public-url."
        else:
            text = "Without TLS no browser gives a page the microphone."
            yield WARNING, text, "spacescore serve --tls-cert FULLCHAIN.pem --tls-key PRIVKEY.pem"
        return
    if found.error:
        text = f"{found.path} does not work: {found.error}."
        yield PROBLEM, text, f"openssl x509 -noout -text -in {found.path}"
        return
    yield _expiry(facts)
    yield from _name(facts)
    if not found.key_is_private:
        yield WARNING, f"Others may read {found.key_path}.", f"sudo chmod 600 {found.key_path}"


def _expiry(facts: Facts) -> Verdict:
    assert facts.certificate is not None  # noqa: S101  (the caller looked)
    days = (facts.certificate.expires - facts.now) / DAY
    fix = "sudo certbot renew"
    if days <= 0:
        return PROBLEM, f"The certificate has expired {_count(int(-days), 'day')} ago.", fix
    if days < 14:
        return WARNING, f"The certificate expires in {_count(int(days), 'day')}.", fix
    return OK, f"The certificate and its key fit, for {_count(int(days), 'more day')}."


def _name(facts: Facts) -> Iterator[Verdict]:
    assert facts.certificate is not None  # noqa: S101  (the caller looked)
    host, names = urlsplit(facts.settings.public_url).hostname, facts.certificate.names
    if host and not any(_covers(name, host) for name in names):
        text = f"The certificate is for {', '.join(names) or 'nobody'}, not for {host}."
        yield PROBLEM, text, f"sudo certbot certonly -d {host}"


def _covers(name: str, host: str) -> bool:
    name, host = name.lower(), host.lower()
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _sysctl(name: str, value: int) -> str:
    return f"echo '{name} = {value}' | sudo tee -a {SYSCTL_FILE} && sudo sysctl -p {SYSCTL_FILE}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


CHECKS: Sequence[tuple[str, str, Callable[[Facts], Iterator[Verdict]]]] = [
    ("Network", "TCP port", tcp_port),
    ("Network", "UDP port", udp_port),
    ("Network", "public address", public_address),
    ("Network", "STUN", stun),
    ("Network", "receive buffer", receive_buffer),
    ("Network", "send buffer", send_buffer),
    ("Network", "backlog", backlog),
    ("Network", "firewall", conntrack),
    ("Network", "packet ring", packet_interface),
    ("Network", "other nodes", other_nodes),
    ("Machine", "processor", processor),
    ("Machine", "CPU time", cpu_limit),
    ("Machine", "memory", memory),
    ("Machine", "huge pages", huge_pages),
    ("Machine", "descriptors", descriptors),
    ("Machine", "clock", clock),
    ("Machine", "disk", disk),
    ("Pages", "TLS", tls),
]
