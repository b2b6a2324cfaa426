"""fanout/io: a node with its threads, its clock and its sockets, and peers on real loopback."""

import errno
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sound import decoded
from spacescore._native import _core
from virtual_peer import VirtualPeer, new_context, wait_for
from world import KEY, RATE, SPACE, clearest, strength, tone

Node = Any
Join = Callable[..., VirtualPeer]
ADA, BO = 11, 12
needs_descriptors = pytest.mark.skipif(
    "UBSAN_OPTIONS" in os.environ, reason="UBSan looks at an object's type through a pipe"
)


def start(**options: Any) -> Node:
    node = _core.Node(**({"host": "127.0.0.1", "port": 0} | options))
    node.add_ticket_key(1, KEY)
    return node


@pytest.fixture(params=[1, 3], ids=["one worker", "three workers"])
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    node = start(workers=request.param)
    node.create_space(SPACE)
    yield node
    node.close()


@pytest.fixture
def join() -> Iterator[Join]:
    """``join(node, peer=)`` connects a listener; with ``role="speaker"``, a speaker."""
    inside = []

    def join(
        node: Node, *, role: str = "listener", peer: int = 0, host: str = "127.0.0.1"
    ) -> VirtualPeer:
        context = new_context() if role == "speaker" else None
        ticket = node.mint(
            space=SPACE,
            role=role,
            expiry=int(time.time()) + 60,
            peer=peer,
            personal=peer != 0,
            requires_certificate=context is not None,
        )
        fingerprint = context.fingerprint if context else None
        inside.append(
            VirtualPeer(
                (host, node.port),
                ufrag=_core.make_ufrag(ticket, os.urandom(12), 111, fingerprint),
                password=node.password(ticket),
                context=context,
                server_fingerprint=bytes.fromhex(node.fingerprint.replace(":", "")),
            )
        )
        return inside[-1].connected()

    yield join
    for peer in inside:
        peer.leave()


@pytest.mark.parametrize(
    ("bound", "host"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("::", "::1")],
)
def test_who_speaks_is_heard_over_either_family(join, bound, host):
    if ":" in bound + host and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    node = start(host=bound)
    node.create_space(SPACE)
    speaker = join(node, role="speaker", peer=ADA, host=host)
    listener = join(node, host=host)
    speaker.say(islice(tone(440), 50))
    wait_for(lambda: any(ADA in audio.csrc for audio in list(listener.heard)))
    first = next(i for i, audio in enumerate(listener.heard) if ADA in audio.csrc)
    wait_for(lambda: len(listener.heard) >= first + 40)
    middle = listener.samples()[(first + 5) * 960 :][: 30 * 960]
    assert clearest(middle, 440) == pytest.approx(0.25, rel=0.2)
    assert (listener.client.stats.packets_lost, listener.client.drops) == (0, {})
    stats = node.space_stats(SPACE)
    assert (stats.listeners, [who.peer for who in stats.speakers]) == (1, [ADA])
    listener.leave()
    speaker.leave()
    node.close()


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_an_answer_leaves_from_the_address_the_check_came_to(join):
    everywhere = start(host="::")
    everywhere.create_space(SPACE)
    try:  # a route to 127.0.0.5 starts at 127.0.0.1, so the kernel alone would answer from there
        join(everywhere, host="127.0.0.5").connected()
        join(everywhere, host="127.0.0.6").connected()
    finally:
        everywhere.close()


