"""Paths: who stays, who is let go, and what moves a stream to another address."""

import itertools
from types import SimpleNamespace

import pytest

from handmade import HandmadeClient, sealed_check
from newcomers import CLIENT_HELLO, STRANGER, fresh_check, nonces
from spacescore._native import _core
from world import SECOND_US, SPACE, World, hears, tone

NEW = ("198.51.100.9", 9_999)
ALERT = bytes([21, 0xFE, 0xFD, 0, 1, 0, 0, 0, 0, 0, 1, 0, 26]) + bytes(26)


@pytest.fixture
def scene():
    world = World()
    speaker, listener = world.join("speaker", peer=7), world.join()
    speaker.say(0, tone(440))
    world.run(3)
    return SimpleNamespace(world=world, speaker=speaker, listener=listener)


def checks_of(person):
    return [(when, packet) for when, packet in person.up.sent if packet[0] < 4]


def lifetime(world, person, count):
    """Seconds from the last check to the end."""
    last = checks_of(person)[-1][0] + 10_000
    while count() and world.now_us < 60 * SECOND_US:
        world.run(0.1)
    return (world.now_us - last) / SECOND_US


@pytest.mark.parametrize(("who", "patrol"), [("listener", 5), ("speaker", 0.1)])
def test_whoever_falls_silent_is_let_go_after_thirty_seconds(scene, who, patrol):
    world, person = scene.world, getattr(scene, who)
    world.leave(person)
    lived = lifetime(world, person, lambda: getattr(world.engine, f"{who}s"))
    assert 30 <= lived <= 30 + patrol + 0.1
    assert world.counters()["consents_expired"] == 1


@pytest.mark.parametrize(("who", "patrol"), [("listener", 5), ("speaker", 0.1)])
def test_after_an_alert_silence_counts_after_six_seconds(scene, who, patrol):
    world, person = scene.world, getattr(scene, who)
    person.client.close()
    world.run(0.1)
    lived = lifetime(world, person, lambda: getattr(world.engine, f"{who}s"))
    assert 6 <= lived <= 6 + patrol + 0.1


@pytest.mark.parametrize("who", ["listener", "speaker"])
def test_a_spoofed_alert_ends_nobody_who_goes_on_checking(scene, who):
    world, person = scene.world, getattr(scene, who)
    for _ in range(8):
        world.inject(person.address, ALERT)
        world.run(3)
    assert world.engine.listeners == world.engine.speakers == 1
    assert hears(world, scene.listener)


def test_a_goodbye_by_rtcp_shortens_consent(world):
    listener = world.join(made_by=HandmadeClient)
    world.run(1)
    listener.client.close()
    report = _core.write_receiver_report(listener.client.ssrc)
    listener.client.send(listener.client.rtcp(report, _core.write_bye(listener.client.ssrc)))
    world.run(0.1)
    assert 5.9 <= lifetime(world, listener, lambda: world.engine.listeners) <= 11.1


def test_a_thousand_joins_and_leaves_leave_nothing_behind():
    world = World(max_listeners=25, max_handshakes=25)
    for batch in range(40):
        addresses = [("10.3.0.1", 10_000 + 25 * batch + i) for i in range(25)]
        people = [world.join(address=address, ttl_s=3_600) for address in addresses]
        world.run(1)
        assert [p.client.state for p in people] == ["connected"] * 25
        assert world.engine.listeners == world.engine.space_stats(SPACE).listeners == 25
        for person in people:
            if batch % 2:
                assert world.engine.end_session(world.now_us, person.session)
            else:
                person.client.close()
        world.run(0.1 if batch % 2 else 11.2)
        for person in people:
            world.leave(person)
        assert world.engine.listeners == world.engine.space_stats(SPACE).listeners == 0
    counters = world.counters()
    assert counters["handshakes_started"] == counters["handshakes_completed"] == 1_000
    assert counters["consents_expired"] == 500
    assert "handshakes_failed" not in counters
    for person in people:  # their addresses are nobody's
        world.inject(person.address, CLIENT_HELLO)
    assert world.drops()["unknown_address"] == 25


def test_a_hundred_speakers_come_and_go(world):
    for number in range(1, 101):
        speaker = world.join("speaker", peer=number)
        world.run(0.3)
        assert world.engine.speakers == 1
        assert world.engine.remove_peer(SPACE, number)
        world.leave(speaker)
    world.run(0.1)
    assert world.engine.speakers == 0
    assert world.engine.space_stats(SPACE).speakers == []
    assert len(world.events) == 200


