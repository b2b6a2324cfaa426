"""The doctor's findings, from machines that are made up."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from fit_machine import CERTIFICATE, DAY, FIT, NOW, SYSCTLS, settings
from spacescore.doctor import Level, examine
from spacescore.doctor.checks import CHECKS
from spacescore.doctor.facts import Disk, Port, Stun


def findings(**changes: object):
    return [found for found in examine(replace(FIT, **changes)) if found.level is not Level.OK]


def sysctls(**changes: int):
    return {
        "sysctls": SYSCTLS | {name.replace("__", "."): value for name, value in changes.items()}
    }


def cpu(**changes: object):
    return {"cpu": replace(FIT.cpu, **changes)}


def certificate(**changes: object):
    return {"certificate": replace(CERTIFICATE, **changes)}


def test_a_fit_machine_has_nothing_but_fine_findings():
    assert findings() == []
    assert len(examine(FIT)) >= 14


def test_what_is_unknown_is_left_out():
    blank = {
        "sysctls": {},
        "memory": None,
        "clock_is_synchronised": None,
        "clock_source": "",
        "huge_pages": "",
    }
    assert findings(**blank) == []
    told = {found.name for found in examine(replace(FIT, **blank))}
    assert told.isdisjoint({"receive buffer", "send buffer", "backlog", "memory", "clock"})


WARNING, PROBLEM = Level.WARNING, Level.PROBLEM
RING = {"packet_interface": "eth0"}
CASES = {
    "a port that somebody else has": (
        {"tcp": Port("TCP 0.0.0.0:8080", 8080, "taken", "nginx (812)")},
        (PROBLEM, "TCP 0.0.0.0:8080 is taken by nginx (812).", "sudo ss -ltnp 'sport = :8080'"),
    ),
    "a port whose holder cannot be seen": (
        {"udp": Port("UDP port 7881", 7881, "taken")},
        (PROBLEM, "UDP port 7881 is taken.", "sudo ss -lunp 'sport = :7881'"),
    ),
    "a port for root": (
        {"tcp": Port("TCP :443", 443, "privileged")},
        (PROBLEM, "needs privileges", "spacescore serve --port 8443"),
    ),
    "an address of another machine": (
        {"tcp": Port("TCP 192.0.2.1:80", 80, "Cannot assign requested address")},
        (PROBLEM, "Cannot assign", "ip -brief address"),
    ),
    "the kernel's default receive buffer": (
        sysctls(net__core__rmem_max=212_992),
        (PROBLEM, "512 small datagrams, 51 ms", "net.core.rmem_max = 8388608"),
    ),
    "a receive buffer of half the size": (
        sysctls(net__core__rmem_max=4 << 20),
        (WARNING, "10,082 small datagrams", "net.core.rmem_max = 8388608"),
    ),
    "a small send buffer": (
        sysctls(net__core__wmem_max=212_992),
        (WARNING, "only 512 packets", "net.core.wmem_max = 4194304"),
    ),
    "a short backlog": (
        sysctls(net__core__netdev_max_backlog=1000),
        (WARNING, "Only 1,000 packets", "net.core.netdev_max_backlog = 5000"),
    ),
    "a firewall whose table will be full": (
        sysctls(net__netfilter__nf_conntrack_max=65_536, net__netfilter__nf_conntrack_count=9),
        (WARNING, "is full, and drops", "--dport 7881 -j NOTRACK"),
    ),
    "no address at all": ({"candidates": ()}, (PROBLEM, "No address", "--announce PUBLIC_IP")),
    "a private address": (
        {"candidates": ("10.0.0.5", "127.0.0.1")},
        (WARNING, "10.0.0.5, which is known in this network only", "--announce PUBLIC_IP"),
    ),
    "loopback": (
        {"candidates": ("127.0.0.1",)},
        (WARNING, "only this machine", "--udp-host 0.0.0.0"),
    ),
    "another address than the world sees": (
        {"stun": Stun("stun:stun.example", mapped="9.9.9.9")},
        (PROBLEM, "The world sees 9.9.9.9, but clients are told 8.8.8.8", "--announce 9.9.9.9"),
    ),
    "a STUN server that is silent": (
        {"stun": Stun("stun:stun.example:3478", error="timed out")},
        (WARNING, "stun:stun.example:3478 does not answer", "turnutils_stunclient stun.example"),
    ),
    "a ring on no interface": (
        {"settings": settings(**RING), "interfaces": frozenset({"lo"})},
        (PROBLEM, "no interface eth0", "ip -brief link"),
    ),
    "a ring without the privilege": (
        {"settings": settings(**RING), "interfaces": frozenset({"eth0"})},
        (PROBLEM, "needs CAP_NET_RAW", "AmbientCapabilities=CAP_NET_RAW"),
    ),
    "no AES": (cpu(flags=frozenset()), (WARNING, "No AES in hardware", "lscpu")),
    "SRTP by OpenSSL": (cpu(srtp="openssl"), (WARNING, "sealed by openssl", "libipsec-mb-dev")),
    "a container with too little time": (
        cpu(quota=1.5),
        (WARNING, "grants 1.5 cores to 4 media threads", "--workers 1"),
    ),
    "more threads than cores": (
        {"settings": settings(workers=9)},
        (WARNING, "9 media threads share 4 cores", "--workers 4"),
    ),
    "too little memory for a full house": (
        {"memory": 100 << 20},
        (WARNING, "100,000 listeners take 0.1 GiB", "--max-listeners 54613"),
    ),
    "no huge pages": ({"huge_pages": "never"}, (WARNING, "Huge pages are off", "echo madvise")),
    "few descriptors": ({"descriptors": 1024}, (WARNING, "Only 1,024", "ulimit -Hn 65536")),
    "a clock that drifts": (
        {"clock_is_synchronised": False},
        (WARNING, "not synchronised", "timedatectl set-ntp true"),
    ),
    "a slow clock": ({"clock_source": "hpet"}, (WARNING, "comes from hpet", "echo tsc")),
    "a full disk": (
        {"disk": Disk("/var/lib", 1 << 20, is_writable=True)},
        (PROBLEM, "0 hours of recording", "du -xh /var/lib"),
    ),
    "a disk that fills up": (
        {"disk": Disk("/var/lib", 2 << 30, is_writable=True)},
        (WARNING, "149 hours of recording", "du -xh /var/lib"),
    ),
    "a folder of somebody else": (
        {"disk": Disk("/var/lib", 1 << 40, is_writable=False)},
        (PROBLEM, "cannot be written to", "sudo install -d -m 700"),
    ),
    "a node that the others do not find": (
        {"settings": settings(public_url="", store="postgresql://db/rooms")},
        (WARNING, "cannot send people here", "--public-url"),
    ),
    "pages without TLS": (
        {"certificate": None, "settings": settings(public_url="")},
        (WARNING, "microphone", "--tls-cert"),
    ),
    "a pair that does not fit": (
        certificate(error="key values mismatch"),
        (PROBLEM, "key values mismatch", "openssl x509 -noout -text -in /c.pem"),
    ),
    "an expired certificate": (
        certificate(expires=NOW - 2 * DAY),
        (PROBLEM, "expired 2 days ago", "certbot renew"),
    ),
    "a certificate for one more week": (
        certificate(expires=NOW + 7.5 * DAY),
        (WARNING, "expires in 7 days", "certbot renew"),
    ),
    "a certificate for others": (
        certificate(names=("other.org", "*.example.net")),
        (
            PROBLEM,
            "for other.org, *.example.net, not for rooms.example.org",
            "-d rooms.example.org",
        ),
    ),
    "a key that all may read": (
        certificate(key_is_private=False),
        (WARNING, "Others may read /k.pem", "sudo chmod 600 /k.pem"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_fault_is_one_finding_with_the_command_that_mends_it(case):
    changes, (level, text, fix) = CASES[case]
    (found,) = findings(**changes)
    assert found.level is level
    assert text in found.text
    assert fix in found.fix
    assert found.text.endswith(".")
    assert shlex.split(found.fix, comments=True), "it can be pasted into a shell"


def test_the_running_nodes_own_ports_are_no_problem():
    port = Port("UDP port 7881", 7881, "taken", "spacescore (7)", is_ours=True)
    assert findings(udp=port, tcp=port) == []


def test_an_announced_address_of_a_nat_is_fine_and_says_what_the_nat_must_do():
    changes = {
        "settings": settings(announce=("9.9.9.9",)),
        "candidates": ("9.9.9.9",),
        "stun": Stun("stun:stun.example", mapped="9.9.9.9"),
    }
    assert findings(**changes) == []
    texts = [found.text for found in examine(replace(FIT, **changes))]
    assert "Clients are told 9.9.9.9, which is a NAT's: it has to forward UDP 7881." in texts


@pytest.mark.parametrize("host", ["ROOMS.example.org", "a.example.net"])
def test_a_certificate_covers_its_names_in_any_case_and_one_label_of_a_wildcard(host):
    assert findings(settings=settings(public_url=f"https://{host}")) == []
    (found,) = findings(settings=settings(public_url="https://a.b.example.net"))
    assert found.level is PROBLEM


def test_a_proxy_that_speaks_tls_will_do():
    assert findings(certificate=None) == []
    local = settings(public_url="", host="127.0.0.1")
    assert findings(certificate=None, settings=local) == []


def test_a_node_that_the_others_find_is_well():
    shared = settings(store="postgresql://db/rooms")
    assert findings(settings=shared) == []
    assert "other nodes" in {found.name for found in examine(replace(FIT, settings=shared))}


def test_checks_never_ask_the_machine():
    found = examine(replace(FIT, settings=settings(data=Path("/nowhere/at/all"))))
    assert all(each.level is Level.OK for each in found)


def test_every_finding_is_explained():
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = text.partition("## What the doctor finds")[2].partition("\n## ")[0]
    explained = {
        name for row in re.findall(r"(?m)^\| ([^|]+) \|", table) for name in row.split(", ")
    }
    assert {name.removesuffix(" port") for _, name, _ in CHECKS} <= {
        name.removesuffix(" port") for name in explained
    }
