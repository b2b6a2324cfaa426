"""What does a flood of strangers' datagrams cost the media, and what does it get out of the node?

Strangers send what a joiner sends first: a ClientHello without a check before it, a check without
a ticket, a check with the ticket that everybody may have, from addresses that have a session by
now and from addresses never seen before; and such a check with a ClientHello behind it, whose
answer is several times as large for as long as the node trusts (engine/handshakes.hpp).

Two figures. *Media throughput*, which is gated: a worker with a larger audience than it can serve
sends as many packets as its CPU allows; how many a CPU second, without the flood and with it by
turns. The audience has joined for real, and then stands still: its sockets' buffers are full, so
the kernel drops what is delivered and only the sender works. *Share of a core*: what the flood
costs a worker that has nothing else to do, which wakes for every few datagrams; an absolute time,
and so a figure only. Both in the worker's own CPU time.
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from priority import threads_of
from spacescore._native import _core
from turns import ATTEMPTS
from virtual_peer import VirtualPeer, new_context
from world import KEY, SPACE, tone

RATE = 10_000  # a second: twice what a storm of joins sends
STRANGERS = 64
PLAIN = ("hello", "check", "ticket", "forged")
PAIRS = "check and hello"
HELLO = bytes([22, 0xFE, 0xFF]) + bytes(8) + (120).to_bytes(2, "big") + bytes(120)

BUDGET = 1.05  # of the CPU that a media packet takes without the flood
IDLE_SECONDS = 1.5
FIRST_SECONDS = 0.1  # of a flood of pairs: 500 of them

AUDIENCE, PACKET_MS = 10_000, 20
WANTED = AUDIENCE * 1_000 // PACKET_MS  # packets a second: more than a core sends
RAMP = 40.0  # seconds of joining: no storm, for this is not about joins
WINDOW, ROUNDS = 0.5, 4
LONG_WINDOW, LONG_ROUNDS = 4.0, 2  # of pairs: the places for handshakes go round once
# Within the 30 s after which who does not check is let go; joined is who checks again.
SETTLE, CATCH_UP = 2.0, 4.0


class Worker:
    """A node of one worker, and its thread's CPU time."""

    def __init__(self) -> None:
        before = threads_of(os.getpid())
        self.node = _core.Node(host="127.0.0.1", port=0, workers=1)
        threads = threads_of(os.getpid()) - before
        self.node.add_ticket_key(1, KEY)
        self.node.create_space(SPACE)
        self.node.set_tier(SPACE, PACKET_MS)
        ticket = self.mint("listener")
        self.ticket = {
            "ticket": ticket,
            "password": self.node.password(ticket),
            "fingerprint": self.node.fingerprint,
            "candidates": [{"ip": "127.0.0.1", "port": self.node.port}],
        }
        time.sleep(0.1)
        self.threads = [Path(f"/proc/self/task/{thread}/schedstat") for thread in threads]

    def mint(self, role: str, **more: Any) -> str:
        """A ticket for an hour."""
        expiry = int(time.time()) + 3_600
        return str(self.node.mint(space=SPACE, role=role, expiry=expiry, **more))

    def cpu(self) -> float:
        """Seconds so far."""
        return sum(int(thread.read_text().split()[0]) for thread in self.threads) / 1e9

    def counters(self) -> dict[str, int]:
        """The worker's."""
        return dict(self.node.counters()[0])

    def during(self, what: Callable[[], object]) -> tuple[float, dict[str, int]]:
        """CPU seconds meanwhile, and what was counted."""
        before, used = self.counters(), -self.cpu()
        what()
        used += self.cpu()
        after = self.counters()
        return used, {name: after[name] - before[name] for name in after}

    def speaker(self) -> VirtualPeer:
        """Somebody who has joined and says nothing yet."""
        context = new_context()
        ticket = self.mint("speaker", peer=7, personal=True, requires_certificate=True)
        return VirtualPeer(
            ("127.0.0.1", self.node.port),
            ufrag=_core.make_ufrag(ticket, os.urandom(12), 111, context.fingerprint),
            password=self.node.password(ticket),
            context=context,
            server_fingerprint=bytes.fromhex(self.node.fingerprint.replace(":", "")),
        ).connected()


