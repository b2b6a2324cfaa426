"""What a load test found: pure arithmetic over the columns that the swarm keeps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from spacescore.load.plan import LoadPlan

__all__ = [
    "Audio",
    "Columns",
    "Generator",
    "Joins",
    "LoadReport",
    "Quantiles",
    "ServerCost",
    "Speakers",
]

Columns = Mapping[str, np.ndarray]

CAUSES = {
    "waiting": "not started",
    "joining": "interrupted",
    "no_answer": "no answer",
    "handshake_timeout": "handshake timed out",
    "handshake_failed": "handshake refused",
    "wrong_certificate": "wrong certificate",
    "lost": "lost after joining",
    "sent_away": "sent away",
}
LATE_MS = 100.0  # a generator that is later than this, one time of a hundred, is too slow
BUSY = 0.95  # of a core
ENOUGH_SECONDS = 1.0  # of listening, before it is said that nobody speaks


@dataclass(frozen=True, slots=True)
class Quantiles:
    """In milliseconds; None where nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    max: float | None = None

    @classmethod
    def of(cls, microseconds: np.ndarray) -> "Quantiles":
        """Return those of a column."""
        if microseconds.size == 0:
            return cls()
        found = np.percentile(microseconds, [50, 95, 99, 100]) / 1_000
        return cls(*(round(float(value), 3) for value in found))

    @classmethod
    def of_counts(
        cls, ends_us: Sequence[int], counts: Sequence[int], largest_us: int
    ) -> "Quantiles":
        """Return those of counts in buckets: of each its upper end."""
        if not sum(counts):
            return cls()
        ends = np.minimum(ends_us, largest_us) / 1_000
        so_far = np.cumsum(counts) / sum(counts)
        at = [float(ends[np.searchsorted(so_far, share)]) for share in (0.5, 0.95, 0.99)]
        return cls(at[0], at[1], at[2], largest_us / 1_000)


@dataclass(frozen=True, slots=True)
class Joins:
    """Who got in."""

    asked: int
    joined: int
    failures: dict[str, int]  # cause → how many
    seconds: float  # from the first who came to the last who was in
    per_second: float
    time: Quantiles  # from coming (a request, or the first check) to the keys
    answered: Quantiles  # from the first check to its first answer
    first_audio: Quantiles  # from coming


@dataclass(frozen=True, slots=True)
class Audio:
    """What came, of all listeners together. Expected are received and lost."""

    listening: int  # who heard anything
    silent: int  # joined and heard nothing, while there was something to hear
    fell_silent: int  # heard nothing any more, while there was something to hear,
    longest_silence: float  # and for how many seconds, at the worst
    expected: int
    received: int
    lost: int
    late: int  # by more than 200 ms after their listener's fastest packet
    reordered: int
    duplicated: int
    skipped: int  # frames the server never sent: a gap in time without one in number
    loss_percent: float  # lost and skipped, of all there should have been
    jitter: Quantiles  # RFC 3550's estimate, over listeners
    delay: Quantiles  # behind the fastest packet of each listener in the run, over packets


@dataclass(frozen=True, slots=True)
class Speakers:
    """Who spoke."""

    asked: int = 0
    joined: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    packets: int = 0
    unanswered: int = 0  # at the end, for seconds


@dataclass(frozen=True, slots=True)
class ServerCost:
    """CPU time of a server on this machine."""

    pid: int
    name: str  # of the process: behind a proxy here, it may be the proxy
    joining_seconds: float
    listening_seconds: float
    ms_per_join: float | None  # what joining took, less the audio sent meanwhile
    us_per_packet: float | None  # what listening took, by packets received
    ms_per_listener_second: float | None
    cores: float  # busy, while everybody listened


