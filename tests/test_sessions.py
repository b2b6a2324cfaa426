"""The table of negotiated sessions: two names each, and nothing kept for ever."""

import pytest

from spacescore import sessions as module
from spacescore.errors import OverloadedError, UnknownSessionError
from spacescore.policy import Role
from spacescore.sdp import Direction, MediaLine, Offer
from spacescore.sessions import WAITING_SECONDS, Session, Sessions

MEDIA = MediaLine("audio", "UDP/TLS/RTP/SAVPF", "111", "0")
OFFER = Offer((MEDIA,), 0, 111, 0, 0, Direction.SENDONLY, bytes(32), "abcd", True, False)


def make(number: int, created: float = 0.0, space: str = "demo", peer: int = 1) -> Session:
    key = f"{number:032x}"
    return Session(number.to_bytes(12), key, space, Role.LISTENER, peer, OFFER, created)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


def test_a_session_is_found_by_its_secret_and_not_by_its_id(sessions):
    session = make(1)
    sessions.add(session)
    assert sessions.get(session.key) is session
    with pytest.raises(UnknownSessionError):
        sessions.get(session.id.hex())


def test_a_removed_session_is_gone_and_removing_it_again_says_so(sessions):
    session = make(1)
    sessions.add(session)
    assert sessions.remove(session.id)
    assert not sessions.remove(session.id)
    with pytest.raises(UnknownSessionError):
        sessions.get(session.key)


def test_who_never_comes_is_forgotten_and_who_came_is_not(sessions):
    came, late = make(1), make(2)
    sessions.add(came)
    sessions.add(late)
    sessions.note_joined(came.id)
    sessions.add(make(3, created=WAITING_SECONDS - 0.1))
    assert len(sessions) == 3
    sessions.add(make(4, created=WAITING_SECONDS))
    assert sessions.get(came.key) is came
    with pytest.raises(UnknownSessionError):
        sessions.get(late.key)


def test_the_number_of_sessions_is_bounded(sessions, monkeypatch):
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    sessions.add(make(1))
    sessions.add(make(2))
    with pytest.raises(OverloadedError):
        sessions.add(make(3))
    sessions.remove(make(1).id)
    sessions.add(make(3))


def test_the_sessions_of_a_space_and_of_a_person(sessions):
    for session in (make(1), make(2, peer=2), make(3, space="other")):
        sessions.add(session)
    assert {s.id[-1] for s in sessions.of_space("demo")} == {1, 2}
    assert {s.id[-1] for s in sessions.of_space("demo", peer=2)} == {2}


def test_entity_tags_are_strong_and_each_sessions_own():
    assert make(1).etag.startswith('"')
    assert make(1).etag.endswith('"')
    assert make(1).etag != make(1 << 90).etag
