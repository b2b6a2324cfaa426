"""Several workers on one port: whoever's datagrams reach the wrong one is served all the same."""

from itertools import count
from types import SimpleNamespace

import pytest

from handmade import sealed_check
from spacescore._native import _core
from world import SECOND_US, SPACE, TICK_US, World, hears, tone

WORKERS = 3


def elsewhere(world) -> list[int]:
    """The workers that are not the space's home."""
    home = world.engine.mesh.home(SPACE)
    return [worker for worker in range(WORKERS) if worker != home]


def arrives_at(world, worker, name="10.9.0.1"):
    """A fresh address whose datagrams reach that worker."""
    address = (name, 5_000 + len(world.engine.reaches))
    world.engine.reaches[address] = worker
    return address


@pytest.fixture
def world():
    return World(workers=WORKERS)


@pytest.fixture
def scene(world):
    """A speaker and a listener at each worker, none of the speakers' datagrams at the home."""
    speaker = world.join("speaker", peer=7, address=arrives_at(world, elsewhere(world)[0]))
    listeners = [world.join(address=arrives_at(world, worker)) for worker in range(WORKERS)]
    speaker.say(0, tone(440))
    world.run(2)
    return SimpleNamespace(world=world, speaker=speaker, listeners=listeners)


def test_a_speaker_at_any_worker_is_heard_at_every_worker(scene):
    assert [engine.listeners for engine in scene.world.engine.engines] == [1] * WORKERS
    assert all(hears(scene.world, listener) for listener in scene.listeners)
    assert all(person.client.stats.packets_lost == 0 for person in scene.listeners)


@pytest.mark.parametrize("at_home", [True, False])
def test_a_speaker_joins_wherever_their_datagrams_arrive(world, at_home):
    home = world.engine.mesh.home(SPACE)
    speaker = world.join(
        "speaker", peer=7, address=arrives_at(world, home if at_home else elsewhere(world)[0])
    )
    world.run(1)
    assert speaker.client.state == "connected"
    assert world.engine.engines[home].speakers == world.engine.speakers == 1
    assert bool(world.counters().get("relayed")) != at_home


@pytest.mark.parametrize("to", range(WORKERS))
def test_a_listener_who_moves_to_another_workers_part_keeps_the_audio(scene, to):
    world, listener = scene.world, scene.listeners[0]
    world.move(listener, arrives_at(world, to))
    moved, at = world.now_us, len(listener.heard)
    world.run(4)
    assert listener.heard[at].at_us - moved <= 2.6 * SECOND_US  # at the next check
    assert listener.heard[-1].audio.index > listener.heard[0].audio.index
    assert world.engine.listeners == WORKERS
    assert world.counters()["addresses_moved"] == 1
    assert hears(world, listener)


def test_a_listener_who_checks_at_once_hears_on_within_a_second(scene):
    world, listener = scene.world, scene.listeners[0]
    address = arrives_at(world, 1)
    world.move(listener, address)
    at = len(listener.heard)
    check = sealed_check(listener.ufrag, listener.password, b"\7" * 12)
    world.engine.handle_datagram(world.now_us, address, check)
    world.run(1)
    assert len(listener.heard) - at >= 45


def test_a_listener_who_moved_goes_on_reporting_and_leaves_in_peace(scene):
    world, listener = scene.world, scene.listeners[0]
    world.move(listener, arrives_at(world, 1))
    world.run(15)
    before = world.counters()["reports_received"]
    world.run(11)
    assert world.counters()["reports_received"] - before >= 2 * WORKERS
    listener.client.close()
    world.run(0.1)
    world.leave(listener)
    world.run(13)
    assert world.engine.listeners == WORKERS - 1


def test_a_listener_moves_on_and_back_again(scene):
    world, listener = scene.world, scene.listeners[0]
    home = listener.address
    for address in [arrives_at(world, 1), arrives_at(world, 2), home]:
        world.move(listener, address)
        world.run(4)
        assert hears(world, listener)
    assert world.counters()["addresses_moved"] == 3


