"""The embedder's door, with the real media core behind it."""

import asyncio
import os
import threading
from contextlib import contextmanager
from functools import partial

import pytest
import trio

from offers import LISTEN, SPEAK, TALKBACK
from spacescore import (
    ActiveSpeakers,
    Engine,
    EngineClosedError,
    ForbiddenError,
    InvalidRequestError,
    ListenerJoined,
    ListenerLeft,
    OverloadedError,
    SpaceTakenError,
    SpeakerJoined,
    SpeakerLeft,
    StartupError,
    UnknownPeerError,
    UnknownSessionError,
    UnknownSpaceError,
)
from spacescore._native import _core
from spacescore.engine import TICKET_SECONDS
from spacescore.sdp import parse_offer
from spacescore.spaces import MAX_PEOPLE, space_id
from virtual_peer import speak_by_offer, wait_for
from webrtc_client import Peer

NOW = 1_800_000_000


def ufrag_of(answer: str) -> str:
    return answer.split("a=ice-ufrag:")[1].split("\r\n")[0]


def keys_of(engine: Engine) -> "_core.TicketKeys":
    keys = _core.TicketKeys()
    for number, key in engine.data.ticket_keys():
        keys.add(number, key)
    return keys


@pytest.fixture
def settled(tmp_path) -> "Engine":
    """An engine whose wall clock the test sets."""
    now = [NOW]
    with Engine(host="127.0.0.1", port=0, data=tmp_path / "d", clock=lambda: now[0]) as engine:
        engine.now = now
        engine.create_space("demo")
        yield engine


# Starting and stopping.


def test_an_engine_says_where_it_listens(engine):
    assert engine.port > 0
    assert [(c.ip, c.port) for c in engine.candidates] == [("127.0.0.1", engine.port)]
    assert len(bytes.fromhex(engine.fingerprint.replace(":", ""))) == 32


def test_a_port_that_is_taken_is_an_oserror_that_leaves_nothing_behind(engine, tmp_path):
    for _ in range(2):
        with pytest.raises(OSError, match="Address already in use"):
            Engine(host="127.0.0.1", port=engine.port, data=tmp_path / "second")