@dataclass(frozen=True, slots=True)
class Generator:
    """How the load generator itself did: what it could not keep up with is not the server's."""

    cores: float  # of all threads
    busiest: float  # of them, of a core
    lateness: Quantiles  # of its timers and of joins it began
    request_lag: Quantiles  # of requests that waited for a free thread
    kernel_drops: int  # packets lost in its own buffers
    send_errors: int
    strays: int

    @property
    def bottlenecks(self) -> list[str]:
        """What was too slow here; empty when nothing was."""
        found = []
        if self.kernel_drops:
            found.append(f"{self.kernel_drops:,} packets were lost in its own buffers")
        if self.send_errors:
            found.append(f"{self.send_errors:,} datagrams were refused by its own kernel")
        if (self.lateness.p99 or 0) > LATE_MS:
            found.append(f"timers and joins were late, p99 {self.lateness.p99:,.0f} ms")
        if (self.request_lag.p99 or 0) > LATE_MS:
            found.append(f"requests waited for each other, p99 {self.request_lag.p99:,.0f} ms")
        if self.busiest > BUSY:
            found.append("a thread was busy all the time")
        return found


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The outcome. `listeners`, `heard` and `said` are NumPy columns, for whoever digs on.

    listeners: a row per listener whose join began, by column (`first_check_us`,
    `answered_us`, `connected_us`, `first_audio_us`, `received`, ...), -1 for never. heard and
    said: when the first packet after each silence came to a listener (`member`: the row) or
    left a speaker, with its RTP `timestamp`. All times are on `time.monotonic_ns`'s clock,
    in microseconds. A space takes half a second without a word for silence: a latency bench
    lets its speaker pause for longer.
    """

    plan: LoadPlan
    joins: Joins
    audio: Audio
    speakers: Speakers
    server: ServerCost | None
    generator: Generator
    listened_seconds: float
    listeners: Columns = field(repr=False)
    heard: Columns = field(repr=False)
    said: Columns = field(repr=False)

    @property
    def complaints(self) -> list[str]:
        """Why the test failed; empty when it passed."""
        found = []
        for who, what in (("listener", self.joins), ("speaker", self.speakers)):
            if missing := what.asked - what.joined:
                found.append(f"{missing:,} {who}{'s' * (missing > 1)} did not get in")
            if gone := sum(what.failures.values()) - missing:
                found.append(f"{gone:,} {who}{'s' * (gone > 1)} did not stay")
        if deaf := self.speakers.unanswered:
            were = "speakers were" if deaf > 1 else "speaker was"
            found.append(f"{deaf:,} {were} not answered any more")
        if self.audio.silent:
            found.append(f"{self.audio.silent:,} heard nothing")
        elif self.joins.joined and not self.audio.listening and self._long_enough:
            found.append("nothing was heard: nobody speaks there (--speakers 1 would)")
        if self.audio.fell_silent:
            longest = f"for up to {self.audio.longest_silence:g} s"
            found.append(f"{self.audio.fell_silent:,} fell silent, {longest}")
        if self.audio.loss_percent > self.plan.max_loss:
            found.append(f"{_percent(self.audio.loss_percent)} of the audio was lost")
        return found

    @property
    def _long_enough(self) -> bool:
        """Whether there was time to hear somebody: a test may be stopped early."""
        return 0 < min(self.plan.duration, ENOUGH_SECONDS) <= self.listened_seconds

    @property
    def ok(self) -> bool:
        """Whether everybody joined, stayed and heard enough."""
        return not self.complaints

    def to_dict(self) -> dict[str, Any]:
        """Return all but the columns, as JSON has it."""
        plan = self.plan
        return {
            "ok": self.ok,
            "complaints": self.complaints,
            "plan": {
                "target": plan.target,
                "door": str(plan.door),
                "listeners": plan.listeners,
                "speakers": plan.speakers,
                "ramp": {**asdict(plan.ramp), "profile": str(plan.ramp.profile)},
                "duration": plan.duration,
                "max_loss": plan.max_loss,
                "seed": plan.seed,
            },
            "joins": asdict(self.joins),
            "audio": asdict(self.audio),
            "speakers": asdict(self.speakers),
            "server": asdict(self.server) if self.server else None,
            "generator": {**asdict(self.generator), "bottlenecks": self.generator.bottlenecks},
            "listened_seconds": round(self.listened_seconds, 3),
        }


def joins_of(rows: Columns, fates: Sequence[str], refused: Sequence[str], asked: int) -> Joins:
    """Sum up the joins of listeners; `refused`: the cause of each who did not come that far."""
    came = np.where(rows["asked_us"] >= 0, rows["asked_us"], rows["first_check_us"])
    inside = rows["connected_us"] >= 0
    audible = inside & (rows["first_audio_us"] >= 0)
    answered = rows["answered_us"] >= 0
    joined = int(inside.sum())
    first = came[inside].min() if joined else 0
    seconds = float(rows["connected_us"][inside].max() - first) / 1e6 if joined else 0.0
    return Joins(
        asked=asked,
        joined=joined,
        failures=causes(rows, fates, refused, asked),
        seconds=round(seconds, 3),
        per_second=round(joined / seconds, 1) if seconds else 0.0,
        time=Quantiles.of((rows["connected_us"] - came)[inside]),
        answered=Quantiles.of((rows["answered_us"] - rows["first_check_us"])[answered]),
        first_audio=Quantiles.of((rows["first_audio_us"] - came)[audible]),
    )


def causes(
    rows: Columns, fates: Sequence[str], refused: Sequence[str], asked: int
) -> dict[str, int]:
    """Count why people are not inside, most frequent first; of `asked`, some may not have come."""
    counts = np.bincount(rows["fate"], minlength=len(fates))
    found = Counter(refused)
    for name, count in zip(fates, counts, strict=True):
        if name in CAUSES and count:
            found[CAUSES[name]] += int(count)
    found[CAUSES["waiting"]] += asked - int(rows["fate"].size) - len(refused)
    return dict((+found).most_common())


def audio_of(rows: Columns, delay: Quantiles, silences_us: np.ndarray) -> Audio:
    """Sum up what listeners received; silences_us: for how long each missed all, to the end."""
    hears = rows["received"] > 0
    misses = silences_us > 0
    total = {
        name: int(rows[name].sum())
        for name in ("expected", "received", "late", "reordered", "duplicated", "skipped")
    }
    lost = total["expected"] - total["received"]
    missing, all_of_it = lost + total["skipped"], total["expected"] + total["skipped"]
    return Audio(
        listening=int(hears.sum()),
        silent=int((misses & ~hears).sum()),
        fell_silent=int((misses & hears).sum()),
        longest_silence=round(float(silences_us[misses & hears].max(initial=0)) / 1e6, 1),
        lost=lost,
        loss_percent=round(100 * missing / all_of_it, 4) if all_of_it else 0.0,
        jitter=Quantiles.of(rows["jitter_us"][hears]),
        delay=delay,
        **total,
    )


def _percent(value: float) -> str:
    return f"{value:.3g} %"