def test_an_address_left_behind_at_another_worker_is_free_again(scene):
    world, listener = scene.world, scene.listeners[0]
    stop = arrives_at(world, 1)
    world.move(listener, stop)
    world.run(4)
    world.move(listener, arrives_at(world, 2))
    world.run(4)
    heir = world.join(address=stop)
    world.run(2)
    assert heir.client.state == "connected"
    assert hears(world, heir)


def test_a_listener_does_not_move_to_an_address_that_lives_at_another_worker(scene):
    world, (victim, other, _) = scene.world, scene.listeners
    check = sealed_check(other.ufrag, other.password, b"\7" * 12)
    world.inject(victim.address, check)
    assert world.counters().get("addresses_moved", 0) == 0
    assert hears(world, victim)


def test_a_speaker_moves_to_another_worker_and_is_still_heard(scene):
    world = scene.world
    world.move(scene.speaker, arrives_at(world, elsewhere(world)[1]))
    world.run(4)
    assert all(hears(world, listener) for listener in scene.listeners)


def test_a_session_ended_is_ended_wherever_it_is(scene):
    world = scene.world
    for listener in scene.listeners:
        assert world.engine.end_session(world.now_us, listener.session)
    world.run(1)
    assert world.engine.listeners == 0


def test_a_closed_space_says_goodbye_at_every_worker(scene):
    world = scene.world
    at = [person.client.stats.reports_received for person in scene.listeners]
    assert world.engine.close_space(SPACE)
    world.run(0.5)
    assert world.engine.listeners == world.engine.speakers == 0
    told = [person.client.stats.reports_received for person in scene.listeners]
    assert all(after > before for before, after in zip(at, told, strict=True))


def test_all_workers_together_seat_no_more_than_the_node():
    world = World(workers=WORKERS, max_listeners=4)
    people = [world.join(address=arrives_at(world, i % WORKERS)) for i in range(9)]
    world.run(2)
    assert world.engine.listeners == 4
    assert set(world.drops()) == {"node_full"}
    for person in people:
        if person.client.state == "connected":
            world.engine.end_session(world.now_us, person.session)
    world.run(3)
    assert world.engine.listeners == 4


def test_a_worker_that_sleeps_costs_frames_and_not_the_others(scene):
    """Its ring fills; what does not fit is dropped and counted, and it catches up later."""
    world = scene.world
    sleeper = elsewhere(world)[1]
    home = world.engine.engines[world.engine.mesh.home(SPACE)]
    now = world.now_us
    for _ in range(20 * 1_030):  # silence is a frame each 400 ms, and a ring holds 1,024
        now += 20_000
        home.handle_timeout(now)
        home.poll_transmits(now)
    assert home.counters()["frames_abandoned"] > 0
    world.engine.engines[sleeper].handle_mesh(now)
    world.engine.engines[sleeper].poll_transmits(now)
    assert world.engine.engines[sleeper].counters()["frames_abandoned"] > 0


def test_a_full_ring_to_a_worker_drops_and_counts(scene):
    world = scene.world
    away = world.engine.worker_of(scene.speaker.address)
    engine = world.engine.engines[away]
    for _ in range(1_000):
        engine.handle_datagram(world.now_us, scene.speaker.address, b"\x16" + bytes(60))
    assert engine.counters()["dropped_relay_full"] > 0
    assert hears(world, scene.listeners[0])


def test_what_strangers_have_handed_on_keeps_no_frames_out(scene):
    """Whoever forges the address of a speaker fills the ring to the speaker's home."""
    world = scene.world
    away = world.engine.worker_of(scene.speaker.address)
    engine, mesh = world.engine.engines[away], world.engine.mesh
    space = next(each for each in count(1) if mesh.home(each) == away)
    world.engine.create_space(world.now_us, space)
    listener = world.join(space=space, address=arrives_at(world, mesh.home(SPACE)))
    world.join("speaker", peer=8, space=space, address=arrives_at(world, away)).say(
        world.now_us, tone(440)
    )
    world.run(1)
    for _ in range(1_000):
        engine.handle_datagram(world.now_us, scene.speaker.address, b"\x16" + bytes(60))
    for tick in range(1, 6):  # nobody looks into the ring meanwhile
        engine.handle_timeout(world.now_us + tick * TICK_US)
    assert "frames_abandoned" not in world.counters()
    world.now_us += 5 * TICK_US
    world.run(2)  # the room makes up for its sleep: a frame that it leaves out turns the phase
    assert hears(world, listener)


