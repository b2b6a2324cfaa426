import hashlib
import ssl
from itertools import islice, permutations

import pytest

from dtls_wire import ALERT, HANDSHAKE, drain, feed, fragments_of, records_of
from netem import Link, run
from spacescore._native import _core

CM_80, GCM = 1, 7
HELLO_VERIFY_REQUEST = 3
GIVEN_UP_US = (250 + 500 + 1000 + 2000 + 4000 + 8000) * 1000


@pytest.fixture(scope="module")
def server_context():
    return _core.DtlsContext(_core.Certificate.generate())


@pytest.fixture(scope="module")
def client_context():
    return _core.DtlsContext(_core.Certificate.generate())


def server_of(context, **options):
    return _core.DtlsSession(context, role="server", **options)


def client_of(context, **options):
    return _core.DtlsSession(context, role="client", **options)


def pump(client, server):
    """Both ways until neither has anything to say."""
    while True:
        ups, downs = drain(client), drain(server)
        if not ups and not downs:
            return
        feed(server, ups)
        feed(client, downs)


@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.parametrize("server_only", [None, CM_80, GCM])
@pytest.mark.parametrize("client_only", [None, CM_80, GCM])
def test_both_ends_agree_on_profile_and_keys(mutual, server_only, client_only):
    server_context = _core.DtlsContext(_core.Certificate.generate(), server_only)
    client_context = _core.DtlsContext(_core.Certificate.generate(), client_only)
    server = server_of(server_context, client_certificate=mutual)
    client = client_of(client_context, client_certificate=mutual)
    pump(client, server)
    if None not in (server_only, client_only) and server_only != client_only:
        assert (server.state, client.state) == ("failed", "failed")
        return
    assert (server.state, client.state) == ("connected", "connected")
    ours, theirs = server.keys(), client.keys()
    assert ours.profile == theirs.profile == (server_only or client_only or GCM)
    assert (ours.local, ours.remote) == (theirs.remote, theirs.local)
    assert ours.local != ours.remote
    assert len(ours.local) == 16 + (12 if ours.profile == GCM else 14)
    assert client.peer_fingerprint == server_context.fingerprint
    assert server.peer_fingerprint == (client_context.fingerprint if mutual else None)


def test_flights_are_single_datagrams_and_the_last_is_75_bytes(server_context, client_context):
    server, client = server_of(server_context), client_of(client_context)
    feed(server, drain(client))
    (flight,) = drain(server)
    assert len(flight) < 620
    feed(client, [flight])
    feed(server, drain(client))
    assert drain(server) == [server.last_flight]
    assert len(server.last_flight) == 75
    assert client.last_flight == b""


def test_keys_differ_from_session_to_session(server_context, client_context):
    seen = set()
    for _ in range(3):
        server, client = server_of(server_context), client_of(client_context)
        pump(client, server)
        seen |= {server.keys().local, server.keys().remote}
    assert len(seen) == 6


def test_there_are_no_keys_before_connected(server_context):
    with pytest.raises(RuntimeError, match="connected"):
        server_of(server_context).keys()


def test_a_server_that_asks_refuses_a_client_without_a_certificate(server_context, client_context):
    server = server_of(server_context, client_certificate=True)
    client = client_of(client_context, client_certificate=False)
    pump(client, server)
    assert (server.state, client.state) == ("failed", "failed")
    assert client.peer_closed
    assert not server.peer_closed


def test_somebody_elses_certificate_shows_in_the_fingerprint(server_context, client_context):
    stranger = _core.DtlsContext(_core.Certificate.generate())
    server = server_of(server_context, client_certificate=True)
    pump(client_of(stranger, client_certificate=True), server)
    assert server.state == "connected"
    assert server.peer_fingerprint == stranger.fingerprint != client_context.fingerprint


def test_the_fingerprint_is_the_certificates_and_is_written_as_sdp_has_it():
    certificate = _core.Certificate.generate(days=7)
    context = _core.DtlsContext(certificate)
    der = ssl.PEM_cert_to_DER_cert(certificate.certificate_pem)
    assert context.fingerprint == hashlib.sha256(der).digest()
    assert context.fingerprint_text == context.fingerprint.hex(":").upper()


def test_a_certificate_survives_its_pem():
    made = _core.Certificate.generate()
    again = _core.Certificate(made.certificate_pem, made.private_key_pem)
    assert _core.DtlsContext(again).fingerprint == _core.DtlsContext(made).fingerprint


