"""What an engine measured, as frozen values; names as W3C getStats has them, if it does."""

from dataclasses import dataclass, fields
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
    packets_discarded: int  # too late, too large, or never played
    packets_duplicated: int
    packets_repaired: int  # lost ones that came again as redundant copies (RFC 2198)
    fec_packets_received: int  # lost ones made from the in-band FEC of the next
    concealed_samples: int
    silent_concealed_samples: int
    concealment_events: int
    inserted_samples_for_deceleration: int
    removed_samples_for_acceleration: int
    frames_decoded: int  # packets given to the decoder: only who may be heard is decoded
    decode_errors: int  # packets that were no Opus inside; concealed
    jitter: float  # seconds, RFC 3550
    jitter_buffer_delay: float  # seconds, summed over the samples emitted
    jitter_buffer_emitted_count: int
    jitter_buffer_delay_ms: float  # the mean of it
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
        name=person.name if person else "Guest",
        role=person.role if person else Role.SPEAKER,
        **{name: getattr(measured, name) for name in _MEASURED},
    )


_MEASURED = tuple(f.name for f in fields(SpeakerStats) if f.name not in ("name", "role"))