# Migration.


FIREFOX = {"nominates_always": False, "consent_interval_us": 5 * SECOND_US}


@pytest.mark.parametrize(
    ("habit", "within"),
    [
        pytest.param({}, 2.6, id="Chrome, at the next check"),
        pytest.param(FIREFOX, 5.1, id="Firefox, which nominates once, at the next check"),
    ],
)
def test_a_rebound_nat_resumes(world, habit, within):
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(7)
    world.move(listener, NEW)
    moved, at = world.now_us, len(listener.heard)
    world.run(within)
    assert listener.heard[at].at_us - moved <= within * SECOND_US
    assert world.counters()["addresses_moved"] == 1
    assert hears(world, listener)


@pytest.mark.parametrize("habit", [{}, FIREFOX], ids=["Chrome", "Firefox"])
@pytest.mark.parametrize("new", [("10.0.0.1", 60_000), NEW], ids=["new port", "new IP"])
def test_the_next_packet_follows_the_first_check_from_elsewhere(world, habit, new):
    """What a listener misses is what it was silent itself: who checks at once misses nothing."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(11)
    world.move(listener, new)
    moved = world.now_us
    nominates = habit.get("nominates_always", True)
    check = sealed_check(listener.ufrag, listener.password, b"\7" * 12, nominates=nominates)
    world.inject(new, check)
    world.run(1)
    heard = [heard for heard in listener.heard if heard.at_us > moved]
    assert heard[0].at_us - moved <= 35_000  # a tick, and the way
    assert len(heard) >= 48
    assert listener.client.stats.packets_lost <= 1
    assert world.counters()["addresses_moved"] == 1


@pytest.mark.parametrize(
    ("habit", "seconds"),
    [({}, 11), (FIREFOX, 3), ({"nominates_always": False}, 0.1)],
    ids=["Chrome, for ever", "Firefox, before its consent", "while it chooses"],
)
def test_a_pair_that_is_only_tried_takes_nothing_along(world, habit, seconds):
    """Chrome looks at its other networks now and then, Firefox before it has chosen one."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**habit)
    world.run(seconds)
    check = sealed_check(listener.ufrag, listener.password, b"\7" * 12, nominates=False)
    assert world.inject(NEW, check)
    world.run(1)
    assert "addresses_moved" not in world.counters()
    assert hears(world, listener)


def test_a_captured_consent_check_moves_nothing(world):
    """Of a listener that settled on a pair, too."""
    world.join("speaker", peer=7).say(0, tone(440))
    listener = world.join(**FIREFOX)
    world.run(11)
    for _, captured in checks_of(listener)[-3:]:
        assert world.inject(STRANGER, captured) == []
    assert world.drops() == {"replayed_check": 3}
    assert hears(world, listener)


def test_a_stream_moved_by_one_check_and_no_second_ends_after_twelve_seconds(scene):
    """Who points the stream at somebody else's address cannot check from there again."""
    world, listener = scene.world, scene.listener
    world.leave(listener)
    assert world.inject(NEW, sealed_check(listener.ufrag, listener.password, b"\7" * 12))
    last = world.now_us
    while world.engine.listeners and world.now_us < 60 * SECOND_US:
        world.run(0.1)
    assert 12 <= (world.now_us - last) / SECOND_US <= 12 + 5.2


def test_a_speaker_is_heard_again_after_a_rebound(scene):
    world, speaker = scene.world, scene.speaker
    world.move(speaker, NEW)
    world.run(4)
    assert hears(world, scene.listener)
    assert set(world.drops()) == {"unknown_address"}  # what came before the check


def test_a_handshake_moves_with_its_checks(world):
    lets_through = {"dtls": False}
    path = {"filter": lambda _, packet: packet[0] < 4 or lets_through["dtls"]}
    listener = world.join(up=path)
    world.run(0.3)
    assert world.engine.handshakes == 1
    world.move(listener, NEW)
    lets_through["dtls"] = True
    world.run(6)
    assert listener.client.state == "connected"
    assert world.engine.listeners == 1


def test_a_captured_check_replayed_from_elsewhere_moves_nothing(scene):
    world, listener = scene.world, scene.listener
    _, captured = checks_of(listener)[-1]
    for _ in range(3):
        assert world.inject(STRANGER, captured) == []
    assert world.drops() == {"replayed_check": 3}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, listener)


