"""Links made up from a seed: the same seed, the same trace, on every machine.

`LINKS` names one generator each for what the open Internet does to speech. All make packets of
20 ms; what came from a generator may be published, captured links often may not.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from spacescore.jitterlab.trace import Trace, make_trace

__all__ = ["LINKS", "link"]

FRAME_US, FRAME_SAMPLES = 20_000, 960
Floats = NDArray[np.float64]


def gilbert_elliott(
    rng: np.random.Generator, count: int, loss: float, burst: float
) -> NDArray[np.bool_]:
    """Return which packets are lost: `loss` of them, in bursts of `burst` packets on average."""
    recover = 1 / burst
    fail = recover * loss / (1 - loss)
    lost = np.zeros(count, bool)
    bad = False
    for i, draw in enumerate(rng.random(count)):
        bad = draw >= recover if bad else draw < fail
        lost[i] = bad
    return lost


def in_turn(delay_ms: Floats) -> Floats:
    """Return delays of a queue: nobody overtakes, whoever waits lets those behind wait too."""
    frame_ms = FRAME_US / 1_000
    sent = np.arange(len(delay_ms)) * frame_ms
    return np.asarray(np.maximum.accumulate(sent + delay_ms) - sent)


def spikes(rng: np.random.Generator, count: int, every_s: float, heights_ms: Floats) -> Floats:
    """Return sudden delays that drain as the queue behind them does, some seconds apart."""
    delay = np.zeros(count)
    at = 0.0
    while (at := at + rng.exponential(every_s) * 50) < count:
        delay[int(at)] = rng.uniform(*heights_ms)
    return in_turn(delay)


def byte_queue(
    rng: np.random.Generator, count: int, load: float, burst_ms: float, slot_ms: float
) -> Floats:
    """Return the delays of a cell that serves us and bursts of others from one queue.

    Every `slot_ms` the cell grants what its radio just then allows; others fill `load` of the
    mean with bursts that take `burst_ms` of it each.
    """
    slots = int(count * 20 / slot_ms) + 1
    fading = np.cumsum(rng.normal(0, 0.05, slots))
    fading = np.exp(0.5 * np.sin(fading) + rng.normal(0, 0.2, slots))
    grant = slot_ms * fading / fading.mean()
    bursts = rng.random(slots) < load * slot_ms / burst_ms
    work = np.where(bursts, rng.exponential(burst_ms, slots), 0.0)
    backlog = np.empty(slots)
    queued = 0.0
    for i in range(slots):
        queued = max(0.0, queued + work[i] - grant[i])
        backlog[i] = queued
    sent = np.arange(count) * 20 / slot_ms
    slot = np.minimum(sent.astype(np.int64), slots - 1)
    return in_turn(backlog[slot] + slot_ms * (1 - sent % 1))


def arrive(
    name: str,
    rng: np.random.Generator,
    delay_ms: Floats,
    lost: NDArray[np.bool_] | None = None,
    *,
    ppm: float = 0,
    first_sequence: int = 1_000,
    first_timestamp: int = 96_000,
    size: NDArray[np.int64] | int = 80,
) -> Trace:
    """Return the trace of `len(delay_ms)` frames; the sender's clock runs `ppm` fast."""
    count = len(delay_ms)
    number = np.arange(count)
    sent = np.round(number * (FRAME_US / (1 + ppm * 1e-6))).astype(np.int64)
    arrival = sent + np.round((delay_ms + 20) * 1_000).astype(np.int64)
    came = np.full(count, True) if lost is None else ~lost
    return make_trace(
        name,
        arrival[came],
        sent[came],
        number[came],
        sent=count,
        sequence=(first_sequence + number)[came],
        timestamp=(first_timestamp + number * FRAME_SAMPLES)[came],
        size=np.broadcast_to(size, count)[came],
    )


def clean(rng: np.random.Generator, count: int) -> Trace:
    """A wired link: a few ms of jitter, nothing lost."""
    return arrive("clean", rng, rng.gamma(1.5, 1.0, count))


def wifi(rng: np.random.Generator, count: int) -> Trace:
    """Wireless at home: 15 ms of jitter, a retry of 40 to 120 ms now and then, 0.5 % lost."""
    delay = rng.gamma(1.2, 6.0, count) + spikes(rng, count, 1.5, np.array([40.0, 120.0]))
    return arrive("Wi-Fi", rng, in_turn(delay), gilbert_elliott(rng, count, 0.005, 1.3))


def loss(rng: np.random.Generator, count: int) -> Trace:
    """A bursty loser (Gilbert-Elliott): 5 % in bursts of three, 10 ms of jitter."""
    lost = gilbert_elliott(rng, count, 0.05, 3)
    return arrive("loss", rng, in_turn(rng.gamma(2.0, 3.0, count)), lost)


def spiky(rng: np.random.Generator, count: int) -> Trace:
    """A moving 5G phone: calm, but for spikes of 230 to 750 ms each some ten seconds."""
    calm = rng.gamma(3.0, 2.5, count)
    return arrive("spikes", rng, in_turn(calm + spikes(rng, count, 10, np.array([230.0, 750.0]))))


