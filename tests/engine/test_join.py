"""The ticket door: who gets in, who gets no answer at all, and what a bad path does to it."""

from collections import Counter

import pytest

from spacescore._native import _core
from world import KEY, SECOND_US, SPACE, UNIX_US, World, strength, tone

LOUD = 0.2


def answers_to(world, person) -> int:
    return len(person.down.sent)


@pytest.mark.parametrize(
    "profile", [_core.SrtpProfile.AEAD_AES_128_GCM, _core.SrtpProfile.AES128_CM_SHA1_80]
)
@pytest.mark.parametrize("backend", ["ipsec_mb", "openssl"])
def test_both_srtp_profiles_are_spoken_by_both_backends(profile, backend):
    world = World(backend=backend)
    world.join("speaker", peer=7, profile=profile).say(0, tone(440))
    listener = world.join(profile=profile)
    world.run(2)
    assert strength(listener.samples(), 440) > LOUD


@pytest.mark.parametrize("address", [("2001:db8::7", 4_000), ("192.0.2.7", 4_000)])
def test_both_address_families_join(world, address):
    listener = world.join(address=address)
    world.run(1)
    assert listener.client.state == "connected"


@pytest.mark.parametrize("payload_type", [111, 109, 96, 63])
def test_each_listener_gets_the_payload_type_of_their_own_offer(world, payload_type):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(payload_type=payload_type)
    world.run(2)
    assert strength(listener.samples(), 440) > LOUD


def test_nearly_every_join_completes_at_twenty_percent_loss():
    world = World(max_handshakes=100)
    path = {"loss": 0.2, "duplicate": 0.05, "jitter_us": 20_000}
    people = [world.join(up=path, down=path, address=("10.2.0.1", 3_000 + i)) for i in range(60)]
    world.run(15)
    assert [p.client.state for p in people] == ["connected"] * 60
    world.run(2)
    assert all(person.heard for person in people)


def test_joining_takes_three_round_trips(world):
    world.join("speaker", peer=7).say(0, tone(440))
    world.run(1)
    listener = world.join(up={"delay_us": 50_000}, down={"delay_us": 50_000})
    world.run(1)
    times = listener.client.times
    assert 300_000 <= times.first_audio_us - times.first_check_us <= 380_000


def test_a_lost_last_flight_is_sent_again_on_demand(world):
    finished = []

    def lose_the_first_finished(_, datagram):
        if datagram[0] == 20 and len(finished) < 2:  # ChangeCipherSpec leads the last flight
            finished.append(datagram)
            return False
        return True

    listener = world.join(down={"filter": lose_the_first_finished})
    world.run(5)
    assert len(finished) == 2
    assert listener.client.state == "connected"


@pytest.mark.parametrize(
    ("join", "drop"),
    [
        ({"ttl_s": -1}, "expired_ticket"),
        ({"space": SPACE + 99}, "foreign_space"),
        ({"role": "speaker", "peer": 0}, "bad_ticket"),
        ({"requires_certificate": True}, "certificate_mismatch"),
    ],
)
def test_a_ticket_that_gives_no_right_gets_no_answer_at_all(world, join, drop):
    person = world.join(**join)
    world.run(3)
    assert answers_to(world, person) == 0
    assert set(world.drops()) == {drop}
    assert world.engine.handshakes == 0


def test_a_ticket_of_a_foreign_key_gets_no_answer_at_all(world):
    keys = _core.TicketKeys()
    keys.add(1, bytes(32))
    world.tickets = keys
    person = world.join()
    world.run(3)
    assert answers_to(world, person) == 0
    assert set(world.drops()) == {"bad_ticket"}