@pytest.mark.parametrize("announce", ["localhost", "0.0.0.0", "1.2.3"])
def test_an_announced_address_must_be_one(announce):
    with pytest.raises(InvalidRequestError):
        Engine(port=0, announce=[announce])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"port": -1}, "port is a whole number from 0 to 65,535"),
        ({"port": 70_000}, "port is a whole number from 0 to 65,535"),
        ({"workers": 0}, "workers is a whole number from 1 to 64"),
        ({"workers": 2.5}, "workers is a whole number from 1 to 64"),
        ({"max_listeners": 0}, "max_listeners is a whole number from 1 to"),
        ({"max_listeners": -1}, "max_listeners is a whole number from 1 to"),
        ({"max_listeners": 2**29}, "max_listeners is a whole number from 1 to 536,870,911"),
        ({"host": "nonsense"}, "'nonsense' is no IP address"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_tells_no_key(tmp_path, wrong, reason):
    """What pybind11 refuses, it repeats with all arguments: the private key would be one."""
    with pytest.raises(InvalidRequestError, match=reason):
        Engine(**{"host": "127.0.0.1", "port": 0, "data": tmp_path / "node"} | wrong)
    assert not (tmp_path / "node").exists()


def test_two_engines_do_not_share_a_folder(engine):
    with pytest.raises(StartupError, match="Another node"):
        Engine(host="127.0.0.1", port=0, data=engine.data.path)


def test_what_a_folder_keeps_outlives_the_engine(tmp_path):
    with Engine(host="127.0.0.1", port=0, data=tmp_path) as first:
        first.create_space("demo")
        fingerprint, ticket = first.fingerprint, first.ticket("demo")
    with Engine(host="127.0.0.1", port=0, data=tmp_path) as second:
        assert second.fingerprint == fingerprint
        assert second._node.password(ticket.ticket) == ticket.password


def test_without_a_folder_nothing_is_kept_or_recorded():
    with Engine(host="127.0.0.1", port=0) as one, Engine(host="127.0.0.1", port=0) as two:
        assert one.fingerprint != two.fingerprint
        assert one.create_space("demo").recording == ""


def test_a_closed_engine_says_so(engine):
    engine.close()
    engine.close()
    for call in (engine.counters, lambda: engine.create_space("x"), lambda: engine.port):
        with pytest.raises(EngineClosedError):
            call()


def test_an_engine_does_not_cross_a_fork(engine):
    child = os.fork()
    if child == 0:
        try:
            engine.counters()
        except EngineClosedError:
            engine.close()
            os._exit(7)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert engine.counters()["listeners"] == 0


# Spaces and people.


def test_a_space_is_recorded_under_a_name_of_its_own(settled):
    path = settled.space("demo").recording
    assert path.endswith("/recordings/demo-2027-01-15T08-00-00Z.opus")
    settled.close_space("demo")
    assert settled.create_space("demo").recording != path


def test_a_space_that_is_not_to_be_recorded_is_not(engine):
    assert engine.create_space("quiet", record=False).recording == ""
    assert list(engine.data.recordings.iterdir()) == []


def test_spaces_open_once_and_close_once(engine):
    assert engine.create_space("demo").id == space_id("demo")
    with pytest.raises(SpaceTakenError):
        engine.create_space("demo")
    engine.close_space("demo")
    for call in (engine.close_space, engine.stats, engine.ticket, engine.space):
        with pytest.raises(UnknownSpaceError):
            call("demo")
    engine.create_space("demo")


def test_a_quiet_space_has_quiet_numbers(settled):
    stats = settled.stats("demo")
    assert (stats.listeners, stats.speakers, stats.live) == (0, (), False)


def test_nobody_is_muted_who_is_not_there(settled):
    with pytest.raises(UnknownPeerError):
        settled.mute("demo", 5)


def test_who_was_removed_stays_out_and_their_sessions_end(settled):
    grant = settled.invite("demo", role="speaker", name="Mallory")
    answer = settled.accept_offer("demo", SPEAK, grant=grant)
    settled.remove("demo", grant.peer)
    with pytest.raises(LookupError):
        settled.session(answer.key)
    with pytest.raises(ForbiddenError):
        settled.accept_offer("demo", SPEAK, grant=grant)


def test_who_is_inside_can_be_removed_though_invitations_made_them_forgotten(settled):
    grant = settled.invite("demo", role="speaker", name="Mallory")
    settled.accept_offer("demo", SPEAK, grant=grant)
    for _ in range(MAX_PEOPLE):
        settled.invite("demo", role="speaker")
    assert grant.peer not in settled.space("demo").people
    settled.remove("demo", grant.peer)
    with pytest.raises(ForbiddenError):
        settled.accept_offer("demo", SPEAK, grant=grant)


# Tickets and answers.


def test_a_ticket_is_the_same_until_half_of_it_is_over(settled):
    first = settled.ticket("demo")
    assert first.expiry == NOW + TICKET_SECONDS
    settled.now[0] += TICKET_SECONDS // 2 - 1
    assert settled.ticket("demo") is first
    settled.now[0] += 1
    assert settled.ticket("demo").expiry == NOW + TICKET_SECONDS + TICKET_SECONDS // 2


def test_a_public_ticket_grants_listening_and_no_more(settled):
    ticket = settled.ticket("demo")
    ufrag = _core.make_ufrag(ticket.ticket, bytes(12), 111)
    opened = keys_of(settled).open(ufrag, unix_us=NOW * 1_000_000)
    assert (opened.role, opened.peer, opened.personal) == ("listener", 0, False)
    assert opened.space == space_id("demo")
    assert opened.password == ticket.password


@pytest.mark.parametrize(("role", "offer"), [("speaker", SPEAK), ("host", TALKBACK)])
def test_a_speakers_name_on_the_wire_binds_the_certificate_of_the_offer(settled, role, offer):
    answer = settled.accept_offer("demo", offer, role=role, peer=77, name="Ada")
    opened = keys_of(settled).open(ufrag_of(answer.sdp), unix_us=NOW * 1_000_000)
    assert (opened.role, opened.peer) == (role, 77)
    assert opened.personal
    assert opened.requires_certificate
    parsed = parse_offer(offer, publishing=True)
    assert opened.fingerprint == parsed.fingerprint[:16]
    assert opened.payload_type == parsed.payload_type
    assert opened.session.hex() == answer.session
    assert opened.expiry == NOW + 30


def test_a_listener_by_offer_is_somebody_and_is_asked_for_no_certificate(settled):
    answers = [settled.accept_offer("demo", LISTEN) for _ in range(2)]
    opened = [keys_of(settled).open(ufrag_of(a.sdp), unix_us=NOW * 1_000_000) for a in answers]
    assert len({o.peer for o in opened} | {0}) == 3
    assert [o.fingerprint for o in opened] == [None, None]
    assert [a.peer for a in answers] == [o.peer for o in opened]


def test_a_session_can_be_ended_before_it_begins(settled):
    answer = settled.accept_offer("demo", LISTEN)
    assert settled.session(answer.key).peer == answer.peer
    assert settled.end_session(answer.session)
    with pytest.raises(LookupError):
        settled.session(answer.key)


# Packet times.


def test_a_space_has_the_tier_that_it_is_given(settled):
    for tier in (20, 40, 60, 120, "auto"):
        settled.set_tier("demo", tier)
    with pytest.raises(UnknownSpaceError):
        settled.set_tier("elsewhere", 60)
    for wrong in (0, 30, "60", "fast", None):
        with pytest.raises(InvalidRequestError, match=r'20, 40, 60 or 120 ms, or "auto"'):
            settled.set_tier("demo", wrong)


def test_a_listeners_tier_is_for_who_is_connected(settled):
    answer = settled.accept_offer("demo", LISTEN)
    with pytest.raises(UnknownSessionError):
        settled.set_listener_tier(answer.session, 60)
    with pytest.raises(InvalidRequestError, match='or "space"'):
        settled.set_listener_tier(answer.session, "auto")


def test_an_engine_may_begin_every_space_with_a_tier_of_its_choice():
    with pytest.raises(InvalidRequestError, match="tier"):
        Engine(host="127.0.0.1", port=0, packet_time=10)
    with Engine(host="127.0.0.1", port=0, packet_time=60) as engine:
        engine.create_space("demo")
        assert engine.stats("demo").listeners == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="a ring of frames needs CAP_NET_RAW")
