"""Those who shake hands: whose slot gives way, who waits in line, and who is trusted."""

import itertools

import pytest

from handmade import sealed_check
from netem import Link
from newcomers import CLIENT_HELLO, STRANGER, fresh_check, nonces
from spacescore._native import _core
from world import SPACE, World

NEW = ("198.51.100.9", 9_999)


def test_idle_slots_give_way_to_whoever_comes(world):
    """Holders of a public ticket who never send a ClientHello do not close the door."""
    world = World(max_handshakes=64)
    for number, nonce in enumerate(itertools.islice(nonces(), 64)):
        assert world.inject((f"203.0.113.{number}", 9), fresh_check(world, nonce))
    assert world.engine.handshakes == 64
    assert world.inject(STRANGER, fresh_check(world, bytes(12))) == []
    assert world.drops() == {"handshake_limit": 1}  # they may still come
    world.run(1.2)  # their hello was lost, and comes again
    assert world.inject(STRANGER, fresh_check(world, bytes(12))) == []
    world.run(0.9)
    people = [world.join(address=("10.4.0.1", 2_000 + i)) for i in range(20)]
    world.run(1)
    assert [p.client.state for p in people] == ["connected"] * 20


def test_an_idle_slot_does_not_give_way_to_a_forged_check():
    world = World(max_handshakes=64)
    for number, nonce in enumerate(itertools.islice(nonces(), 64)):
        assert world.inject((f"203.0.113.{number}", 9), fresh_check(world, nonce))
    world.run(3)
    ticket = world.tickets.mint(space=SPACE, role="listener", expiry=1_700_000_600)
    for nonce in itertools.islice(nonces(), 50):
        forged = sealed_check(_core.make_ufrag(ticket, nonce, 111, None), "x" * 32, nonce)
        assert world.inject(STRANGER, forged) == []
    assert world.drops() == {"bad_integrity": 50}
    assert world.engine.handshakes == 64


def test_one_source_does_not_take_all_the_slots():
    world, flood = World(max_handshakes=64), nonces()
    for port in range(1, 65):
        world.inject(("203.0.113.8", port), fresh_check(world, next(flood)))
    assert world.engine.handshakes == 33  # half of them, and one to notice it
    assert world.drops() == {"handshake_limit": 31}
    neighbours = [(f"2001:db8::{i:x}", 9) for i in range(1, 20)]
    for address in neighbours:  # a /64 is one source
        world.inject(address, fresh_check(world, next(flood)))
    assert world.engine.handshakes == 33 + 64 // 16
    assert world.inject(STRANGER, fresh_check(world, next(flood)))


def test_a_source_gets_its_share_back_when_its_slots_are_free(world):
    world, flood = World(max_handshakes=64), nonces()
    for port in range(1, 65):
        world.inject(("203.0.113.8", port), fresh_check(world, next(flood)))
    world.run(16)
    assert world.engine.handshakes == 0
    assert world.inject(("203.0.113.8", 9), fresh_check(world, next(flood)))


def test_a_flood_of_idle_sessions_stops_nobody():
    """A hundred a second for ten, where 64 slots of 15 seconds each would take four."""
    world = World(max_handshakes=64)
    source, flood = itertools.count(1), nonces()
    for number in range(1_000):
        world.inject(("203.0.113.8", next(source)), fresh_check(world, next(flood)))
        if number == 500:
            person = world.join()
        world.run(0.01)
    assert person.client.state == "connected"
    assert world.engine.handshakes <= 64


def test_a_handshake_that_moves_while_its_hello_waits_goes_on(world):
    person = world.join()
    world.engine.hold_handshakes()
    world.run(1)
    world.move(person, NEW)
    world.run(6)  # the next check moves it; what waits is from where nobody is any more
    assert world.counters()["addresses_moved"] == 1
    for _ in range(400):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert person.client.state == "connected"
    assert world.engine.listeners == 1


def test_whoever_waits_in_the_line_is_not_taken_for_idle():
    world = World(max_handshakes=4)
    world.engine.hold_handshakes()
    early = [world.join(address=(f"10.{i}.0.1", 9)) for i in range(2)]
    world.run(2.3)
    late = [world.join(address=(f"10.5{i}.0.1", 9)) for i in range(4)]
    world.run(0.3)
    for _ in range(100):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert [person.client.state for person in early] == ["connected"] * 2
    assert "unknown_address" not in world.drops()
    assert world.engine.listeners == 6, [person.client.state for person in late]


def test_a_hello_repeated_while_it_waits_makes_the_line_no_longer(world):
    world.engine.hold_handshakes()
    assert world.inject(STRANGER, fresh_check(world, bytes(11) + b"\1"))
    for _ in range(10):
        assert world.inject(STRANGER, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 10 - 2}


def test_a_line_too_long_is_cut_and_counted():
    world, flood = World(max_handshakes=64, max_waiting=200), nonces()
    world.engine.hold_handshakes()
    for number in range(230):
        source = (f"203.0.113.{number}", 9)
        assert world.inject(source, fresh_check(world, next(flood)))
        for _ in range(4):
            assert world.inject(source, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 4 * 230 - 2 * 200}
    assert world.engine.handshakes == 230


def test_one_source_does_not_take_all_the_handshakes():
    """Each of them is begun at once, and then kept waiting."""
    world, flood = World(max_handshakes=64), nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()
    for port in range(1, 129):
        source = ("203.0.113.8", port)
        world.inject(source, fresh_check(world, next(flood)))
        world.inject(source, hello)
        world.run(0.001)
    assert world.counters()["handshakes_started"] == 33
    person = world.join()
    world.run(1)
    assert person.client.state == "connected"


