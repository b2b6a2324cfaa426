"""What does a sealed datagram to a listener cost beside the bare system call?"""

import secrets
import socket
from typing import Any

import pytest

from spacescore._native import _core

LISTENERS = 2_000
BUDGET = 1.10
GCM_TAG, RTP_HEADER = 16, 12


@pytest.fixture
def sink() -> Any:
    """A socket that nobody reads: the kernel drops what comes once its buffer is full."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        receiver.bind(("::", 0))
        yield receiver.getsockname()[1]


@pytest.mark.benchmark(group="send")
@pytest.mark.parametrize("payload", [80, 240])
def bench_send_srtp_through_a_real_socket(against_floor: Any, sink: int, payload: int) -> None:
    audience = _core.Audience(LISTENERS)
    addresses = [(f"127.0.{1 + i // 250}.{1 + i % 250}", sink) for i in range(LISTENERS)]
    for address in addresses:
        audience.add(address, secrets.token_bytes(16), secrets.token_bytes(12))
    ours, bare = _core.UdpSocket(), _core.UdpSocket()
    frame = secrets.token_bytes(payload)
    size = RTP_HEADER + payload + GCM_TAG

    assert audience.send_all(ours, frame) == LISTENERS
    assert _core.floor_sendmmsg(bare, addresses, size) == LISTENERS
    against_floor(
        lambda: audience.send_all(ours, frame),
        lambda: _core.floor_sendmmsg(bare, addresses, size),
        budget=BUDGET,
        units=LISTENERS,
    )