def test_speakers_hear_each_other_and_not_themselves(node, join):
    ada, bo = (join(node, role="speaker", peer=peer) for peer in (ADA, BO))
    ada.say(islice(tone(440), 100))
    bo.say(islice(tone(1_000), 100))
    ada.spoken()
    bo.spoken()
    for peer, own, other in [(ada, 440, 1_000), (bo, 1_000, 440)]:
        middle = peer.samples()[RATE // 2 :][:RATE]
        assert clearest(middle, other) == pytest.approx(0.25, rel=0.2)
        assert strength(middle, own) < 0.25 / 100


@pytest.mark.slow
def test_who_leaves_is_gone_within_the_grace_of_an_alert(node, join):
    join(node).leave()
    staying = join(node)
    wait_for(lambda: node.space_stats(SPACE).listeners == 1, seconds=12)  # and a patrol of 5 s
    assert staying.client.state == "connected"


def test_a_session_that_is_ended_is_gone_at_once(node, join):
    join(node, peer=77)
    (event,) = wait_for(node.drain)
    assert (event.kind, event.peer) == ("listener_joined", 77)
    assert node.end_session(event.session)
    assert node.space_stats(SPACE).listeners == 0
    assert not node.end_session(event.session)


def test_events_make_the_descriptor_readable_until_they_are_drained(node, join):
    def is_readable(seconds: float = 0) -> bool:
        return bool(select.select([node.fileno()], [], [], seconds)[0])

    assert not is_readable()
    join(node, role="speaker", peer=ADA)
    assert is_readable(5)
    (joined,) = node.drain()
    assert (joined.kind, joined.space, joined.peer) == ("speaker_joined", SPACE, ADA)
    assert len(joined.session) == 12
    assert not is_readable()
    assert node.drain() == []
    node.remove_peer(SPACE, ADA)
    assert is_readable(5)
    assert [event.kind for event in node.drain()] == ["speaker_left"]


def test_nameless_listeners_make_no_events(node, join):
    join(node)
    assert node.space_stats(SPACE).listeners == 1
    assert node.drain() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_in_use_is_an_oserror(node, workers):
    with pytest.raises(OSError, match="in use") as caught:
        _core.Node(host="127.0.0.1", port=node.port, workers=workers)
    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("workers", [0, 65])
def test_a_bad_number_of_workers_is_named(workers):
    with pytest.raises(ValueError, match="workers must be 1 to 64"):
        _core.Node(host="127.0.0.1", port=0, workers=workers)


def test_an_audience_spread_over_workers_hears_the_same(join):
    node = start(workers=3)
    node.create_space(SPACE)
    audience = [join(node) for _ in range(12)]
    speaker = join(node, role="speaker", peer=ADA)
    speaker.say(islice(tone(440), 60))
    speaker.spoken()
    for listener in audience:
        wait_for(lambda heard=listener.heard: len(heard) >= 50)
        assert clearest(listener.samples()[: 45 * 960], 440) == pytest.approx(0.25, rel=0.2)
        assert listener.client.stats.packets_lost == 0
    assert node.space_stats(SPACE).listeners == 12
    seated = [worker["listeners"] for worker in node.counters()]
    assert sum(seated) == 12
    assert max(seated) < 12  # the kernel spreads them
    node.close()


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("threads", "starting a thread: Resource temp"),
        pytest.param("descriptors", "Too many open files", marks=needs_descriptors),
    ],
)
def test_a_node_that_cannot_start_says_why_and_leaves_nothing_behind(what, complaint):
    """Whichever of its threads, sockets and wakers is one too many: `scarce` looks after each."""
    script = Path(__file__).parents[1] / "scarce.py"
    tried = subprocess.run([sys.executable, script, what], capture_output=True, text=True)
    assert (tried.returncode, tried.stderr) == (0, "")
    errors = tried.stdout.splitlines()
    assert len(errors) >= 6
    assert [error for error in errors if complaint not in error] == []


@pytest.mark.parametrize("host", ["localhost", "", "1.2.3.4.5"])
def test_a_host_is_an_address(host):
    with pytest.raises(ValueError, match="IP address"):
        _core.Node(host=host, port=0)


def test_closing_finishes_the_recording_and_may_be_repeated(join, tmp_path):
    node, recording = start(), tmp_path / "space.ogg"
    node.create_space(SPACE, title="The space", record_path=str(recording))
    speaker = join(node, role="speaker", peer=ADA)
    speaker.say(islice(tone(440), 75))
    speaker.spoken()
    wait_for(lambda: not node.space_stats(SPACE).speakers[0].audible)
    samples = node.space_stats(SPACE).recorded_samples
    speaker.leave()
    for _ in range(2):
        node.close()
    heard = decoded(recording)
    assert heard.size == samples
    voice = np.flatnonzero(np.abs(heard) > 0.01)
    assert (voice[-1] - voice[0]) / RATE == pytest.approx(75 * 0.020, abs=0.1)
    assert clearest(heard[voice[0] :][:RATE], 440) == pytest.approx(0.25, rel=0.1)


def test_a_closed_worker_says_goodbye_refuses_commands_and_frees_its_port(join):
    node = start()
    node.create_space(SPACE)
    listener = join(node)
    node.close()
    wait_for(lambda: listener.client.state == "closed")
    assert node.drain() == []
    with pytest.raises(RuntimeError, match="closed"):
        node.space_stats(SPACE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as successor:
        successor.bind(("127.0.0.1", node.port))
