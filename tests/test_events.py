"""Events as values."""

import pytest

from spacescore.events import (
    ActiveSpeakers,
    ListenerJoined,
    ListenerLeft,
    RecordingFailed,
    SpeakerJoined,
    SpeakerLeft,
    event_from,
)

SESSION = bytes(range(12))
HEX = "000102030405060708090a0b"


@pytest.mark.parametrize(
    ("kind", "detail", "event"),
    [
        ("speaker_joined", "", SpeakerJoined("demo", 7, HEX)),
        ("speaker_left", "silent", SpeakerLeft("demo", 7, HEX)),
        ("listener_joined", "", ListenerJoined("demo", 7, HEX)),
        ("listener_left", "", ListenerLeft("demo", 7, HEX)),
        ("active_speakers", "", ActiveSpeakers("demo", ())),
        ("active_speakers", "7", ActiveSpeakers("demo", (7,))),
        ("active_speakers", "7,4294967295", ActiveSpeakers("demo", (7, 2**32 - 1))),
        ("recording_failed", "disk full", RecordingFailed("demo", "disk full")),
        ("something_newer", "", None),
    ],
)
def test_every_kind_becomes_its_value(kind, detail, event):
    assert event_from(kind, "demo", 7, SESSION, detail) == event
