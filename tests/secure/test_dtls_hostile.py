"""Bad input into DTLS: it may fail a handshake, never crash, never connect falsely, never swell."""

import os
from itertools import islice
from pathlib import Path

import pytest

from dtls_wire import ALERT, HANDSHAKE, Fragment, Record, fragments_of, records_of
from spacescore._native import _core

CLIENT_HELLO = 1
PAGE = os.sysconf("SC_PAGE_SIZE")
KEEPS_FREED_MEMORY = "asan" in os.environ.get("LD_PRELOAD", "")  # AddressSanitizer's quarantine


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


@pytest.fixture(scope="module")
def contexts():
    return tuple(_core.DtlsContext(_core.Certificate.generate()) for _ in range(2))


class Handshake:
    """A handshake with a certificate on both sides, stopped before its n-th datagram (of four).

    `victim` is who would receive that datagram next, `peer` who sent it.
    """

    def __init__(self, contexts, before):
        client = _core.DtlsSession(contexts[1], role="client", client_certificate=True)
        server = _core.DtlsSession(contexts[0], role="server", client_certificate=True)
        self.peer, self.victim = client, server
        self.datagram = client.poll_transmit()
        for _ in range(before):
            self.deliver()

    def deliver(self):
        self.victim.handle_datagram(0, self.datagram)
        self.peer, self.victim = self.victim, self.peer
        self.datagram = self.peer.poll_transmit()

    def complete(self):
        while self.datagram is not None:
            self.deliver()
        assert (self.peer.state, self.victim.state) == ("connected", "connected")
        assert self.peer.keys().local == self.victim.keys().remote

    def check_victim(self):
        """Either it is not connected, or rightly: then the peer completes with the same keys."""
        if self.victim.state != "connected":
            return
        if self.victim.last_flight:
            self.peer.handle_datagram(0, self.victim.last_flight)
        assert self.peer.state == "connected"
        assert self.victim.keys().local == self.peer.keys().remote


STAGES = pytest.mark.parametrize("stage", range(4))


@STAGES
def test_every_truncation_changes_nothing(contexts, stage):
    handshake = Handshake(contexts, stage)
    for size in range(len(handshake.datagram)):
        handshake.victim.handle_datagram(0, handshake.datagram[:size])
        assert handshake.victim.state == "handshaking"
        assert handshake.victim.poll_transmit() is None
    handshake.complete()


def mutated(contexts, stage, mutations, count, seed):
    """Feeds `count` mutations to victims at a stage; how many failed, how many connected."""
    fates = {"failed": 0, "connected": 0, "handshaking": 0}
    while count > 0:
        handshake = Handshake(contexts, stage)
        for damaged in islice(mutations([handshake.datagram], count=count, seed=seed), 40):
            count -= 1
            handshake.victim.handle_datagram(0, damaged)
            if handshake.victim.state != "handshaking":
                break
        handshake.check_victim()
        fates[handshake.victim.state] += 1
        seed += 1
    return fates


@pytest.mark.parametrize(("stage", "count"), [(0, 45_000), (1, 8_000), (2, 2_000), (3, 5_000)])
def test_mutations_never_connect_falsely_and_memory_stays_flat(contexts, stage, count, mutations):
    """100,000 with those below; fewer where each costs the better part of a handshake."""
    warm_up = count // 10
    mutated(contexts, stage, mutations, warm_up, seed=100_000 + stage)
    before = resident_bytes()
    fates = mutated(contexts, stage, mutations, count - warm_up, seed=stage)
    assert KEEPS_FREED_MEMORY or resident_bytes() - before < 4 << 20
    assert fates["failed"] > 0


def test_mutations_do_not_disturb_a_connected_session(contexts, mutations):
    handshake = Handshake(contexts, 3)
    server = handshake.peer
    keys = server.keys().local
    repeated = Record(HANDSHAKE, 0, 9, bytes(40)).to_bytes()
    alert = Record(ALERT, 1, 1, bytes(26)).to_bytes()
    for damaged in mutations([repeated, alert, handshake.datagram], count=40_000, seed=1):
        server.handle_datagram(0, damaged)
    answers = 0
    while server.poll_transmit() is not None:
        answers += 1
    assert answers <= 1  # repeats that nobody polled between are one
    assert (server.state, server.peer_closed) == ("connected", False)
    assert server.keys().local == keys


