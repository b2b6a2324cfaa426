"""Live audio rooms that hold on launch day.

Embedders need `Engine` (a UDP port with its spaces), perhaps `asgi` (the room service as an
application to mount), and the errors and events. `JitterBuffer`, `Voice`, `Mixer` and
`Repacketizer` are the media layer by itself. Everything is loaded when first used, so
`import spacescore` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacescore.audio import (
        JitterBuffer,
        JitterPolicy,
        Mixed,
        Mixer,
        Popped,
        Repacketizer,
        Voice,
    )
    from spacescore.desk import IceServer
    from spacescore.engine import Engine
    from spacescore.errors import (
        EngineClosedError,
        ForbiddenError,
        InvalidOfferError,
        InvalidRequestError,
        OverloadedError,
        SpacescoreError,
        SpaceTakenError,
        StageFullError,
        StartupError,
        StoreError,
        UnauthenticatedError,
        UnknownPeerError,
        UnknownSessionError,
        UnknownSpaceError,
        UnusableOfferError,
        WrongMomentError,
    )
    from spacescore.events import (
        ActiveSpeakers,
        DominantSpeaker,
        Event,
        ListenerJoined,
        ListenerLeft,
        RecordingFailed,
        RecordingResumed,
        SpeakerJoined,
        SpeakerLeft,
    )
    from spacescore.http import asgi
    from spacescore.policy import Grant, Role
    from spacescore.sdp import Candidate
    from spacescore.spaces import Space
    from spacescore.stats import SpaceStats, SpeakerStats
    from spacescore.tickets import Answer, Ticket
    from spacescore.tokens import KeyRing

_WHERE = {
    "audio": ["JitterBuffer", "JitterPolicy", "Mixed", "Mixer", "Popped", "Repacketizer", "Voice"],
    "desk": ["IceServer"],
    "engine": ["Engine"],
    "errors": [
        "EngineClosedError",
        "ForbiddenError",
        "InvalidOfferError",
        "InvalidRequestError",
        "OverloadedError",
        "SpaceTakenError",
        "SpacescoreError",
        "StageFullError",
        "StartupError",
        "StoreError",
        "UnauthenticatedError",
        "UnknownPeerError",
        "UnknownSessionError",
        "UnknownSpaceError",
        "UnusableOfferError",
        "WrongMomentError",
    ],
    "events": [
        "ActiveSpeakers",
        "DominantSpeaker",
        "Event",
        "ListenerJoined",
        "ListenerLeft",
        "RecordingFailed",
        "RecordingResumed",
        "SpeakerJoined",
        "SpeakerLeft",
    ],
    "http": ["asgi"],
    "policy": ["Grant", "Role"],
    "sdp": ["Candidate"],
    "spaces": ["Space"],
    "stats": ["SpaceStats", "SpeakerStats"],
    "tickets": ["Answer", "Ticket"],
    "tokens": ["KeyRing"],
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = [
    "ActiveSpeakers",
    "Answer",
    "Candidate",
    "DominantSpeaker",
    "Engine",
    "EngineClosedError",
    "Event",
    "ForbiddenError",
    "Grant",
    "IceServer",
    "InvalidOfferError",
    "InvalidRequestError",
    "JitterBuffer",
    "JitterPolicy",
    "KeyRing",
    "ListenerJoined",
    "ListenerLeft",
    "Mixed",
    "Mixer",
    "OverloadedError",
    "Popped",
    "RecordingFailed",
    "RecordingResumed",
    "Repacketizer",
    "Role",
    "Space",
    "SpaceStats",
    "SpaceTakenError",
    "SpacescoreError",
    "SpeakerJoined",
    "SpeakerLeft",
    "SpeakerStats",
    "StageFullError",
    "StartupError",
    "StoreError",
    "Ticket",
    "UnauthenticatedError",
    "UnknownPeerError",
    "UnknownSessionError",
    "UnknownSpaceError",
    "UnusableOfferError",
    "Voice",
    "WrongMomentError",
    "asgi",
]


if not TYPE_CHECKING:  # a checker must not think that every name exists

    def __getattr__(name: str) -> Any:
        if name not in _MODULE_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"spacescore.{_MODULE_OF[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