def test_an_engine_may_send_by_a_ring_and_counts_what_does():
    with pytest.raises(ValueError, match='interface "sc-none0": there is no such interface'):
        Engine(host="127.0.0.1", port=0, packet_interface="sc-none0")
    with Engine(host="127.0.0.1", port=0, packet_interface="lo", workers=2) as engine:
        counters = engine.counters()
        assert [counters[f"ring_{what}"] for what in ("packets", "fallbacks", "full")] == [0, 0, 0]


def test_relief_is_that_of_the_latest_worker(monkeypatch, settled):
    workers = [{"relief": 0, "listeners": 1}, {"relief": 3, "listeners": 2}, {"relief": 1}]
    monkeypatch.setattr(settled, "worker_counters", lambda: workers)
    assert settled.counters() == {"relief": 3, "listeners": 3}


def test_a_full_node_takes_no_more_listeners(settled):
    settled.max_listeners = 0
    with pytest.raises(OverloadedError):
        settled.accept_offer("demo", LISTEN)


def test_threads_may_call_at_once(settled):
    failures = []

    def work(number: int) -> None:
        try:
            for _ in range(20):
                slug = f"s{number}"
                settled.create_space(slug, record=False)
                settled.accept_offer(slug, LISTEN)
                settled.close_space(slug)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert [space.slug for space in settled.spaces] == ["demo"]


# Events, with a peer of another make at the other end.


async def read_until(engine: Engine, kinds: tuple[type, ...]) -> list:
    """Read until there was one event of each kind, or the engine is closed."""
    found = []
    async for event in engine.events():
        found.append(event)
        if {type(event) for event in found} >= set(kinds):
            break
    return found


def under_trio(engine: Engine, *kinds: type) -> list:
    async def main():
        with trio.fail_after(20):
            return await read_until(engine, kinds)

    return trio.run(main)


def under_asyncio(engine: Engine, *kinds: type) -> list:
    return asyncio.run(asyncio.wait_for(read_until(engine, kinds), 20))


