"""An independent WebRTC stack at both ends: aiortc speaks by WHIP, aiortc listens by WHEP."""

import math
from collections.abc import Iterator

import pytest

from served import Served
from sound import RATE, level, loudest
from virtual_peer import wait_for
from webrtc_client import AMPLITUDE, TONE_HZ, Peer

pytestmark = pytest.mark.slow

SENT_DBFS = 20 * math.log10(AMPLITUDE)


class Session:
    """A peer at a door, and where its session lives."""

    def __init__(self, served: Served, door: str, peer: Peer, token: str = "") -> None:
        self.peer, self._served, self._token = peer, served, token
        self._door, self._path = f"/{door}/demo", ""
        peer.join(self._exchange)

    def _exchange(self, offer: str) -> str:
        answer, self._path = self._served.offer(self._door, offer, self._token)
        return answer

    def delete(self) -> None:
        assert self._served.delete(self._path, self._token) == 200


@pytest.fixture
def sessions(served: Served) -> Iterator[tuple[Session, Session]]:
    speaker = Session(served, "whip", Peer(speaks=True), served.stage_token("Ada"))
    listener = Session(served, "whep", Peer())
    yield speaker, listener
    listener.peer.close()
    speaker.peer.close()


def test_one_aiortc_hears_the_other_until_the_sessions_are_deleted(served, sessions):
    speaker, listener = sessions
    heard = wait_for(lambda: one_second_of_tone(listener.peer), seconds=15)[0]
    assert loudest(heard) == pytest.approx(TONE_HZ, abs=1)
    assert level(heard, TONE_HZ) == pytest.approx(SENT_DBFS, abs=3)
    assert (served.metric("speakers"), served.metric("listeners")) == (1, 1)
    listener.delete()
    assert (served.metric("speakers"), served.metric("listeners")) == (1, 0)
    speaker.delete()
    assert (served.metric("speakers"), served.metric("listeners")) == (0, 0)
    wait_for(lambda: not served.state()["live"])


def one_second_of_tone(peer: Peer) -> list:
    latest = peer.samples()[-RATE:]
    return [latest] if latest.size == RATE and level(latest, TONE_HZ) > SENT_DBFS - 2 else []
