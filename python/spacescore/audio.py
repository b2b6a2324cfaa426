"""The media layer by itself, for programs with a transport, a clock or codecs of their own.

    voice = spacescore.Voice()                            # one speaker: packets in, sound out
    mixer = spacescore.Mixer()                            # everybody's sound in, the mix out
    mixer.add(7)
    voice.push(opus, sequence=1, timestamp=960, arrival=clock())
    mixer.set_voice(7, voice.read(now))                   # once in 20 ms
    mixed = mixer.mix()

Units: times are seconds on any clock that does not go backwards, as floats, within 285 years of its
zero; nothing here reads a clock, so the same calls give the same sound. A *frame* is 20 ms at
48 kHz: a C-contiguous array of shape (960,) mono or (960, 2) stereo, float32 in -1..1 or int16.
NumPy converts nothing: sound is written straight into `out` where one is given, and a mixer takes a
copy of what it is told in a tick (of int16 a second one, scaled), so that array is the caller's
again at once. Levels are -dBov as RFC 6464 has them: 0 is the loudest, 127 silence.

An object may be used from several threads, as where one receives and another plays: its calls take
turns. Who ends a tick should be one of them. The GIL is released while a mix is made and encoded.
Nothing that comes from the network raises; wrong use does.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spacescore._native import _batch, _core

__all__ = [
    "FRAME",
    "RATE",
    "JitterBuffer",
    "JitterPolicy",
    "Mixed",
    "Mixer",
    "Popped",
    "Repacketizer",
    "Voice",
]

RATE = 48_000
FRAME = 960  # samples of a frame, per channel

Frame = NDArray[np.float32] | NDArray[np.int16]
Payload = bytes | bytearray | memoryview

SILENCE = 127  # -dBov; what says nothing of its level counts as that
TICK_US = 20_000
FARTHEST_S = 2**53 // 1_000_000  # 285 years: a float tells microseconds so far


@dataclass(frozen=True, slots=True)
class Popped:
    """What a jitter buffer has due.

    what: "frame" (decode `payload`), "fec" (lost: `payload` is its successor, which may have
    it as in-band FEC), "conceal" (lost), "dtx" (nothing was sent, the sender is discontinuous: a
    decoder's concealment goes on with the noise around it), "silence" (lost for so long that
    concealment has faded), "hold" (not started, or delay is being built up: play nothing),
    "accelerate" (decode `payload` as well, but delay is to shorten and it has no time: `Voice`
    takes as much out of the sound by periods of its pitch; who cannot does without the frame), or
    "skip" (frames are left out here). The last two last 0 samples: what follows is due at once.
    """

    what: str
    payload: bytes
    samples: int  # how long it lasts at 48 kHz: 120 to 5,760, or 0
    timestamp: int  # RTP, of its first sample; of a skip, of what follows it
    level: int  # of frames, as pushed


@dataclass(frozen=True, slots=True)
class JitterPolicy:
    """What a jitter buffer's delay is bought for. The defaults are right for most links.

    late_cost: milliseconds of delay that one percent of late packets is worth, above 0 and at
    most 10,000. More of it means more delay and fewer holes.
    least, most: bounds of the target delay in seconds, 0 <= least <= most <= 1. Equal ones are a
    fixed delay. Playout keeps to them by whole ticks of 20 ms, and as far as 64 packets reach:
    those of 10, 5 and 2.5 ms are delayed by 600, 280 and 120 ms at most.

    Who gets one that makes no sense raises ValueError, naming the field.
    """

    late_cost: float = _batch.Policy().late_cost
    least: float = _batch.Policy().least_us / 1e6
    most: float = _batch.Policy().most_us / 1e6

    def _native(self) -> dict[str, Any]:
        us = {"least_us": _us("least", self.least), "most_us": _us("most", self.most)}
        return {"late_cost": self.late_cost, **us}


class JitterBuffer:
    """The jitter buffer of one RTP stream: packets in as they come, out in order and in time.

    Its delay follows the link; restarts, wraps, duplicates and silence are told apart. Ask for
    packets once per tick of 20 ms, until they fill it:

        filled = 0
        while filled < 960:
            popped = buffer.pop(now)
            filled += popped.samples
    """

    def __init__(self, policy: JitterPolicy = JitterPolicy()) -> None:
        self._native = _core.JitterBuffer(**policy._native())

    def push(
        self,
        payload: Payload,
        *,
        sequence: int,
        timestamp: int,
        arrival: float,
        ssrc: int = 0,
        samples: int | None = None,
        level: int | None = None,
        copy: bool = False,
    ) -> str:
        """Take a packet; say what became of it.

        sequence, timestamp, ssrc: of its RTP header; of redundant copies (RFC 2198), those of
        the packet that each repeats, with copy=True, after the packet that brought them.
        samples: how long it lasts at 48 kHz; by default what its Opus framing says. level: what
        its sender says it is; ValueError for what is no level. Returns "stored", "duplicate",
        "late", "restarted" (stored: a new stream), "held" (aside: it fits nowhere) or "overflow"
        (larger than a datagram).
        """
        data = _bytes(payload)
        if samples is None:
            samples = _core.opus_samples(data) or FRAME
        native = self._native.push(
            _us("arrival", arrival), sequence, timestamp, data, ssrc, samples, _level(level), copy
        )
        return str(native.name)

    def pop(self, now: float) -> Popped:
        """Return what is due next. All calls of one tick have the same `now`."""
        native = self._native.pop(_us("now", now))
        return Popped(
            native.what.name, native.payload, native.samples, native.timestamp, native.level
        )

    def reset(self) -> None:
        """Forget the stream; the counters go on."""
        self._native.reset()

    @property
    def stats(self) -> dict[str, float]:
        """Counters by name; times in seconds.

        In snake_case, W3C getStats (RTCInboundRtpStreamStats) has these: `packets_received`,
        `packets_lost`, `packets_discarded`, `fec_packets_received`, `total_samples_received`,
        of which `concealed_samples`, of which `silent_concealed_samples`; `concealment_events`,
        `inserted_samples_for_deceleration`, `removed_samples_for_acceleration`,
        `jitter_buffer_delay` and `jitter_buffer_target_delay` (summed over the
        `jitter_buffer_emitted_count` samples) and `jitter`. FEC counts where it stood in for a lost
        packet, which browsers have as fecPacketsReceived less fecPacketsDiscarded.

        These are ours: `packets_duplicated`; `packets_repaired`, lost ones that copies stood in
        for; `restarts`, how often a new time line began; and `target_delay`, the one of now.
        """
        return _counters(self._native.stats())


class Voice:
    """One speaker: a jitter buffer with an Opus decoder behind it.

    What is lost comes back as a redundant copy, as in-band FEC, or as concealment that fades
    within 100 ms, in this order. Where delay is to shorten, sound is heard in less time, at its
    pitch: so a stream begins 120 ms deep, until a second of it has told what it needs. Who is not
    read is not decoded.
    """

    def __init__(self, channels: int = 1, policy: JitterPolicy = JitterPolicy()) -> None:
        """`channels`: of the frames read, 1 or 2, whatever the packets have."""
        self._native = _core.Voice(channels, **policy._native())
        self._shape = (FRAME,) if channels == 1 else (FRAME, channels)

    def push(
        self,
        payload: Payload,
        *,
        sequence: int,
        timestamp: int,
        arrival: float,
        level: int | None = None,
        copy: bool = False,
    ) -> str:
        """Take an Opus packet, as `JitterBuffer.push` does."""
        native = self._native.push(
            _us("arrival", arrival), sequence, timestamp, _bytes(payload), _level(level), copy=copy
        )
        return str(native.name)

    def read(self, now: float, out: Frame | None = None) -> Frame:
        """Return the next 20 ms, as a new float32 frame or in `out`. Once per tick."""
        frame = np.empty(self._shape, np.float32) if out is None else out
        self._native.advance(_us("now", now))
        self._native.read(frame)
        return frame

    def skip(self, now: float) -> int:
        """Let a tick pass undecoded; return how loud the sender says it is, 127 for silence.

        Without levels in the packets, 0 stands for whatever is not silence.
        """
        self._native.advance(_us("now", now))
        return int(self._native.claim)

    @property
    def stats(self) -> dict[str, float]:
        """What `JitterBuffer.stats` has, and two counters of ours.

        `frames_decoded`: packets given to the decoder (W3C's framesDecoded is of video only);
        `decode_errors`: packets that were no Opus inside, and were concealed.
        """
        return _counters(self._native.stats())


@dataclass(frozen=True, slots=True)
class Mixed:
    """One tick of a mix."""

    packet: bytes  # for all who are not in `minus`; empty where nothing is encoded
    minus: Mapping[int, bytes]  # by peer, what everybody but that peer said
    heard: tuple[int, ...]  # who is in the mix
    dominant: int | None  # who has the word: a cough does not take it


class Mixer:
    """One room's mix, and for each who is heard in it the mix without that one.

    Voices enter and leave in 5 ms. The sum is limited softly, never wrapped.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        audible: int = 3,
        encode: bool = True,
        bitrate: int = 32_000,
        complexity: int = 5,
        dtx: bool = True,
        expected_loss: int = 10,
        application: str = "voip",
    ) -> None:
        """Raise ValueError for a bad setting, by its name.

        channels: 1 or 2. audible: how many of the loudest are heard at once. encode: False
        leaves Opus out, for who wants the sound alone. bitrate: bit/s of each packet stream.
        complexity: 0..10, Opus' effort. expected_loss: percent, which in-band FEC is made for.
        application: "voip" for words, "audio" for music.
        """
        self._native = _core.Mixer(
            bitrate=bitrate,
            complexity=complexity,
            channels=channels,
            dtx=dtx,
            expected_loss=expected_loss,
            application=application,
            encode=encode,
        )
        self._ranking = _core.SpeakerRanking(audible)
        self._turn = threading.Lock()  # making a mix releases the GIL
        self._encodes = encode
        self._peers: set[int] = set()
        self._now = 0  # microseconds

    def add(self, peer: int) -> None:
        """Let somebody be heard; `peer` is a number of 32 bits."""
        with self._turn:
            self._native.add(peer)
            self._ranking.add(peer)
            self._peers.add(peer)

    def remove(self, peer: int) -> None:
        """Take somebody out; who was heard fades out in the next tick."""
        with self._turn:
            self._native.remove(peer)
            self._ranking.remove(peer)
            self._peers.discard(peer)

    def set_voice(self, peer: int, frame: Frame) -> None:
        """Say what `peer` says in this tick; whoever was not added is ignored.

        Who says nothing falls silent in 5 ms, and so does whose frame holds a NaN or an infinity.
        """
        with self._turn:
            level = self._native.set_voice(peer, frame)
            self._ranking.report(peer, level, self._now)

    def mix(
        self,
        audible: Iterable[int] | None = None,
        *,
        out: Frame | None = None,
        minus: Mapping[int, Frame] | None = None,
    ) -> Mixed:
        """End the tick. `audible`: who is heard, of those added; by default the loudest.

        out: a frame that receives the mix. minus: by peer a frame that receives the mix without
        that peer; of those who are not heard, the whole mix. With one that cannot receive it the
        tick goes on.
        """
        with self._turn:
            self._read(out, minus or {})  # the last tick, which says whether it can be done
            wanted = self._ranking.audible(self._now) if audible is None else audible
            heard = sorted(self._peers.intersection(wanted))
            packet, packets = self._native.mix(heard)
            self._now += TICK_US
            self._read(out, minus or {})
            own = packets if self._encodes else {}
            return Mixed(packet, own, tuple(heard), self._ranking.dominant)

    def _read(self, out: Frame | None, minus: Mapping[int, Frame]) -> None:
        if out is not None:
            self._native.read(out)
        for peer, frame in minus.items():
            self._native.read_minus(peer, frame)


