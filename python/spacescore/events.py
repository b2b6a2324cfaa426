"""What a space tells its owner, as values.

Listeners with a public ticket come and go without an event (a million of them would be
one message each); they are a count in `Engine.stats`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ActiveSpeakers",
    "DominantSpeaker",
    "Event",
    "ListenerJoined",
    "ListenerLeft",
    "RecordingFailed",
    "RecordingResumed",
    "SpeakerJoined",
    "SpeakerLeft",
    "event_from",
]


@dataclass(frozen=True, slots=True)
class _Coming:
    space: str
    peer: int
    session: str  # 24 hex digits


@dataclass(frozen=True, slots=True)
class SpeakerJoined(_Coming):
    """A speaker's handshake is done."""


@dataclass(frozen=True, slots=True)
class SpeakerLeft(_Coming):
    """A speaker hung up, fell silent for 30 s, or was sent away."""


@dataclass(frozen=True, slots=True)
class ListenerJoined(_Coming):
    """A listener with a personal ticket (WHEP, or `Engine.accept_offer`) is connected."""


@dataclass(frozen=True, slots=True)
class ListenerLeft(_Coming):
    """A listener with a personal ticket is gone."""


@dataclass(frozen=True, slots=True)
class ActiveSpeakers:
    """Who is audible now: their peer ids, which packets carry as CSRCs."""

    space: str
    peers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DominantSpeaker:
    """Somebody else has the word now; a cough or a short interruption does not take it."""

    space: str
    peer: int


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The recording cannot be written now, and waits; the space goes on."""

    space: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecordingResumed:
    """The recording can be written again, and goes on."""

    space: str


Event = (
    SpeakerJoined
    | SpeakerLeft
    | ListenerJoined
    | ListenerLeft
    | ActiveSpeakers
    | DominantSpeaker
    | RecordingFailed
    | RecordingResumed
)

_COMING: Mapping[str, type[SpeakerJoined | SpeakerLeft | ListenerJoined | ListenerLeft]] = {
    "speaker_joined": SpeakerJoined,
    "speaker_left": SpeakerLeft,
    "listener_joined": ListenerJoined,
    "listener_left": ListenerLeft,
}


def event_from(native: Any, space: str) -> Event | None:
    """Translate what the media core says; None for a kind that is not known here."""
    if native.kind in _COMING:
        return _COMING[native.kind](space, native.peer, native.session.hex())
    if native.kind == "active_speakers":
        return ActiveSpeakers(space, tuple(native.peers))
    if native.kind == "dominant_speaker":
        return DominantSpeaker(space, native.peer)
    if native.kind == "recording_failed":
        return RecordingFailed(space, native.detail)
    if native.kind == "recording_resumed":
        return RecordingResumed(space)
    return None
