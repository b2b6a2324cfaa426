"""What does a flood of strangers' datagrams cost the media, and what does it get out of the node?

Strangers at many addresses send what a joiner sends first: a ClientHello without a check before
it, a check without a ticket, a check with the ticket that everybody may have. CPU of the server's
process for each of them, against that of a media packet to a listener, in the same run.
"""

import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from served import Served
from spacescore._native import _core
from spacescore.load import LoadPlan, Ramp, run

RATE, SECONDS = 10_000, 1.5  # twice what a storm of joins sends
STRANGERS = 64
SHARE = 0.05  # of a core's media
# Whoever has no ticket costs less than a packet to a listener does; the price of that on the same
# machine is the measure. A ticket takes two hashes and a cipher more, until the slots are full.
BUDGET = {"hello": 1.0, "check": 1.0}
HELLO = bytes([22, 0xFE, 0xFF]) + bytes(8) + (120).to_bytes(2, "big") + bytes(120)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("flood"), "--demo", "--workers", "1")
    yield served
    served.end()


def check(ufrag: str, password: str) -> bytes:
    request = _core.write_binding_request(
        transaction=random.randbytes(12),
        username=f"{ufrag}:flood",
        priority=1,
        tie_breaker=1,
        use_candidate=True,
    )
    return bytes(_core.seal_stun(request, password))


def makers(served: Served) -> dict[str, Callable[[], bytes]]:
    ticket = served.ticket()

    def ticketed() -> bytes:
        ufrag = _core.make_ufrag(ticket["ticket"], random.randbytes(12), 111)
        return check(ufrag, ticket["password"])

    return {
        "hello": lambda: HELLO,
        "check": lambda: check("A" * 85, "x" * 32),
        "ticket": ticketed,
    }


def cpu_seconds(pid: int) -> float:
    """Of all threads, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def flood(port: int, datagrams: list[bytes]) -> int:
    """Send them at `RATE` from many addresses; how many were sent."""
    sockets = []
    for number in range(STRANGERS):
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.bind((f"127.66.{number}.1", 0))
        stranger.connect(("127.0.0.1", port))
        sockets.append(stranger)
    start = time.perf_counter()
    for number, datagram in enumerate(datagrams):
        sockets[number % STRANGERS].send(datagram)
        ahead = start + number / RATE - time.perf_counter()
        if ahead > 1e-3:
            time.sleep(ahead)
    for stranger in sockets:
        stranger.close()
    return len(datagrams)


@pytest.fixture(scope="module")
def media_us(served: Served) -> float:
    """CPU of a packet to a listener."""
    report = run(
        LoadPlan(
            f"{served.url}/s/demo", listeners=500, speakers=1, ramp=Ramp(seconds=0.5), duration=3.0
        )
    )
    assert report.joins.joined == 500, report.joins.failures
    assert report.server is not None
    assert report.server.us_per_packet is not None
    return report.server.us_per_packet


@pytest.mark.benchmark(group="flood")
@pytest.mark.parametrize("kind", ["hello", "check", "ticket"])
def bench_flood_of_strangers(benchmark: Any, served: Served, media_us: float, kind: str) -> None:
    datagrams = [makers(served)[kind]() for _ in range(int(RATE * SECONDS))]
    port, pid = served.ticket()["candidates"][0]["port"], served.process.pid
    idle = -cpu_seconds(pid)
    time.sleep(SECONDS)
    idle += cpu_seconds(pid)
    sent, received = served.metric("bytes_sent_total"), served.metric("bytes_received_total")
    busy = -cpu_seconds(pid)
    count = benchmark.pedantic(flood, args=(port, datagrams), rounds=1)
    busy += cpu_seconds(pid)
    sent = served.metric("bytes_sent_total") - sent
    received = served.metric("bytes_received_total") - received
    stranger_us = max(busy - idle, 0.0) / count * 1e6
    ratio = stranger_us / media_us
    benchmark.extra_info.update(
        us_per_datagram=round(stranger_us, 2),
        media_us_per_packet=round(media_us, 2),
        floor_ratio=round(ratio, 2),
        budget=BUDGET.get(kind),
        share_of_a_core=round(RATE * stranger_us / 1e6, 4),
        share_budget=SHARE,
        sent_per_received=round(sent / received, 3),
    )
    assert received >= 0.9 * sum(map(len, datagrams))
    assert sent < received
    assert ratio <= BUDGET.get(kind, float("inf"))