class Repacketizer:
    """Opus packets merged into longer ones (RFC 6716 section 3.2), without loss."""

    def __init__(self) -> None:
        self._native = _core.Repacketizer()

    def merge(self, packets: Sequence[Payload], *, max_bytes: int = 1_200) -> list[bytes]:
        """Return consecutive packets as few longer ones: 120 ms and `max_bytes` at the most.

        Where Opus changes its mode one packet ends; one that is larger than `max_bytes` by
        itself stays as it is. Raises ValueError where one is no Opus.
        """
        merged = []
        rest = [_bytes(packet) for packet in packets]
        while rest:
            result = self._native.merge(rest, max_bytes)
            fitting = len(rest) if isinstance(result, bytes) else max(result, 1)
            if isinstance(result, int):
                result = self._native.merge(rest[:fitting], max(max_bytes, len(rest[0])))
            if isinstance(result, int):
                raise ValueError(f"packet {len(packets) - len(rest)} is no Opus")
            merged.append(result)
            rest = rest[fitting:]
        return merged


def _bytes(payload: Payload) -> bytes:
    return bytes(memoryview(payload))  # bytes(5) would be five of them


def _level(level: int | None) -> int:
    if level is not None and not 0 <= level <= SILENCE:
        raise ValueError(f"level must be 0 to {SILENCE} -dBov, not {level}")
    return SILENCE if level is None else level


def _us(name: str, seconds: float) -> int:
    if not abs(seconds) <= FARTHEST_S:
        raise ValueError(f"{name} must be seconds within {FARTHEST_S} of zero, not {seconds}")
    return round(seconds * 1e6)


def _counters(native: Any) -> dict[str, float]:
    names = (name for name in dir(native) if not name.startswith("_"))
    return {name: getattr(native, name) for name in names}
