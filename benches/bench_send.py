"""What does a sealed datagram to a listener cost beside the bare way into the kernel?

By a socket, and around the socket layer by a ring of frames. The ring's listeners are behind a
pair of virtual interfaces whose far end throws away what is not addressed to it: nearly a card,
but for what the kernel charges the sender for carrying each frame across.
"""

import os
import secrets
import socket
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest

from netns import Namespace, ip
from spacescore._native import _core
from turns import by_turns

LISTENERS = 2_000
BUDGET = 1.10
RING_BUDGET = 1.3  # routing, headers, a checksum and the seal, beside a third of a socket's floor
GCM_TAG, RTP_HEADER = 16, 12
ETHERNET_IP_UDP = 14 + 20 + 8
BEHIND_IT = IPv4Network((0xC6130000 + (os.getpid() % 16 << 12), 20))  # of 198.19.0.0/16
FOREIGN = "02:00:5e:10:00:09"  # nobody's MAC address


@pytest.fixture
def sink() -> Any:
    """A socket that nobody reads: the kernel drops what comes once its buffer is full."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiver.bind(("::", 0))
        yield receiver.getsockname()[1]


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A network behind a gateway that is not there."""
    namespace = Namespace()
    gateway = namespace.guest.removesuffix("2") + "9"
    try:
        ip(f"neigh add {gateway} lladdr {FOREIGN} dev {namespace.near} nud permanent")
        ip(f"route add {BEHIND_IT} via {gateway} dev {namespace.near}")
        yield namespace
    finally:
        namespace.remove()


def audience_at(addresses: list[tuple[str, int]]) -> Any:
    audience = _core.Audience(len(addresses))
    for address in addresses:
        audience.add(address, secrets.token_bytes(16), secrets.token_bytes(12))
    return audience


@pytest.mark.benchmark(group="send")
@pytest.mark.parametrize("payload", [80, 240])
def bench_send_srtp_through_a_real_socket(against_floor: Any, sink: int, payload: int) -> None:
    addresses = [(f"127.0.{1 + i // 250}.{1 + i % 250}", sink) for i in range(LISTENERS)]
    audience = audience_at(addresses)
    ours, bare = _core.UdpSocket(), _core.UdpSocket()
    frame = secrets.token_bytes(payload)
    datagrams = _core.FloorDatagrams(addresses, RTP_HEADER + payload + GCM_TAG)

    assert audience.send_all(ours, frame) == LISTENERS
    assert datagrams.send(bare) == LISTENERS
    against_floor(
        lambda: audience.send_all(ours, frame),
        lambda: datagrams.send(bare),
        budget=BUDGET,
        units=LISTENERS,
    )


@pytest.mark.benchmark(group="send")
@pytest.mark.parametrize("payload", [80, 240])
def bench_send_srtp_through_a_ring(
    benchmark: Any, against_floor: Any, namespace: Namespace, payload: int
) -> None:
    audience = audience_at([(str(BEHIND_IT[i]), 9) for i in range(LISTENERS)])
    ours, frame = _core.UdpSocket(namespace.host), secrets.token_bytes(payload)
    sender, ring = _core.PacketSender(namespace.near), _core.TransmitRing(namespace.near)
    sender.use(_core.NextHopReader(namespace.near).read())
    bare = a_frame(namespace, RTP_HEADER + payload + GCM_TAG)

    def by_ring() -> None:
        audience.send_all(ours, frame, around=sender)

    def by_socket() -> None:
        audience.send_all(ours, frame)

    by_ring()
    assert {name: count for name, count in sender.counters().items() if count} == {
        "ring_packets": LISTENERS
    }
    assert _core.floor_ring(ring, bare, LISTENERS) == LISTENERS
    against_floor(
        by_ring,
        lambda: _core.floor_ring(ring, bare, LISTENERS),
        budget=RING_BUDGET,
        units=LISTENERS,
    )
    socket_seconds, ring_seconds = by_turns(by_socket, by_ring, 25)
    benchmark.extra_info.update(
        socket_ns_per_unit=round(socket_seconds / LISTENERS * 1e9, 1),
        gain_over_socket=round(socket_seconds / ring_seconds, 2),
    )
    assert sender.counters()["ring_fallbacks"] == 0
    assert ring_seconds < socket_seconds


def a_frame(namespace: Namespace, payload: int) -> bytes:
    """As long as ours, and as little wanted at the far end."""
    own = ip(f"-brief link show {namespace.near}").split()[2]
    macs = bytes.fromhex((FOREIGN + own).replace(":", ""))
    return (macs + b"\x08\x00\x45").ljust(ETHERNET_IP_UDP + payload, b"\0")