def check(ufrag: str, password: str) -> bytes:
    request = _core.write_binding_request(
        transaction=random.randbytes(12),
        username=f"{ufrag}:flood",
        priority=1,
        tie_breaker=1,
        use_candidate=True,
    )
    return bytes(_core.seal_stun(request, password))


def datagrams(kind: str, ticket: dict[str, Any], seconds: float) -> list[bytes]:
    def make(number: int) -> bytes:
        if kind == PAIRS and number % 2:
            return session_hello
        if kind == "hello":
            return HELLO
        if kind == "check":
            return check("A" * 85, "x" * 32)
        ufrag = _core.make_ufrag(ticket["ticket"], random.randbytes(12), 111)
        return check(ufrag, ticket["password"])

    context = _core.DtlsContext(_core.Certificate.generate())
    session_hello = _core.DtlsSession(context, role="client").poll_transmit() or b""
    return [make(number) for number in range(int(RATE * seconds))]


def paced(send: Callable[[int, bytes], object], flood: list[bytes]) -> None:
    start = time.perf_counter()
    for number, datagram in enumerate(flood):
        send(number, datagram)
        ahead = start + number / RATE - time.perf_counter()
        if ahead > 1e-3:
            time.sleep(ahead)


class Strangers:
    """Who sends from 64 addresses, or each datagram from another."""

    def __init__(self, port: int) -> None:
        self.sockets = []
        for number in range(STRANGERS):
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            stranger.bind((f"127.66.{number}.1", 0))
            stranger.connect(("127.0.0.1", port))
            self.sockets.append(stranger)
        self.forger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.forger.bind(("", 0))
        self.to = ("127.0.0.1", port)
        self.source = bytes(4)

    def send(self, kind: str, flood: list[bytes]) -> None:
        """Send them at `RATE`."""
        sends: dict[str, Callable[[int, bytes], object]] = {
            "forged": self._forge,
            PAIRS: self._forge_pair,
        }
        paced(sends.get(kind, self._send), flood)

    def _send(self, number: int, datagram: bytes) -> None:
        self.sockets[number % STRANGERS].send(datagram)

    def _forge_pair(self, number: int, datagram: bytes) -> None:
        self._forge(number, datagram, anew=number % 2 == 0)

    def _forge(self, _: int, datagram: bytes, *, anew: bool = True) -> None:
        if anew:
            self.source = bytes([127, 100 + random.randrange(100)]) + random.randbytes(2)
        info = struct.pack("=I4s4s", 0, self.source, bytes(4))  # in_pktinfo
        self.forger.sendmsg([datagram], [(socket.IPPROTO_IP, 8, info)], 0, self.to)  # IP_PKTINFO

    def close(self) -> None:
        """Let the addresses go."""
        for each in [*self.sockets, self.forger]:
            each.close()