@pytest.mark.parametrize(
    "fragment",
    [
        Fragment(CLIENT_HELLO, 0, 0, 0, 0, b""),
        Fragment(CLIENT_HELLO, 131, 0, 0, 0, b""),
        Fragment(CLIENT_HELLO, 131, 0, 131, 0, b""),
        Fragment(CLIENT_HELLO, 131, 0, 100, 32, bytes(32)),
        Fragment(CLIENT_HELLO, 131, 0, 0xFFFFFF, 2, bytes(2)),
        Fragment(CLIENT_HELLO, 0xFFFFFF, 0, 0, 50, bytes(50)),
        Fragment(CLIENT_HELLO, 0xFFFFFF, 0, 0xFFFF00, 50, bytes(50)),
        Fragment(CLIENT_HELLO, 131, 0, 0, 131, bytes(10)),
        Fragment(CLIENT_HELLO, 131, 0, 0, 10, bytes(131)),
        Fragment(CLIENT_HELLO, 10, 0, 0, 131, bytes(131)),
        Fragment(CLIENT_HELLO, 131, 0xFFFF, 0, 131, bytes(131)),
        Fragment(0, 0, 0, 0, 0, b""),
        Fragment(255, 131, 0, 0, 131, bytes(131)),
        Fragment(20, 12, 0, 0, 12, bytes(12)),
    ],
    ids=lambda fragment: "-".join(map(str, fragment[:5])),
)
def test_a_lying_fragment_gets_an_alert_at_most(contexts, fragment):
    handshake = Handshake(contexts, 0)
    server = handshake.victim
    for number in range(3):
        server.handle_datagram(0, fragment.to_record(20 + number))
    answers = list(iter(server.poll_transmit, None))
    assert len(answers) <= (server.state == "failed")
    assert all(record.type == ALERT for answer in answers for record in records_of(answer))
    if server.state == "handshaking":
        handshake.complete()  # it was only dropped


def test_fragments_that_contradict_each_other_never_make_a_hello(contexts):
    server = Handshake(contexts, 0).victim
    for number, size in enumerate((131, 132, 200, 131)):
        server.handle_datagram(
            0, Fragment(CLIENT_HELLO, size, 0, 60, 20, bytes(20)).to_record(number)
        )
    assert all(
        record.type == ALERT
        for answer in iter(server.poll_transmit, None)
        for record in records_of(answer)
    )


@pytest.mark.parametrize("kind", [0, 19, 20, ALERT, HANDSHAKE, 23, 24, 63, 255])
@pytest.mark.parametrize("body", [b"", b"\0", bytes(12), bytes(1300)], ids=len)
def test_any_record_may_come_first(contexts, kind, body):
    for epoch in (0, 1, 0xFFFF):
        handshake = Handshake(contexts, 0)
        handshake.victim.handle_datagram(0, Record(kind, epoch, 7, body).to_bytes())
        assert handshake.victim.state != "connected"
        if handshake.victim.state == "handshaking":
            handshake.complete()


def test_a_huge_datagram_is_not_too_much(contexts):
    handshake = Handshake(contexts, 0)
    handshake.victim.handle_datagram(0, Record(HANDSHAKE, 0, 7, bytes(65_000)).to_bytes())
    assert handshake.victim.state != "connected"


def test_claims_of_large_messages_do_not_set_memory_aside(contexts):
    before = resident_bytes()
    victims = [Handshake(contexts, 0).victim for _ in range(50)]
    for server in victims:
        for sequence in range(64):
            claim = Fragment(11, 0xFFFFFF, sequence, 5, 4, bytes(4))
            server.handle_datagram(0, claim.to_record(sequence))
            claim = Fragment(11, 16_000, sequence, 5, 4, bytes(4))
            server.handle_datagram(0, claim.to_record(100 + sequence))
    assert KEEPS_FREED_MEMORY or (resident_bytes() - before) / len(victims) < 400_000


def test_a_hello_cut_by_another_hello_is_not_mixed_with_it(contexts):
    one, other = Handshake(contexts, 0), Handshake(contexts, 0)
    pieces = fragments_of(one.datagram, 60)
    strange = fragments_of(other.datagram, 60)
    mixed = [pieces[0], strange[1], pieces[2]]
    for number, piece in enumerate(mixed):
        one.victim.handle_datagram(0, piece.to_record(number))
    one.deliver()
    while one.datagram is not None and one.peer.state != "failed":
        one.deliver()
    assert one.peer.state != "connected" or one.peer.keys().local == one.victim.keys().remote
