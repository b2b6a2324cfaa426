"""What does a join cost beside the bare OpenSSL handshake that it cannot do without?

A join: the STUN check with its ticket opened, its integrity verified and its answer sealed,
then the server's half of the DTLS handshake, down to the SRTP keys. The floor is that half on
OpenSSL alone. Only the server's side is timed, in CPU time of this thread; both serve clients
made alike.
"""

from statistics import median
from typing import Any

from handshakes import NOW_US, Clients, Datagrams, bare_handshake, cpu_seconds
from spacescore._native import _core

JOINS = 25  # in a round
ROUNDS = 15
BUDGET = 1.25


class Node:
    """The thing itself, for `JOINS` listeners at once."""

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


def check_request(tickets: Any, number: int) -> bytes:
    ticket = tickets.mint(space=1, role="listener", expiry=2**31)
    ufrag = _core.make_ufrag(ticket, number.to_bytes(12, "big"), 111)
    request = _core.write_binding_request(
        transaction=number.to_bytes(12, "big"),
        username=ufrag + ":abcd",
        priority=1,
        tie_breaker=1,
    )
    return _core.seal_stun(request, tickets.password(ticket))


def bench_join_stun_ticket_and_handshake(benchmark: Any) -> None:
    certificate = _core.Certificate.generate()
    context, client_context = _core.DtlsContext(certificate), _core.DtlsContext(certificate)
    tickets = _core.TicketKeys()
    tickets.add(1, bytes(range(32)))
    requests = [check_request(tickets, number) for number in range(JOINS)]
    joins: list[float] = []
    floors: list[float] = []

    def join() -> float:
        clients, node = Clients(client_context, JOINS), Node(context, tickets)
        hellos = clients.transmit()
        check, answers = cpu_seconds(node.check, requests)
        first, flights = cpu_seconds(node.hello, hellos)
        second, flights = cpu_seconds(node.finish, clients.answer(flights))
        clients.answer(flights)
        assert {len(answer) for answer in answers} == {64}
        assert clients.keys() == node.keys
        return check + first + second

    def floor() -> float:
        return bare_handshake(certificate, client_context, JOINS) * JOINS

    def a_round() -> None:
        for run, times in ((join, joins), (floor, floors))[:: 1 if len(joins) % 2 else -1]:
            times.append(run())

    benchmark.pedantic(a_round, rounds=ROUNDS, warmup_rounds=1)
    ratio = median(j / f for j, f in zip(joins[1:], floors[1:], strict=True))
    benchmark.extra_info |= {
        "floor_ratio": round(ratio, 3),
        "budget": BUDGET,
        "join_us": round(median(joins) / JOINS * 1e6, 1),
        "floor_us": round(median(floors) / JOINS * 1e6, 1),
    }
    assert ratio <= BUDGET, f"{ratio:.3f} times its floor, budget {BUDGET}"