def test_a_captured_check_does_not_keep_a_silent_listener(scene):
    world, listener = scene.world, scene.listener
    _, captured = checks_of(listener)[-1]
    world.leave(listener)
    for _ in range(36):
        world.inject(listener.address, captured)
        world.run(1)
    assert world.engine.listeners == 0


def test_media_from_a_foreign_address_moves_nothing(scene):
    """CVE-2025-53399: endpoints learnt from RTP."""
    world, speaker = scene.world, scene.speaker
    captured = [packet for _, packet in speaker.up.sent if packet[0] >= 128][-20:]
    for packet in captured:
        assert world.inject(STRANGER, packet) == []
    assert world.drops() == {"unknown_address": 20}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, scene.listener)


def test_hellos_from_other_addresses_do_not_disturb_a_join(world):
    """CVE-2023-49786, CVE-2023-51443: a ClientHello race for the peer's session."""
    listener = world.join()
    sprayed = 0
    for port in range(1, 200):
        world.run(0.001)
        assert world.inject(("203.0.113.7", port), CLIENT_HELLO) == []
        sprayed += 1
    assert listener.client.state == "connected"
    assert world.drops() == {"unknown_address": sprayed}
    assert world.counters()["handshakes_started"] == 1


@pytest.mark.parametrize("who", ["listener", "speaker"])
def test_a_session_does_not_take_an_address_where_another_lives(scene, who):
    """Anybody with a public ticket can forge a source address."""
    world, person = scene.world, getattr(scene, who)
    for nonce in itertools.islice(nonces(), 5):
        assert world.inject(person.address, fresh_check(world, nonce)) == []
        world.run(1)
    assert world.drops() == {"address_taken": 5}
    assert world.engine.handshakes == 0
    assert hears(world, scene.listener)
    assert world.drops() == {"address_taken": 5}


def test_a_session_does_not_move_to_an_address_where_another_lives(scene):
    world, speaker = scene.world, scene.speaker
    rogue = world.join(made_by=HandmadeClient)
    world.run(1)
    assert world.inject(speaker.address, rogue.client.check()) == []
    assert world.drops() == {"address_taken": 1}
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, scene.listener)


def test_a_join_is_not_taken_over_at_its_own_address(world):
    listener = world.join()
    world.run(0.025)
    assert world.engine.handshakes == 1
    world.inject(listener.address, fresh_check(world, bytes(11) + b"\7"))
    world.run(1)
    assert listener.client.state == "connected"
    assert world.drops() == {"address_taken": 1}


def test_an_address_left_behind_is_free_for_the_next(scene):
    world, listener = scene.world, scene.listener
    listener.client.close()
    world.run(0.1)
    world.leave(listener)
    heir = world.join(address=listener.address)
    world.run(12)
    assert heir.client.state == "connected"
    assert world.engine.listeners == 1
    assert hears(world, heir)


@pytest.mark.parametrize("after", [0.025, 1.0], ids=["handshaking", "connected"])
def test_an_ended_session_does_not_come_back(world, after):
    person = world.join()
    world.run(after)
    assert world.engine.end_session(world.now_us, person.session)
    world.run(20)
    assert world.engine.listeners == world.engine.handshakes == 0
    assert set(world.drops()) <= {"expired_ticket", "unknown_address"}


def test_a_space_made_anew_while_its_listeners_are_told_goodbye():
    world = World()
    people = [world.join(address=("10.1.0.1", 2_000 + i)) for i in range(40)]
    world.run(1)
    assert world.engine.close_space(SPACE)
    world.engine.create_space(world.now_us, SPACE)  # before a single goodbye is out
    for person in people[30:]:
        world.engine.end_session(world.now_us, person.session)
    world.run(0.1)
    assert world.engine.listeners == 0
    assert all(person.client.state == "closed" for person in people)
    heir = world.join(address=NEW)
    world.run(1)
    assert heir.client.state == "connected"
    assert world.engine.space_stats(SPACE).listeners == world.engine.listeners == 1


def test_ends_of_the_unknown_do_not_pile_up(world):
    for number in range(20_000):
        world.engine.end_session(world.now_us, number.to_bytes(12, "big"))
    person = world.join()
    world.engine.end_session(world.now_us, person.session)
    world.run(1)
    assert world.engine.handshakes == 0
