"""A disk that is full, a database that somebody holds: a clear word, and the audio goes on."""

import json
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from urllib.error import HTTPError

import numpy as np
import pytest

from served import Served
from sound import RATE, decoded, level
from virtual_peer import VirtualPeer, listen_by_ticket, speak_by_whip, wait_for
from world import tone

FRAME = RATE // 50
HAND = "/api/spaces/evening/hand"
Scarce = Callable[[Served], object]


@contextmanager
def full_disk(served: Served) -> Iterator[None]:
    """No file grows any more, as if there were no room: neither the books nor the recording."""
    pid, kind = served.process.pid, resource.RLIMIT_FSIZE
    _, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (0, hard))
    yield
    resource.prlimit(pid, kind, (hard, hard))


@contextmanager
def locked_database(served: Served) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    path = served.data / "rooms.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.fixture
def evening(tmp_path) -> Iterator[tuple[Served, str, VirtualPeer, VirtualPeer]]:
    """A host who speaks, and somebody who listens."""
    served = Served(tmp_path / "data")
    host = served.create_space("evening", host="Ada")
    ada = speak_by_whip(served, "", space="evening", token=host).connected()
    ada.say(tone(440))
    eve = listen_by_ticket(served.ticket("evening")).connected()
    wait_for(lambda: len(eve.heard) > 25)
    yield served, host, ada, eve
    ada.leave()
    eve.leave()
    served.end()


def refused(served: Served, token: str) -> dict[str, str]:
    with pytest.raises(HTTPError) as caught:
        served.request("PUT", HAND, {}, token)
    with caught.value as answer:
        assert answer.code == 503
        assert answer.headers["retry-after"]
        return json.loads(answer.read())


def loudest(samples: np.ndarray) -> float:
    """The tone's level in the best fifth of a second: a busy machine may be late with others."""
    step = RATE // 5
    return max(level(samples[at : at + step], 440) for at in range(0, samples.size - step, step))


def missing(samples: np.ndarray) -> int:
    """In how many frames the tone is not.

    A frame that the engine conceals, for its speaker is late on a busy machine, lies across two of
    them, and the next may begin softly.
    """
    frames = samples[: samples.size // FRAME * FRAME].reshape(-1, FRAME)
    return sum(level(frame, 440) < -18 for frame in frames)


@pytest.mark.slow
@pytest.mark.parametrize("scarce", [full_disk, locked_database])
def test_what_cannot_be_written_is_refused_and_the_audio_goes_on(evening, scarce: Scarce):
    served, host, _, eve = evening
    joe = json.loads(served.post("/api/spaces/evening/people", {"name": "Joe"}))["token"]
    with scarce(served):
        before = len(eve.heard)
        told = refused(served, joe)
        assert told["code"] == "not-stored"
        assert told["detail"].endswith(".")
        assert served.state("evening")["live"]
        late = listen_by_ticket(served.ticket("evening")).connected()
        wait_for(lambda: len(late.heard) > 25)
        wait_for(lambda: len(eve.heard) > before + 25)
        late.leave()
    assert loudest(eve.samples()[-2 * RATE :]) == pytest.approx(-12, abs=1)
    served.request("PUT", HAND, {}, joe)
    people = json.loads(served.request("GET", "/api/spaces/evening/people", None, host))
    assert [who["name"] for who in people["hands"]] == ["Joe"]
    code, _, log = served.stop()
    assert code == 0
    assert "Traceback" not in log


@pytest.mark.slow
def test_a_full_disk_is_told_of_and_the_recording_goes_on_when_it_has_room(evening):
    served, *_ = evening
    wait_for(lambda: served.recording.stat().st_size > 4_000)
    with full_disk(served):
        wait_for(lambda: served.metric("recorder_failures_total") > 0, seconds=20)
        whole = served.recording.stat().st_size
    wait_for(lambda: served.recording.stat().st_size > whole + 4_000, seconds=20)
    assert served.metric("recorder_lost_total") == 0
    written = decoded(served.recording)[RATE:]
    concealed = served.metric("speech_concealed_samples") / FRAME  # of all that is written, or more
    code, _, log = served.stop()
    assert code == 0
    # A concealed frame fades, and so does what is around it.
    assert missing(written) <= 5 * concealed
    assert decoded(served.recording).size >= RATE + written.size
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert events.count("recording failed") == events.count("recording resumed") == 1
    assert "Traceback" not in log