@pytest.fixture
def peer():
    peers = []

    def make(**options) -> Peer:
        peers.append(Peer(**options))
        return peers[-1]

    yield make
    for one in peers:
        one.close()


@pytest.mark.parametrize("run", [under_trio, under_asyncio])
def test_who_comes_is_told_under_every_event_loop(engine, peer, run):
    engine.create_space("demo")
    speaker, listener = peer(speaks=True), peer()
    speaker.join(lambda sdp: engine.accept_offer("demo", sdp, role="speaker", name="Ada").sdp)
    listener.join(lambda sdp: engine.accept_offer("demo", sdp).sdp)
    events = run(engine, SpeakerJoined, ListenerJoined, ActiveSpeakers)
    joined = next(event for event in events if isinstance(event, SpeakerJoined))
    assert joined.space == "demo"
    stats = engine.stats("demo")
    assert [(who.name, who.peer) for who in stats.speakers] == [("Ada", joined.peer)]
    assert (stats.listeners, stats.live) == (1, True)

    heard = next(event for event in events if isinstance(event, ActiveSpeakers))
    assert heard.peers == (joined.peer,)

    engine.remove("demo", joined.peer)
    left = run(engine, SpeakerLeft)[-1]
    assert (left.peer, left.session) == (joined.peer, joined.session)

    (listening,) = [event for event in events if isinstance(event, ListenerJoined)]
    engine.end_session(listening.session)
    assert run(engine, ListenerLeft)[-1] == ListenerLeft("demo", listening.peer, listening.session)


def test_a_muted_speaker_is_not_heard(engine, peer):
    engine.create_space("demo")
    speaker = peer(speaks=True)
    speaker.join(lambda sdp: engine.accept_offer("demo", sdp, role="speaker", name="Ada").sdp)
    joined = under_trio(engine, SpeakerJoined, ActiveSpeakers)[0]
    engine.mute("demo", joined.peer)
    assert under_trio(engine, ActiveSpeakers)[-1].peers == ()
    assert engine.stats("demo").speakers[0].muted
    engine.mute("demo", joined.peer, False)
    assert under_trio(engine, ActiveSpeakers)[-1].peers == (joined.peer,)


def test_events_survive_whoever_else_looks(engine, peer):
    """A request may take events from the core while somebody waits for them."""
    engine.create_space("demo")
    found = []
    reader = threading.Thread(target=lambda: found.extend(under_trio(engine, ListenerJoined)))
    reader.start()
    listener = peer()
    answer = []

    def exchange(sdp: str) -> str:
        answer.append(engine.accept_offer("demo", sdp))
        return answer[0].sdp

    listener.join(exchange)
    for _ in range(200):
        engine.session(answer[0].key)
    reader.join(20)
    assert [type(event) for event in found] == [ListenerJoined]


@pytest.mark.parametrize("run", [under_trio, under_asyncio])
def test_events_end_when_the_engine_is_closed(engine, run, monkeypatch):
    closing = threading.Timer(0.05, engine.close)
    listen = engine.events

    def listen_then_close():
        events = listen()
        closing.start()
        return events

    monkeypatch.setattr(engine, "events", listen_then_close)
    assert run(engine, SpeakerJoined) == []
    closing.join()


def test_cancelling_a_reader_leaves_the_events_to_the_next(engine):
    async def main():
        with trio.move_on_after(0.01):
            async for _ in engine.events():
                pass
        assert engine.drain() == []

    trio.run(main)


def test_whoever_was_muted_is_muted_when_they_come_back(engine):
    engine.create_space("demo")

    @contextmanager
    def on_stage():
        offer = partial(engine.accept_offer, "demo", role="speaker", peer=77, name="Ada")
        answers = []
        peer = speak_by_offer(lambda sdp: answers.append(offer(sdp)) or answers[0].sdp).connected()
        yield
        engine.end_session(answers[0].session)
        peer.leave()
        assert not engine.stats("demo").speakers

    with on_stage():
        engine.mute("demo", 77)
    with on_stage():
        wait_for(lambda: engine.drain() or engine.stats("demo").speakers[0].muted)
        assert wait_for(lambda: engine.stats("demo").speakers)[0].muted
        engine.mute("demo", 77, False)
    with on_stage():
        engine.drain()
        assert not engine.stats("demo").speakers[0].muted