class Stage:
    """A worker with more to send than it can, and how much that is from window to window."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.strangers = Strangers(self.worker.node.port)
        command = [sys.executable, "-m", "spacescore", "load", "--ticket", "-", "-n", str(AUDIENCE)]
        self.crowd = subprocess.Popen(
            [*command, "--over", str(RAMP), "--join-timeout", "60", "--duration", "900"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.crowd.stdin
        with self.crowd.stdin as ticket:
            ticket.write(json.dumps(self.worker.ticket))
        self.speaker = self.worker.speaker()
        # Of each kind, packets a CPU second: without the flood just before, and with it.
        self.rates: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.measured: dict[tuple[str, ...], int] = defaultdict(int)

    def fill(self) -> None:
        """Until nearly everybody has joined."""
        until = time.monotonic() + 3 * RAMP
        while self.worker.counters()["listeners"] < 0.95 * AUDIENCE:
            if time.monotonic() > until:
                pytest.skip("too busy a machine: not even an audience could join in time")
            time.sleep(0.5)

    def measure(self, kinds: tuple[str, ...], window: float, rounds: int) -> None:
        """These kinds by turns."""
        self.measured[kinds] += 1
        flood = {kind: datagrams(kind, self.worker.ticket, window) for kind in kinds}
        self.crowd.send_signal(signal.SIGCONT)
        time.sleep(CATCH_UP)
        self.crowd.send_signal(signal.SIGSTOP)
        self.speaker.say(tone(440))
        time.sleep(SETTLE)
        for _ in range(rounds):
            for kind in kinds:
                quiet = self.packets_per_second(lambda: time.sleep(window), window)
                send = partial(self.strangers.send, kind, flood[kind])
                with_flood = self.packets_per_second(send, window)
                self.rates[kind].append((quiet, with_flood))
        self.speaker.say(None)
        self.crowd.send_signal(signal.SIGCONT)  # for the benches of an idle worker take time, too
        assert self.worker.counters()["listeners"] >= 0.9 * AUDIENCE  # others were late

    def packets_per_second(self, what: Callable[[], object], seconds: float) -> float:
        """To the audience, by CPU second of the worker."""
        used, did = self.worker.during(what)
        packets = did["packets_sent"] - did["checks_answered"]
        assert packets < WANTED * seconds, "the worker has time to spare: take a larger audience"
        return packets / used

    def best(self, kind: str) -> tuple[float, float]:
        """The quietest windows, as everywhere: once more while over budget."""
        long = kind == PAIRS
        kinds = (PAIRS,) if long else PLAIN
        window, rounds = (LONG_WINDOW, LONG_ROUNDS) if long else (WINDOW, ROUNDS)
        while self.measured[kinds] < ATTEMPTS:
            if self.measured[kinds]:
                quiet, flooded = map(max, zip(*self.rates[kind], strict=True))
                if quiet <= BUDGET * flooded:
                    break
            self.measure(kinds, window, rounds)
        quiet, flooded = map(max, zip(*self.rates[kind], strict=True))
        return quiet, flooded

    def close(self) -> None:
        """Whatever became of it."""
        self.crowd.kill()
        self.crowd.wait()
        self.speaker.leave()
        self.strangers.close()
        self.worker.node.close()


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with closing(Stage()) as stage:
        stage.fill()
        yield stage


def idle_cost(kind: str, seconds: float = IDLE_SECONDS) -> tuple[float, dict[str, int]]:
    """CPU seconds a datagram of an idle worker, and what was counted."""
    worker = Worker()
    strangers = Strangers(worker.node.port)
    flood = datagrams(kind, worker.ticket, seconds)
    with closing(worker.node), closing(strangers):
        idle, _ = worker.during(lambda: time.sleep(seconds))
        used, did = worker.during(lambda: strangers.send(kind, flood))
    return max(used - idle, 0.0) / len(flood), did


@pytest.mark.benchmark(group="flood")
@pytest.mark.parametrize("kind", [*PLAIN, PAIRS])
def bench_flood_of_strangers(benchmark: Any, stage: Stage, kind: str) -> None:
    seconds, did = benchmark.pedantic(idle_cost, args=(kind,), rounds=1)
    quiet, flooded = stage.best(kind)
    ratio = quiet / flooded
    benchmark.extra_info.update(
        us_per_datagram=round(seconds * 1e6, 2),
        share_of_a_core=round(RATE * seconds, 4),
        packets_per_cpu_second=round(quiet),
        packets_per_cpu_second_flooded=round(flooded),
        throughput_lost_percent=round(100 * (1 - flooded / quiet), 2),
        floor_ratio=round(ratio, 3),
        budget=BUDGET,
        bytes_received=did["bytes_received"],
        bytes_sent=did["bytes_sent"],
        sent_per_received=round(did["bytes_sent"] / did["bytes_received"], 3),
    )
    assert did["packets_received"] >= 0.9 * RATE * IDLE_SECONDS
    assert did["bytes_sent"] < did["bytes_received"]
    assert ratio <= BUDGET, f"{1 - flooded / quiet:.1%} of media throughput"


@pytest.mark.benchmark(group="flood")
def bench_flood_of_forged_handshakes_begins(benchmark: Any) -> None:
    """Whoever comes first is trusted with three times what they sent: so it is until 128 were."""
    _, did = benchmark.pedantic(idle_cost, args=(PAIRS, FIRST_SECONDS), rounds=1)
    times = did["bytes_sent"] / did["bytes_received"]
    benchmark.extra_info.update(
        bytes_received=did["bytes_received"],
        bytes_sent=did["bytes_sent"],
        sent_per_received=round(times, 3),
    )
    assert times < 1
