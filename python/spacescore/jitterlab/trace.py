"""What a link did to a stream: one row per packet that came."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spacescore._native import _batch

__all__ = ["DTX_BYTES", "LONGEST_S", "US_PER_MS", "Trace"]

US_PER_MS = 1_000
DTX_BYTES = 2  # libopus sends no more while it is discontinuous
LONGEST_S = 100_000  # more than a day: five million ticks, which every policy keeps in arrays


@dataclass(frozen=True)
class Trace:
    """A stream as it arrived.

    `packets` (dtype `_batch.PACKET`, in order of arrival, timestamps at 48 kHz) is what policies
    see. Beside each row stand `sent_us`, the moment it was due to leave the sender, on any clock
    that neither drifts nor jumps, and `number`, its place among the `sent` packets, counted from
    0: what is missing there was lost.
    """

    name: str
    packets: NDArray[np.void]
    sent_us: NDArray[np.int64]
    number: NDArray[np.int64]
    sent: int

    def __post_init__(self) -> None:
        if not len(self.packets) == len(self.sent_us) == len(self.number) > 0:
            raise ValueError("a trace needs packets, and a send time and a number for each")
        if self.seconds > LONGEST_S:
            raise ValueError(f"{self.name} lasts {self.seconds:.0f} s, not {LONGEST_S} at most")

    def __len__(self) -> int:
        return len(self.packets)

    @property
    def arrival_us(self) -> NDArray[np.int64]:
        """When each packet came."""
        return np.asarray(self.packets["arrival_us"])

    @property
    def relative_us(self) -> NDArray[np.int64]:
        """How much longer than the fastest each packet was on its way."""
        transit: NDArray[np.int64] = self.arrival_us - self.sent_us
        return np.asarray(transit - transit.min())

    @property
    def frame_us(self) -> int:
        """What a packet lasts."""
        return int(np.median(self.packets["samples"])) * 125 // 6

    @property
    def lost(self) -> float:
        """The share of what was sent that never came."""
        return 1 - len(np.unique(self.number)) / self.sent

    @property
    def seconds(self) -> float:
        """From the first packet to the last."""
        return float(np.ptp(self.arrival_us)) / 1e6

    def called(self, name: str) -> "Trace":
        """Return the same under another name."""
        return replace(self, name=name)


def make_trace(
    name: str,
    arrival_us: NDArray[np.int64],
    sent_us: NDArray[np.int64],
    number: NDArray[np.int64],
    *,
    sent: int,
    timestamp: NDArray[np.int64],
    sequence: NDArray[np.int64] | None = None,
    samples: int = 960,
    size: NDArray[np.int64] | int = 80,
    level: NDArray[np.int64] | int = 127,
    marker: NDArray[np.bool_] | bool = False,
    ssrc: NDArray[np.int64] | int = 1,
) -> Trace:
    """Return a trace of columns that are in any order; timestamps at 48 kHz, wrapped here."""
    packets = np.zeros(len(arrival_us), _batch.PACKET)
    packets["arrival_us"] = arrival_us
    packets["sequence"] = (number if sequence is None else sequence) % 2**16
    packets["timestamp"] = timestamp % 2**32
    packets["samples"] = samples
    packets["size"] = size
    packets["level"] = level
    packets["marker"] = marker
    packets["ssrc"] = ssrc
    packets["valid"] = 1
    order = np.argsort(packets["arrival_us"], kind="stable")
    return Trace(name, packets[order], sent_us[order], number[order], sent)