def test_bad_certificates_are_refused_with_a_reason():
    one, other = _core.Certificate.generate(), _core.Certificate.generate()
    rsa = _core.Certificate(one.certificate_pem, rsa_key_pem())
    for certificate, reason in [
        (_core.Certificate("", one.private_key_pem), "certificate is no PEM"),
        (_core.Certificate(one.certificate_pem, "nonsense"), "private key is no PEM"),
        (_core.Certificate(one.certificate_pem, other.private_key_pem), "not the certificate's"),
        (rsa, "not ECDSA P-256"),
    ]:
        with pytest.raises(RuntimeError, match=reason):
            _core.DtlsContext(certificate)


def rsa_key_pem():
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    return (
        rsa.generate_private_key(65537, 1024)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@pytest.mark.parametrize("seed", range(64))
def test_the_handshake_completes_over_a_bad_network(server_context, client_context, seed):
    mutual = seed % 2 == 1
    server = server_of(server_context, client_certificate=mutual)
    client = client_of(client_context, client_certificate=mutual)
    bad = {"loss": 0.2, "jitter_us": 30_000, "duplicate": 0.1, "reorder": 0.2}
    ups, downs = Link(2 * seed, **bad), Link(2 * seed + 1, **bad)
    run(client, server, ups, downs)
    assert (server.state, client.state) == ("connected", "connected")
    assert server.keys().local == client.keys().remote


def test_the_network_is_the_same_for_the_same_seed(server_context, client_context):
    runs = []
    for _ in range(2):
        server, client = server_of(server_context), client_of(client_context)
        links = [Link(seed, loss=0.3, jitter_us=9_000, reorder=0.3) for seed in (5, 6)]
        end_us = run(client, server, *links)
        runs.append((end_us, [[at for at, _ in link.sent] for link in links]))
    assert runs[0] == runs[1]


@pytest.mark.parametrize("start_us", [0, 7, -5_000_000, 1 << 60])
def test_a_client_retransmits_after_250_ms_doubling_and_gives_up_after_the_fifth(
    client_context, start_us
):
    client = client_of(client_context, now_us=start_us)
    times = []
    now_us = start_us
    while client.state == "handshaking":
        times += [now_us - start_us for _ in drain(client)]
        now_us = client.next_timeout
        client.handle_timeout(now_us - 1)
        assert drain(client) == []
        client.handle_timeout(now_us)
    assert times == [0, 250_000, 750_000, 1_750_000, 3_750_000, 7_750_000]
    assert now_us - start_us == GIVEN_UP_US
    assert (client.state, client.next_timeout, drain(client)) == ("failed", None, [])


def test_a_server_retransmits_its_flight_on_the_same_schedule(server_context, client_context):
    server, client = server_of(server_context), client_of(client_context)
    hello = drain(client)
    for _ in range(12):  # repeated hellos lift the amplification bound
        feed(server, hello, now_us=40_000)
    times = []
    while server.state == "handshaking":
        times += [(server.next_timeout, len(datagram)) for datagram in drain(server)]
        server.handle_timeout(server.next_timeout)
    due = [290_000, 790_000, 1_790_000, 3_790_000, 7_790_000, 15_790_000]
    assert [at for at, _ in times] == due
    assert len({size for _, size in times}) == 1
    assert drain(server) == []


def test_a_server_that_never_hears_a_hello_ends_too(server_context):
    server = server_of(server_context, now_us=1_000)
    while (due := server.next_timeout) is not None:
        now_us = due
        server.handle_timeout(now_us)
        assert drain(server) == []
    assert now_us == GIVEN_UP_US + 1_000


def test_a_retransmission_repeats_messages_under_new_record_numbers(server_context, client_context):
    server, client = server_of(server_context), client_of(client_context)
    hello = drain(client)
    feed(server, hello * 4)
    (first,) = drain(server)
    server.handle_timeout(250_000)
    (second,) = drain(server)
    one, two = list(records_of(first)), list(records_of(second))
    assert [record.body for record in one] == [record.body for record in two]
    numbers = [record.number for record in one + two]
    assert numbers == list(range(len(numbers)))
    feed(client, [second])
    pump(client, server)
    assert (server.state, client.state) == ("connected", "connected")
    (ccs, finished) = records_of(server.last_flight)
    assert (ccs.epoch, ccs.number, finished.epoch) == (0, len(numbers), 1)


@pytest.mark.parametrize("lost", range(4))
def test_the_loss_of_any_one_datagram_costs_one_timeout(server_context, client_context, lost):
    server, client = server_of(server_context), client_of(client_context)
    side = lost % 2
    fates = [lambda count, _, at=lost // 2: count != at, None]
    ups, downs = (Link(0, delay_us=10_000, filter=fates[side ^ way]) for way in (0, 1))
    times = {}

    def done():
        return client.state == "connected"

    times["end"] = run(client, server, ups, downs, done=done)
    assert (server.state, client.state) == ("connected", "connected")
    assert 290_000 <= times["end"] <= 40_000 + 2 * 250_000


def test_a_repeated_client_flight_is_answered_with_the_last_flight_five_times_at_most(
    server_context, client_context
):
    server, client = server_of(server_context), client_of(client_context)
    feed(server, drain(client))
    feed(client, drain(server))
    flight = drain(client)
    feed(server, flight)
    (first,) = drain(server)
    answers = []
    for _ in range(9):
        feed(server, flight)
        answers += drain(server)
    assert len(answers) == 5
    feed(client, answers[-1:])
    assert (client.state, first) == ("connected", first)
    assert client.keys().remote == server.keys().local


@pytest.mark.parametrize("size", [1, 7, 80, 140])
@pytest.mark.parametrize("order", ["forward", "backward", "inside out"])
def test_a_hello_in_fragments_is_put_together(server_context, client_context, size, order):
    server, client = server_of(server_context), client_of(client_context)
    (hello,) = drain(client)
    fragments = fragments_of(hello, size)
    if order == "backward":
        fragments.reverse()
    elif order == "inside out":
        fragments = fragments[1::2] + fragments[::2]
    for number, fragment in enumerate(fragments):
        assert server.poll_transmit() is None
        server.handle_datagram(0, fragment.to_record(number))
    feed(client, drain(server))
    for datagram in drain(client):
        server.handle_datagram(0, numbered_from(1000, datagram))
    feed(client, drain(server))
    assert (server.state, client.state) == ("connected", "connected")


def numbered_from(number, datagram):
    """The client does not know how many records its hello was cut into."""
    return b"".join(
        record._replace(number=record.number + (0 if record.epoch else number)).to_bytes()
        for record in records_of(datagram)
    )


@pytest.mark.parametrize("mutual", [False, True])
def test_records_of_a_flight_may_come_in_any_order(server_context, client_context, mutual):
    """At the latest when the flight is repeated, all is understood, whatever came before what."""
    for order in islice(permutations(range(5 if mutual else 3)), 0, None, 5 if mutual else 1):
        server = server_of(server_context, client_certificate=mutual)
        client = client_of(client_context, client_certificate=mutual)
        feed(server, drain(client))
        feed(client, drain(server))
        (flight,) = drain(client)
        records = [record.to_bytes() for record in records_of(flight)]
        feed(server, [records[at] for at in order])
        if server.state == "handshaking":
            client.handle_timeout(250_000)
            feed(server, drain(client))
        feed(client, drain(server))
        assert (server.state, client.state) == ("connected", "connected"), order


def browser_hello(client):
    """A hello as long as browsers' post-quantum ones: the key share's place is padding here."""
    (hello,) = drain(client)
    (record,) = records_of(hello)
    body = bytearray(record.body[12:])
    at = 2 + 32 + 1  # version, random, no session id
    at += 1 + body[at]  # cookie
    at += 2 + int.from_bytes(body[at : at + 2], "big")  # cipher suites
    at += 1 + body[at]  # compression
    padding = bytes.fromhex("0015") + (1250).to_bytes(2, "big") + bytes(1250)
    body[at : at + 2] = (len(body) - at - 2 + len(padding)).to_bytes(2, "big")
    body += padding
    head = record.body[:1] + len(body).to_bytes(3, "big") + bytes(5) + len(body).to_bytes(3, "big")
    return record._replace(body=head + bytes(body)).to_bytes()


@pytest.mark.parametrize("swapped", [False, True])
def test_a_browsers_hello_arrives_in_two_datagrams(server_context, client_context, swapped):
    server, client = server_of(server_context), client_of(client_context)
    hello = browser_hello(client)
    assert len(hello) > 1400
    pieces = fragments_of(hello, 1187)
    datagrams = [piece.to_record(number) for number, piece in enumerate(pieces)]
    assert len(datagrams) == 2
    feed(server, reversed(datagrams) if swapped else datagrams)
    (flight,) = drain(server)
    # The client sent another hello than it knows of, so its Finished cannot fit; but the
    # server has read this one whole.
    assert [record.type for record in records_of(flight)] == [HANDSHAKE] * 4


@pytest.mark.parametrize(("asks_cookie", "times"), [(False, 3), (True, 1)])
def test_no_more_than_so_many_times_what_came_is_sent_to_an_unproved_address(
    server_context, client_context, asks_cookie, times
):
    server = server_of(server_context, asks_cookie=asks_cookie)
    (hello,) = drain(client_of(client_context))
    received, sent = 140, 76  # the STUN check and its answer
    for piece in fragments_of(hello, 10):
        record = piece.to_record(piece.offset)
        server.handle_datagram(0, record)
        received += len(record)
        sent += sum(map(len, drain(server)))
        assert sent <= times * received
    while server.state == "handshaking":
        server.handle_timeout(server.next_timeout)
        sent += sum(map(len, drain(server)))
        assert sent <= times * received
    assert sent > 76


def asked_for_a_cookie(server_context, client_context, **options):
    """A server, a client, and what the server says to its hello."""
    server = server_of(server_context, asks_cookie=True)
    client = client_of(client_context, **options)
    (hello,) = drain(client)
    feed(server, [hello])
    (request,) = drain(server)
    assert len(request) < len(hello)
    (record,) = records_of(request)
    assert (record.type, record.body[0]) == (HANDSHAKE, HELLO_VERIFY_REQUEST)
    return server, client, request


@pytest.mark.parametrize("mutual", [False, True])
def test_who_brings_the_cookie_back_connects(server_context, client_context, mutual):
    server, client, request = asked_for_a_cookie(
        server_context, client_context, client_certificate=mutual
    )
    feed(client, [request])
    pump(client, server)
    assert (server.state, client.state) == ("connected", "connected")
    assert server.keys().local == client.keys().remote
    assert len(server.last_flight) == 75


def test_a_lost_request_for_a_cookie_is_repeated_after_250_ms(server_context, client_context):
    server, client, request = asked_for_a_cookie(server_context, client_context)
    assert server.next_timeout == 250_000
    server.handle_timeout(250_000)
    (again,) = drain(server)
    assert [record.body for record in records_of(again)] == [
        record.body for record in records_of(request)
    ]
    feed(client, [again])
    pump(client, server)
    assert (server.state, client.state) == ("connected", "connected")


def test_a_hello_that_was_repeated_meanwhile_does_no_harm(server_context, client_context):
    server, client, request = asked_for_a_cookie(server_context, client_context)
    client.handle_timeout(250_000)
    feed(server, drain(client))
    drain(server)  # asks again, and is lost
    feed(client, [request])
    pump(client, server)
    assert (server.state, client.state) == ("connected", "connected")


def test_a_cookie_that_comes_twice_does_no_harm(server_context, client_context):
    server, client, request = asked_for_a_cookie(server_context, client_context)
    feed(client, [request, request])
    hellos = drain(client)
    feed(server, hellos + hellos)
    pump(client, server)
    assert (server.state, client.state) == ("connected", "connected")


def test_a_cookie_of_another_session_gets_no_flight(server_context, client_context):
    _, client, request = asked_for_a_cookie(server_context, client_context)
    feed(client, [request])
    (hello,) = drain(client)
    fresh = server_of(server_context, asks_cookie=True)
    other, _, _ = asked_for_a_cookie(server_context, client_context)
    for server in fresh, other:
        feed(server, [hello])
        assert all(
            record.type == ALERT for answer in drain(server) for record in records_of(answer)
        )
        assert server.state != "connected"


def test_nobody_is_trusted_with_a_cookie_of_zeros(server_context, client_context):
    _, client, request = asked_for_a_cookie(server_context, client_context)
    zeros = request[:-16] + bytes(16)
    feed(client, [zeros])
    (hello,) = drain(client)
    assert bytes(16) in hello
    server = server_of(server_context, asks_cookie=True)
    feed(server, [hello])
    assert all(record.type == ALERT for answer in drain(server) for record in records_of(answer))


def test_a_withheld_flight_is_sent_once_more_has_come(server_context, client_context):
    server, client = server_of(server_context), client_of(client_context)
    hello = drain(client)
    feed(server, hello)
    assert len(drain(server)) == 1
    server.handle_timeout(250_000)
    assert drain(server) == []
    feed(server, hello * 2)
    assert len(drain(server)) == 1


def test_after_a_failure_the_alert_is_the_last_word(server_context, client_context):
    server = server_of(server_context, client_certificate=True)
    client = client_of(client_context)
    feed(server, drain(client))
    feed(client, drain(server))
    flight = drain(client)
    feed(server, flight)
    (alert,) = drain(server)
    assert [record.type for record in records_of(alert)] == [ALERT]
    for _ in range(3):
        feed(server, flight)
        server.handle_timeout(10**12)
    assert (server.state, server.next_timeout, drain(server)) == ("failed", None, [])


def test_an_alert_of_the_peer_ends_a_handshake_in_silence(server_context, client_context):
    server, client = server_of(server_context), client_of(client_context)
    feed(server, drain(client))
    server.handle_datagram(0, bytes.fromhex("15fefd 0000 000000000009 0002 0228"))
    assert (server.state, server.peer_closed, drain(server)) == ("failed", True, [])
