"""What a load test is to do: pure values and rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Any

from spacescore.errors import InvalidRequestError

__all__ = ["Door", "LoadPlan", "Profile", "Ramp", "start_times"]

MAX_SECONDS = 7 * 86_400  # of whatever takes time
MAX_LISTENERS = 10_000_000  # addresses of 127.0.0.0/8, less some


class Door(StrEnum):
    """How listeners come in."""

    TICKET = "ticket"
    WHEP = "whep"
    JANUS = "janus"


class Profile(StrEnum):
    """How arrivals are spread over time."""

    LINEAR = "linear"
    STORM = "storm"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Ramp:
    """When listeners arrive.

    linear: evenly over `seconds`; storm: at random moments within `seconds`, as a crowd does
    that was told a time; step: in `steps` groups of one size, each at once, with equal
    pauses that fill `seconds`.
    """

    profile: Profile = Profile.LINEAR
    seconds: float = 2.0
    steps: int = 4

    def __post_init__(self) -> None:
        _require(0 <= self.seconds <= MAX_SECONDS, "A ramp of zero seconds to a week.")
        _require(self.steps >= 1, "A ramp of one step or more.")


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """One load test. Times are in seconds.

    target: a space's page (http://host:8080/s/SPACE), with `door=WHEP` any WHEP endpoint,
    with `door=JANUS` the root of Janus's HTTP API. ticket: what `spacescore ticket --json`
    prints; makes `target` unnecessary for listeners.
    """

    target: str = ""
    door: Door = Door.TICKET
    ticket: Mapping[str, Any] | None = None
    mountpoint: int | None = None  # of Janus's streaming plugin
    listeners: int = 100
    speakers: int = 0
    speech: Path | Sequence[tuple[bytes, int]] | None = None  # a file, or packets; else a tone
    token: str = ""  # of the speakers; none: by the open stage
    whip: str = ""  # where speakers publish, if not in the space of `target`
    ramp: Ramp = field(default_factory=Ramp)
    duration: float = 10.0  # after everybody has joined, or failed
    join_timeout: float = 10.0
    punctual: bool = False  # come when due, though we are behind: it counts as the server's
    max_loss: float = 0.0  # percent
    seed: int = 1
    threads: int = 1
    concurrency: int = 32  # requests at once, where a join needs one
    server_pid: int | None = None
    insecure: bool = False  # whatever certificate an https server shows

    def __post_init__(self) -> None:
        _require(0 <= self.listeners <= MAX_LISTENERS, f"0 to {MAX_LISTENERS:,} listeners.")
        _require(0 <= self.speakers <= 1_000, "0 to 1,000 speakers.")
        _require(self.listeners + self.speakers > 0, "At least one listener or speaker.")
        _require(bool(self.target or self.ticket), "A URL is needed, or a ticket.")
        _require(0 <= self.duration <= MAX_SECONDS, "A duration of zero seconds to a week.")
        _require(0 < self.join_timeout <= MAX_SECONDS, "A join timeout of up to a week.")
        _require(0 <= self.max_loss <= 100, "A loss of 0 to 100 percent.")
        _require(1 <= self.threads <= 64, "1 to 64 threads.")
        _require(1 <= self.concurrency <= 1_000, "1 to 1,000 requests at once.")
        if self.door is Door.JANUS:
            _require(self.mountpoint is not None, "Janus needs a mountpoint's number.")
        if self.ticket is not None:
            _require(self.door is Door.TICKET, "A ticket opens the ticket door only.")


def start_times(ramp: Ramp, count: int, seed: int) -> list[float]:
    """Return when each of `count` arrives, in seconds from the start, in order."""
    match ramp.profile:
        case Profile.LINEAR:
            return [ramp.seconds * index / count for index in range(count)]
        case Profile.STORM:
            rng = Random(seed)  # noqa: S311  (arrivals, no secret)
            return sorted(ramp.seconds * rng.random() for _ in range(count))
        case Profile.STEP:
            pause = ramp.seconds / max(ramp.steps - 1, 1)
            return [pause * (index * ramp.steps // count) for index in range(count)]


def _require(good: bool, what: str) -> None:
    if not good:
        raise InvalidRequestError(what)