def fill_ring_to(world, speaker, sleeper):
    """The worker sleeps until not even silence fits the ring from the home of the space."""
    world.engine.asleep = {sleeper}
    world.run(15)
    words, speaker.saying = speaker.saying, None
    world.run(1)
    before = world.counters()["frames_abandoned"]
    world.run(1)
    assert world.counters()["frames_abandoned"] > before
    speaker.say(world.now_us, words)


def test_a_lost_route_is_told_again_at_the_next_check(scene):
    world, sleeper = scene.world, elsewhere(scene.world)[1]
    fill_ring_to(world, scene.speaker, sleeper)
    world.move(scene.speaker, arrives_at(world, sleeper))
    world.run(3)
    assert world.counters()["addresses_moved"] == 1
    assert world.drops()["relay_full"] == 1  # the route
    world.engine.asleep = set()
    world.run(4)
    assert hears(world, scene.listeners[0])


def test_a_route_that_should_be_gone_is_taken_back_at_the_next_datagram(scene):
    """Else nobody could ever join from that address again."""
    world, speaker = scene.world, scene.speaker
    fill_ring_to(world, speaker, world.engine.worker_of(speaker.address))
    before = world.drops().get("relay_full", 0)
    assert world.engine.end_session(world.now_us, speaker.session)
    assert world.drops()["relay_full"] == before + 1  # the route
    world.engine.asleep = set()
    world.run(0.2)  # its page goes on speaking
    world.leave(speaker)
    heir = world.join(address=speaker.address)
    world.run(2)
    assert heir.client.state == "connected"


def test_a_session_forgotten_by_one_worker_is_still_found_at_another(scene):
    """Two workers may have it: one its first check alone, the other the handshake and all."""
    world, (_, vanished, _) = scene.world, scene.listeners
    lets_through = {"dtls": False}
    path = {"filter": lambda _, packet: packet[0] < 4 or lets_through["dtls"]}
    person = world.join(address=arrives_at(world, 0), up=path)
    world.run(0.3)
    assert [engine.handshakes for engine in world.engine.engines] == [1, 0, 0]
    world.leave(vanished)
    world.run(8)  # so long silent that its address is anybody's
    world.move(person, vanished.address)
    lets_through["dtls"] = True
    world.run(9)  # and the first handshake has timed out
    assert person.client.state == "connected"
    assert [engine.handshakes for engine in world.engine.engines] == [0, 0, 0]
    world.move(person, arrives_at(world, 2))
    world.run(4)
    assert hears(world, person)


def test_many_sessions_are_found_and_forgotten_again():
    world = World(workers=2, max_listeners=500, max_handshakes=300)
    for round_ in range(3):
        people = [world.join(address=(f"10.{round_}.{i >> 8}.{i & 255}", 9)) for i in range(200)]
        world.run(1)
        assert world.engine.listeners == 200
        for person in people:
            world.engine.end_session(world.now_us, person.session)
            world.leave(person)
        world.run(0.1)
        assert world.engine.listeners == 0


def test_a_listener_whose_keys_came_from_elsewhere_is_found_by_every_worker(world):
    first, second, _ = world.engine.engines
    crowd = _core.Feedback(first, SPACE, 10)
    crowd.prepare(checks=20, reports=0)
    assert crowd.feed(second, world.now_us) == 20
    world.engine.settle(world.now_us)
    assert first.counters()["checks_answered"] == 20
    assert world.drops() == {}
