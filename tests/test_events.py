"""Events as values."""

from types import SimpleNamespace

import pytest

from spacescore.events import (
    ActiveSpeakers,
    DominantSpeaker,
    ListenerJoined,
    ListenerLeft,
    RecordingFailed,
    RecordingResumed,
    SpeakerJoined,
    SpeakerLeft,
    event_from,
)

NATIVE = {"peer": 7, "session": bytes(range(12)), "peers": [], "detail": ""}
HEX = "000102030405060708090a0b"


@pytest.mark.parametrize(
    ("native", "event"),
    [
        ({"kind": "speaker_joined"}, SpeakerJoined("demo", 7, HEX)),
        ({"kind": "speaker_left", "detail": "silent"}, SpeakerLeft("demo", 7, HEX)),
        ({"kind": "listener_joined"}, ListenerJoined("demo", 7, HEX)),
        ({"kind": "listener_left"}, ListenerLeft("demo", 7, HEX)),
        ({"kind": "active_speakers"}, ActiveSpeakers("demo", ())),
        ({"kind": "dominant_speaker"}, DominantSpeaker("demo", 7)),
        (
            {"kind": "active_speakers", "peers": [7, 2**32 - 1]},
            ActiveSpeakers("demo", (7, 2**32 - 1)),
        ),
        ({"kind": "recording_failed", "detail": "disk full"}, RecordingFailed("demo", "disk full")),
        ({"kind": "recording_resumed"}, RecordingResumed("demo")),
        ({"kind": "something_newer"}, None),
    ],
)
def test_every_kind_becomes_its_value(native, event):
    assert event_from(SimpleNamespace(**(NATIVE | native)), "demo") == event
