"""From what was measured to what is shown: pure arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Figure", "Joining", "Listening", "Peer", "Round", "ratio"]


@dataclass(frozen=True)
class Listening:
    """Some seconds of one server with an audience."""

    listeners: int
    seconds: float
    cpu: float  # seconds, idle cost included
    idle: float  # cores
    packets: int  # that listeners received
    packet_ms: int
    loss_percent: float
    memory: int  # bytes more than before anybody came

    @property
    def cores(self) -> float:
        """Busy with this audience, idle cost taken off."""
        return self.cpu / self.seconds - self.idle

    @property
    def served(self) -> float:
        """How many listeners' worth of packets came: what was lost cost nothing."""
        return self.packets * self.packet_ms / 1_000 / self.seconds


@dataclass(frozen=True)
class Joining:
    """A crowd that came within a second into a silent room."""

    joined: int
    cpu: float  # seconds, idle cost taken off


@dataclass(frozen=True)
class Round:
    """One server's turn."""

    few: Listening
    many: Listening
    joining: Joining

    @property
    def per_listener(self) -> float:
        """CPU seconds per second and listener, in the larger audience."""
        return self.many.cores / self.many.served

    @property
    def per_further_listener(self) -> float:
        """CPU seconds per second that one more listener costs."""
        return (self.many.cores - self.few.cores) / (self.many.served - self.few.served)

    @property
    def per_packet(self) -> float:
        """CPU seconds per packet received, in the larger audience."""
        return self.many.cores * self.many.seconds / self.many.packets

    @property
    def per_join(self) -> float:
        """CPU seconds."""
        return self.joining.cpu / self.joining.joined

    @property
    def bytes_per_further_listener(self) -> float:
        """Memory that one more listener takes; the kernel's is not counted."""
        return (self.many.memory - self.few.memory) / (self.many.listeners - self.few.listeners)


@dataclass(frozen=True)
class Figure:
    """The median of all rounds, with the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Figure":
        """Return that of some values."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Peer:
    """A server and its rounds."""

    name: str
    rounds: Sequence[Round]

    def figure(self, of: Callable[[Round], float]) -> Figure:
        """Return one figure over all rounds."""
        return Figure.of([of(one) for one in self.rounds])


def ratio(theirs: Peer, ours: Peer, of: Callable[[Round], float]) -> Figure:
    """Return how much more `theirs` costs: of each round, for a machine's noise is its own."""
    both = zip(theirs.rounds, ours.rounds, strict=True)
    return Figure.of([of(their) / of(our) for their, our in both])