def test_a_ticket_with_a_wrong_password_gets_no_answer_at_all(world):
    ticket = world.tickets.mint(space=SPACE, role="listener", expiry=UNIX_US // SECOND_US + 60)
    ufrag = _core.make_ufrag(ticket, bytes(12), 111, None)
    request = _core.write_binding_request(
        transaction=bytes(12), username=f"{ufrag}:load", priority=1, tie_breaker=1
    )
    sealed = _core.seal_stun(request, "0" * 32)
    world.engine.handle_datagram(0, ("10.0.0.1", 1), sealed)
    assert world.engine.poll_transmits(0) == []
    assert world.drops() == {"bad_integrity": 1}


def test_a_ticket_may_expire_once_its_holder_is_in(world):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(ttl_s=2)
    world.run(20)
    assert strength(listener.samples(), 440) > LOUD
    assert world.drops() == {}


def test_tickets_follow_the_wall_clock_when_it_is_corrected(world):
    world.engine.handle_clock(0, UNIX_US + 3_600 * SECOND_US)
    person = world.join(ttl_s=60)
    world.run(1)
    assert answers_to(world, person) == 0
    assert set(world.drops()) == {"expired_ticket"}


def test_whoever_shows_the_certificate_the_ufrag_names_is_let_in(world):
    speaker = world.join("speaker", peer=7, requires_certificate=True, certificate=True)
    world.run(1)
    assert speaker.client.state == "connected"
    assert world.engine.speakers == 1


def test_whoever_shows_another_certificate_is_not_seated(world):
    world.join("speaker", peer=7, certificate=True, named_fingerprint=bytes(32))
    world.run(2)
    assert world.engine.speakers == 0
    assert world.drops()["certificate_mismatch"] == 1


def test_whoever_shows_no_certificate_where_one_is_asked_for_is_not_seated(world):
    world.join("speaker", peer=7, certificate=False, named_fingerprint=bytes(32))
    world.run(2)
    assert world.engine.speakers == 0
    assert world.drops()["handshake_failed"] == 1


def test_a_full_node_is_silent_and_lets_in_when_there_is_room():
    world = World(max_listeners=1)
    first = world.join()
    world.run(1)
    second = world.join()
    world.run(1)
    assert answers_to(world, second) == 0
    assert set(world.drops()) == {"node_full"}
    world.engine.end_session(world.now_us, first.session)
    world.run(2)
    assert second.client.state == "connected"


def test_a_draining_node_lets_nobody_in_and_keeps_those_who_are_there():
    world = World()
    speaker, listener = world.join("speaker", peer=7), world.join()
    world.run(1)
    world.engine.refuse_newcomers()
    late = [world.join(), world.join("speaker", peer=8)]
    speaker.say(world.now_us, tone(440))
    heard = len(listener.heard)
    world.run(2)
    assert [answers_to(world, one) for one in late] == [0, 0]
    assert set(world.drops()) == {"node_draining"}
    assert len(listener.heard) > heard + 90


def test_more_joins_than_handshake_slots_wait_rather_than_fail():
    world = World(max_handshakes=4)
    people = [world.join(address=("10.2.0.1", 3_000 + i)) for i in range(40)]
    world.run(10)
    assert [p.client.state for p in people] == ["connected"] * 40
    assert world.drops()["handshake_limit"] > 0


def test_a_crowd_waits_in_line_answered_and_all_of_it_gets_in():
    """Whoever is answered asks every few seconds, whoever is not twenty times in one."""
    world = World(max_handshakes=4, max_waiting=40)
    world.engine.hold_handshakes()
    people = [world.join(address=(f"10.2.0.{i}", 9)) for i in range(40)]
    world.run(3)
    assert world.engine.handshakes == 40
    assert min(answers_to(world, person) for person in people) > 0
    most = 0
    for _ in range(200):
        while world.engine.handle_backlog(world.now_us):
            seen = Counter(world.counters())
            most = max(most, seen["handshakes_started"] - seen["handshakes_completed"])
        world.run(0.02)
    assert [person.client.state for person in people] == ["connected"] * 40
    assert most == 4
    assert "handshakes_failed" not in world.counters()


def test_handshakes_wait_in_line_while_media_goes_on(world):
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(2)
    world.engine.hold_handshakes()
    late = world.join(address=("10.5.0.1", 9))
    world.run(2)
    assert late.client.state == "handshaking"
    assert world.counters()["handshakes_completed"] == 2
    assert listener.client.stats.packets_lost == 0
    assert listener.heard[-1].at_us > 1_900_000
    for _ in range(2):  # the hello, and the client's last flight
        while world.engine.handle_backlog(world.now_us):
            pass
        world.run(0.05)
    assert late.client.state == "connected"


def test_a_session_ended_before_it_connected_never_connects(world):
    person = world.join()
    assert not world.engine.end_session(0, person.session)
    world.run(3)
    assert answers_to(world, person) == 0


def test_keys_rotate_with_overlap(world):
    old = world.join()
    world.engine.add_ticket_key(2, KEY[::-1])
    world.tickets.add(2, KEY[::-1])
    new = world.join()
    world.run(1)
    assert (old.client.state, new.client.state) == ("connected", "connected")


def test_an_idle_slot_is_given_back_after_the_join_deadline(world):
    world.join(up={"filter": lambda count, _: count == 0})
    world.run(1)
    assert world.engine.handshakes == 1
    world.run(15)
    assert world.engine.handshakes == 0


@pytest.mark.parametrize("bad", ["max_listeners", "max_handshakes", "max_waiting", "audible"])
def test_a_bad_setting_is_named(bad):
    with pytest.raises(ValueError, match=bad):
        World(**{bad: 0})
