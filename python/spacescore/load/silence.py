"""Who heard nothing any more, while there was something to hear.

Sequence numbers do not tell: what is expected ends with the newest packet that came. So the time
in which there was sound is kept, where sound is whatever our own speakers said or any listener
heard, and each listener's last packet is held against it. Pauses (DTX) are no sound and count for
nobody. Where nobody of ours speaks, a server that dies takes the sound along: then its answers to
our checks are what is missed.
"""

from array import array

import numpy as np

__all__ = ["SoundClock", "silences", "unanswered"]

ENOUGH_US = 1_000_000  # of sound missed; a room may be silent for 0.4 s between keep-alives
UNANSWERED_US = 6_000_000  # two checks, 2.5 s apart, and a second for the answer


class SoundClock:
    """How much sound there had been by when; it stands while there is none."""

    def __init__(self) -> None:
        self._at, self._sound = array("q"), array("q")  # 16 bytes a look
        self._packets = 0

    def note(self, now_us: int, packets: int) -> None:
        """At `now_us` so many packets had been said or heard in all."""
        sounded = self._at and packets > self._packets
        passed = now_us - self._at[-1] if sounded else 0
        self._sound.append(passed + (self._sound[-1] if self._sound else 0))
        self._at.append(now_us)
        self._packets = packets

    def since(self, moments_us: np.ndarray) -> np.ndarray:
        """Return how much sound, in microseconds, there was after each moment."""
        if not self._at:
            return np.zeros(moments_us.shape)
        before: np.ndarray = np.interp(moments_us, self._at, self._sound)
        return self._sound[-1] - before


def silences(
    last_audio_us: np.ndarray, last_answer_us: np.ndarray, clock: SoundClock, end_us: int
) -> np.ndarray:
    """Return for how long, in microseconds, each listener has missed what there was; 0: nothing.

    last_audio_us: of the latest packet, or the end of the join; last_answer_us: to a check.
    """
    missed = clock.since(last_audio_us)
    dead = unanswered(np.maximum(last_audio_us, last_answer_us), end_us)
    return np.where(missed >= ENOUGH_US, missed, dead)


def unanswered(last_sign_us: np.ndarray, end_us: int) -> np.ndarray:
    """Return for how long, in microseconds, the server gave no sign; 0: it may be alive."""
    quiet = end_us - last_sign_us
    return np.where(quiet >= UNANSWERED_US, quiet, 0)