def forge_hellos(world, count, flood=None):
    """From as many addresses, each after a valid check."""
    flood = flood or nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()
    for _ in range(count):
        nonce = next(flood)
        source = (f"203.0.{nonce[-2]}.{nonce[-1]}", 9)
        world.inject(source, fresh_check(world, nonce))
        world.inject(source, hello)


def test_forged_hellos_hold_sessions_for_four_seconds_while_others_wait():
    world = World(max_handshakes=64)
    forge_hellos(world, 64)
    assert world.counters()["handshakes_started"] == 64
    person = world.join()
    world.run(3.9)
    assert person.client.state == "handshaking"
    world.run(0.5)
    assert person.client.state == "connected"


def test_a_flood_of_forged_hellos_gets_less_than_it_brings_and_who_means_it_still_joins():
    """Each would get three times its bytes, to a victim, if nobody counted who broke that trust."""
    world, flood = World(max_handshakes=8_192, max_listeners=10_000), nonces()
    context = _core.DtlsContext(_core.Certificate.generate())
    hello = _core.DtlsSession(context, role="client").poll_transmit()

    def gain(sources):
        came = went = 0
        for source in sources:
            for datagram in (fresh_check(world, next(flood)), hello):
                came += len(datagram)
                went += sum(len(answer) for _, answer in world.inject(source, datagram))
        return went / came

    assert 1 < gain([NEW]) < 3
    sources = [(f"203.0.{number // 250}.{number % 250}", 9) for number in range(2_000)]
    assert gain(sources[:500]) < 1
    assert gain(sources[500:]) < 0.5
    assert world.counters()["cookies_asked"] == 2_001 - 128
    person = world.join()
    world.run(1)
    assert person.client.state == "connected"
    assert world.counters()["cookies_asked"] == 2_002 - 128
    world.run(40)  # they have timed out, and nobody else has come
    assert gain([("203.0.113.7", 9)]) > 1


def test_who_is_what_they_say_opens_the_way_for_more():
    world, ports, flood = World(max_handshakes=1_024), itertools.count(1), nonces()
    forge_hellos(world, 120, flood)
    for crowd in 8, 16, 32:  # each leaves room for twice as many, without a cookie
        people = [world.join(address=("10.9.0.1", next(ports))) for _ in range(crowd)]
        world.run(0.2)
        assert {person.client.state for person in people} == {"connected"}
    forge_hellos(world, 64, flood)
    assert world.counters()["handshakes_started"] == 120 + 56 + 64
    assert "cookies_asked" not in world.counters()


def test_a_slow_join_keeps_its_session_though_others_wait():
    """Over a round trip of two seconds, where a flight is lost."""
    world = World(max_handshakes=64)
    slow = world.join()
    world.run(0.035)  # the hello is there; its answer is lost with the fast path
    slow.up, slow.down = Link(1, delay_us=1_000_000), Link(2, delay_us=1_000_000)
    forge_hellos(world, 63)
    person = world.join(address=("10.7.0.1", 9))
    world.run(2.9)
    assert person.client.state == "handshaking"
    world.run(1.2)
    assert [slow.client.state, person.client.state] == ["connected"] * 2


@pytest.mark.parametrize("noise", [b"\x14", b"\x16", CLIENT_HELLO[:24], b"\x17" + CLIENT_HELLO[1:]])
def test_whatever_is_no_hello_does_not_take_a_place_in_the_line(noise):
    world, flood = World(max_handshakes=4, max_waiting=4), nonces()
    world.engine.hold_handshakes()
    for number in range(40):
        source = (f"203.0.113.{number}", 9)
        world.inject(source, fresh_check(world, next(flood)))
        world.inject(source, noise)
    assert world.engine.handshakes == 4
    assert world.drops()["malformed_dtls"] == 4


def test_who_waited_long_in_the_line_has_all_the_time_for_the_handshake(world):
    world.engine.hold_handshakes()
    person = world.join()
    world.run(14)
    for _ in range(100):
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.02)
    assert person.client.state == "connected"


def test_one_source_does_not_take_the_whole_line():
    world, flood = World(max_handshakes=64, max_waiting=64), nonces()
    world.engine.hold_handshakes()
    for port in range(1, 65):
        source = ("203.0.113.8", port)
        world.inject(source, fresh_check(world, next(flood)))
        world.inject(source, CLIENT_HELLO)
    assert world.drops() == {"handshake_backlog": 31}
    assert world.inject(STRANGER, fresh_check(world, next(flood)))
    assert world.inject(STRANGER, CLIENT_HELLO) == []
    assert world.drops() == {"handshake_backlog": 31}


def test_a_slot_that_saw_a_hello_is_not_taken():
    world = World(max_handshakes=1)
    lets_through = {"dtls": True}
    path = {"filter": lambda _, packet: packet[0] < 4 or lets_through["dtls"]}
    person = world.join(up=path)
    world.run(0.035)  # the hello is there
    lets_through["dtls"] = False
    world.run(2.5)
    assert person.client.state == "handshaking"
    assert world.counters()["handshakes_started"] == 1
    for number in range(1, 4):  # one silent place: each of them has it for two seconds
        stranger = f"10.9.9.{number}", 9
        assert world.inject(stranger, fresh_check(world, bytes(11) + bytes([number])))
        assert world.inject(STRANGER, fresh_check(world, bytes(12))) == []
        world.run(2.1)
    assert world.engine.handshakes == 2
    lets_through["dtls"] = True
    world.run(6)
    assert person.client.state == "connected"


# Ends.
