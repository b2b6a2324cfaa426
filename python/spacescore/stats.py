"""What an engine measured, as frozen values; names as W3C getStats has them."""

from dataclasses import dataclass
from typing import Any

from spacescore.policy import Role
from spacescore.spaces import Space

__all__ = ["SpaceStats", "SpeakerStats", "space_stats"]


@dataclass(frozen=True, slots=True)
class SpeakerStats:
    """One connected speaker."""

    peer: int
    name: str
    role: Role
    muted: bool
    audible: bool  # among those mixed right now
    level: int  # 0 (loudest) .. 127 (silent), -dBov as in RFC 6464
    packets_received: int
    packets_lost: int
    concealed_samples: int
    jitter_buffer_delay_ms: float
    target_delay_ms: float


@dataclass(frozen=True, slots=True)
class SpaceStats:
    """One space, now."""

    listeners: int
    speakers: tuple[SpeakerStats, ...]
    frames_mixed: int
    recorded_samples: int  # at 48 kHz

    @property
    def live(self) -> bool:
        """Whether anybody is there to be heard."""
        return bool(self.speakers)


def space_stats(space: Space, measured: Any) -> SpaceStats:
    """Join what the media core measured with who is who."""
    return SpaceStats(
        listeners=measured.listeners,
        speakers=tuple(_speaker(space, speaker) for speaker in measured.speakers),
        frames_mixed=measured.frames_mixed,
        recorded_samples=measured.recorded_samples,
    )


def _speaker(space: Space, measured: Any) -> SpeakerStats:
    person = space.people.get(measured.peer)
    return SpeakerStats(
        peer=measured.peer,
        name=person.name if person else "Guest",
        role=person.role if person else Role.SPEAKER,
        muted=measured.muted,
        audible=measured.audible,
        level=measured.level,
        packets_received=measured.packets_received,
        packets_lost=measured.packets_lost,
        concealed_samples=measured.concealed_samples,
        jitter_buffer_delay_ms=measured.jitter_buffer_delay_ms,
        target_delay_ms=measured.target_delay_ms,
    )
