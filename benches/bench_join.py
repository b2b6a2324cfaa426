"""What does a join cost beside the bare OpenSSL handshake that it cannot do without?

A join: the STUN check with its ticket opened, its integrity verified and its answer sealed,
then the server's half of the DTLS handshake, down to the SRTP keys. The floor is that half on
OpenSSL alone. Only the server's side is timed, in CPU time of this thread; both serve clients
made alike.

Twice: by the parts alone, and through the engine with all else that a join is there, from the
line for the CPU to the listener's row, the indices and the event. No kernel is in either: the storm
has it (bench_storm.py).
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

from handshakes import NOW_US, Clients, Datagrams, bare_handshake, cpu_seconds
from spacescore._native import _core
from turns import ATTEMPTS
from world import KEY, SPACE

JOINS = 25  # in a round
ROUNDS = 15
BUDGET = 1.25


class Parts:
    """What a join cannot do without, for `JOINS` listeners at once."""

    def __init__(self, context: Any, tickets: Any) -> None:
        self.context, self.tickets = context, tickets
        self.sessions: list[Any] = []
        self.keys: list[bytes] = []

    def check(self, requests: Datagrams) -> Datagrams:
        """Opens each ticket, verifies each check, and answers it."""
        answers = []
        for request in requests:
            message = _core.parse_stun(request)
            ufrag = message.username.partition(b":")[0].decode()
            password = self.tickets.open(ufrag, NOW_US).password
            assert _core.verify_integrity(request, password)
            answer = _core.write_binding_success(message.transaction, ("192.0.2.1", 40_000))
            answers.append(_core.seal_stun(answer, password))
        return answers

    def hello(self, datagrams: Datagrams) -> Datagrams:
        """The first flights."""
        for datagram in datagrams:
            session = _core.DtlsSession(self.context, role="server", now_us=NOW_US)
            session.handle_datagram(NOW_US, datagram)
            self.sessions.append(session)
        return [session.poll_transmit() or b"" for session in self.sessions]

    def finish(self, datagrams: Datagrams) -> Datagrams:
        """The last flights; the keys stay, the sessions go."""
        answers = []
        for datagram in datagrams:
            session = self.sessions.pop(0)
            session.handle_datagram(NOW_US, datagram)
            self.keys.append(session.keys().local)
            answers.append(session.poll_transmit())
        return answers


class Whole:
    """The engine itself, with a space that knows its listeners by name."""

    def __init__(self, certificate: Any) -> None:
        self.engine = _core.Engine(
            now_us=NOW_US,
            unix_us=NOW_US,
            max_listeners=JOINS,
            certificate_pem=certificate.certificate_pem,
            private_key_pem=certificate.private_key_pem,
        )
        self.engine.add_ticket_key(1, KEY)
        self.engine.create_space(NOW_US, SPACE)
        self.addresses = [("192.0.2.1", 40_000 + number) for number in range(JOINS)]

    def handle(self, datagrams: Datagrams) -> Datagrams:
        """One of each, and the answers."""
        for address, datagram in zip(self.addresses, datagrams, strict=True):
            self.engine.handle_datagram(NOW_US, address, datagram)
        answers = dict(self.engine.poll_transmits(NOW_US))
        return [answers[address] for address in self.addresses]

    check = hello = finish = handle


def check_request(tickets: Any, number: int) -> bytes:
    ticket = tickets.mint(
        space=SPACE, role="listener", peer=1 + number, personal=True, expiry=2**31
    )
    ufrag = _core.make_ufrag(ticket, number.to_bytes(12, "big"), 111)
    request = _core.write_binding_request(
        transaction=number.to_bytes(12, "big"),
        username=ufrag + ":abcd",
        priority=1,
        tie_breaker=1,
        use_candidate=True,
    )
    return _core.seal_stun(request, tickets.password(ticket))


class Joins:
    """Crowds of `JOINS` at a server and at the bare library, by turns."""

    def __init__(self) -> None:
        self.certificate = _core.Certificate.generate()
        self.client_context = _core.DtlsContext(self.certificate)
        self.tickets = _core.TicketKeys()
        self.tickets.add(1, KEY)
        self.requests = [check_request(self.tickets, number) for number in range(JOINS)]
        self.keys: list[bytes] = []  # of the crowd that came last

    def at(self, server: Parts | Whole) -> float:
        """CPU seconds of one crowd."""
        clients = Clients(self.client_context, JOINS)
        hellos = clients.transmit()
        check, answers = cpu_seconds(server.check, self.requests)
        first, flights = cpu_seconds(server.hello, hellos)
        second, flights = cpu_seconds(server.finish, clients.answer(flights))
        clients.answer(flights)
        assert {len(answer) for answer in answers} == {64}
        self.keys = clients.keys()
        return check + first + second

    def bare(self) -> float:
        """The same of the library alone."""
        return bare_handshake(self.certificate, self.client_context, JOINS) * JOINS

    def against_bare(self, benchmark: Any, join: Callable[[], float]) -> None:
        """Gates on the median of the rounds' ratios."""
        joins: list[float] = []
        floors: list[float] = []

        def a_round() -> None:
            for run, times in ((join, joins), (self.bare, floors))[:: 1 if len(joins) % 2 else -1]:
                times.append(run())

        benchmark.pedantic(a_round, rounds=ROUNDS, warmup_rounds=1)
        for _ in range(ATTEMPTS):
            ratio = median(j / f for j, f in zip(joins[-ROUNDS:], floors[-ROUNDS:], strict=True))
            if ratio <= BUDGET:
                break
            for _ in range(ROUNDS):
                a_round()
        join_us, floor_us = (median(each[-ROUNDS:]) / JOINS * 1e6 for each in (joins, floors))
        benchmark.extra_info |= {
            "floor_ratio": round(ratio, 3),
            "budget": BUDGET,
            "join_us": round(join_us, 1),
            "floor_us": round(floor_us, 1),
            "joins_per_second_and_core": round(1e6 / join_us),
        }
        assert ratio <= BUDGET, f"{ratio:.3f} times its floor, budget {BUDGET}"


@pytest.mark.benchmark(group="join")
def bench_join_stun_ticket_and_handshake(benchmark: Any) -> None:
    joins = Joins()
    context = _core.DtlsContext(joins.certificate)

    def by_parts() -> float:
        parts = Parts(context, joins.tickets)
        seconds = joins.at(parts)
        assert parts.keys == joins.keys
        return seconds

    joins.against_bare(benchmark, by_parts)


@pytest.mark.benchmark(group="join")
def bench_join_through_the_engine(benchmark: Any) -> None:
    joins = Joins()

    def through_the_engine() -> float:
        whole = Whole(joins.certificate)
        seconds = joins.at(whole)
        assert whole.engine.listeners == JOINS
        assert len(whole.engine.poll_events()) == JOINS
        return seconds

    joins.against_bare(benchmark, through_the_engine)