def dense(rng: np.random.Generator, count: int) -> Trace:
    """A crowded 5G cell: delays of tens of ms that come and go within a second, none lost."""
    return arrive("dense cell", rng, rng.gamma(4.0, 3.0, count) + byte_queue(rng, count, 0.5, 6, 5))


def lte(rng: np.random.Generator, count: int) -> Trace:
    """A phone beside others' downloads: a deep byte queue, 2 % lost in bursts."""
    delay = byte_queue(rng, count, 0.5, 40, 1)
    return arrive("LTE queue", rng, delay, gilbert_elliott(rng, count, 0.02, 4))


def reorder(rng: np.random.Generator, count: int) -> Trace:
    """Two paths: one packet in five comes 20 to 100 ms later than the rest; 2 % lost."""
    late = rng.random(count) < 0.2
    delay = rng.gamma(2.0, 4.0, count) + np.where(late, rng.uniform(20, 100, count), 0)
    return arrive("reorder", rng, delay, gilbert_elliott(rng, count, 0.02, 1.2))


def storm(rng: np.random.Generator, count: int) -> Trace:
    """A link that has 10 s of 300 ms jitter each minute, and is calm otherwise."""
    stormy = np.arange(count) % 3_000 >= 2_500
    delay = rng.gamma(2.0, 3.0, count) + np.where(stormy, rng.uniform(0, 300, count), 0)
    return arrive("storms", rng, delay, gilbert_elliott(rng, count, 0.01, 2))


def drift(rng: np.random.Generator, count: int) -> Trace:
    """A sender whose clock runs 100 ppm fast, over both wraps, with 15 ms of jitter."""
    return arrive(
        "drift, wraps",
        rng,
        in_turn(rng.gamma(2.0, 5.0, count)),
        ppm=100,
        first_sequence=2**16 - count // 2,
        first_timestamp=2**32 - 960 * (count // 3),
    )


def talk(rng: np.random.Generator, count: int) -> Trace:
    """Speech with pauses as sizes tell them (VBR), over Wi-Fi."""
    loud = np.zeros(count, bool)
    at, speaks = 0, True
    while at < count:
        lasts = int(rng.exponential(60 if speaks else 25)) + 5
        loud[at : at + lasts] = speaks
        at, speaks = at + lasts, not speaks
    size = np.where(loud, rng.integers(60, 110, count), rng.integers(8, 25, count))
    delay = rng.gamma(1.2, 8.0, count) + spikes(rng, count, 3, np.array([40.0, 160.0]))
    lost = gilbert_elliott(rng, count, 0.01, 1.5)
    return arrive("talk, VBR", rng, in_turn(delay), lost, size=size)


def dtx(rng: np.random.Generator, count: int) -> Trace:
    """Speech with DTX: in pauses a refresh each 400 ms, and a jump of the timestamps."""
    talking = np.zeros(count, bool)
    at = 0
    while at < count:
        said = int(rng.exponential(120)) + 20
        talking[at : at + said] = True
        at += said + int(rng.exponential(80)) + 20
    silent_for = np.arange(count) - np.maximum.accumulate(np.where(talking, np.arange(count), 0))
    sends = talking | (silent_for % 20 == 1)
    frame = np.flatnonzero(sends)
    delay = in_turn(rng.gamma(2.0, 6.0, count))[sends]
    sent = frame * FRAME_US
    return make_trace(
        "DTX",
        sent + np.round((delay + 20) * 1_000).astype(np.int64),
        sent,
        np.arange(len(frame)),
        sent=len(frame),
        timestamp=frame * FRAME_SAMPLES,
        size=np.where(talking[sends], 80, 2),
    )


def restart(rng: np.random.Generator, count: int) -> Trace:
    """A sender that begins anew each 20 s, at another sequence number and timestamp."""
    number = np.arange(count)
    epoch = number // 1_000
    jumps = rng.integers(0, 2**16, epoch.max() + 1), rng.integers(0, 2**32, epoch.max() + 1)
    sent = number * FRAME_US
    return make_trace(
        "restarts",
        sent + np.round((in_turn(rng.gamma(2.0, 4.0, count)) + 20) * 1_000).astype(np.int64),
        sent,
        number,
        sent=count,
        sequence=number + jumps[0][epoch],
        timestamp=number * FRAME_SAMPLES + jumps[1][epoch],
    )


Link = Callable[[np.random.Generator, int], Trace]
LINKS: dict[str, Link] = {
    "clean": clean,
    "wifi": wifi,
    "talk": talk,
    "loss": loss,
    "spikes": spiky,
    "dense": dense,
    "lte": lte,
    "reorder": reorder,
    "storms": storm,
    "drift": drift,
    "dtx": dtx,
    "restart": restart,
}


def link(name: str, seed: int, seconds: float = 120) -> Trace:
    """Return the trace of a link. Raises KeyError for one that `LINKS` does not have."""
    rng = np.random.default_rng([seed, *name.encode()])
    return LINKS[name](rng, int(seconds * 50))
