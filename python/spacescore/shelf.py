"""The recordings of a node as HTTP asks for them: looked through once a second, off the event loop.

Strangers get the list of what is published as bytes that wait for them. Links in it have the host
by which each asks: that is put in on the way, so no host's answer is another's.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from anyio import Event, to_thread

from spacescore.recordings import Recording, Recordings

__all__ = ["Latest", "Shelf", "shown"]

LOOK_SECONDS = 1.0
T = TypeVar("T")
_HERE = "\0"  # stands for scheme and host; no text has it
_WRITTEN = msgspec.json.encode(_HERE)[1:-1]


class Latest(Generic[T]):
    """What a thread makes, again when it is a second old or was forgotten: once, whoever asks."""

    def __init__(self, make: Callable[[], T], clock: Callable[[], float]) -> None:
        self._make = make
        self._clock = clock
        self._made: tuple[float, T] | None = None
        self._flight: Event | None = None
        self._turn = 0

    async def get(self) -> T:
        """Return it, as it was a second ago or later. Raises what making it does."""
        while True:
            if self._made and 0 <= self._clock() - self._made[0] < LOOK_SECONDS:
                return self._made[1]
            if self._flight:
                await self._flight.wait()
            else:
                await self._fly()

    def forget(self) -> None:
        """What is being made now is old as well."""
        self._made = None
        self._turn += 1

    async def _fly(self) -> None:
        flight, turn = Event(), self._turn
        self._flight = flight
        try:
            made = await to_thread.run_sync(self._make)
            if turn == self._turn:
                self._made = self._clock(), made
        finally:
            self._flight = None
            flight.set()


class Shelf:
    """The recordings of one front."""

    def __init__(self, recordings: Recordings, clock: Callable[[], float]) -> None:
        self.recordings = recordings
        self._all = Latest(lambda: tuple(recordings), clock)
        self._published = Latest(self._list, clock)

    async def all(self) -> tuple[Recording, ...]:
        """Return every recording, the newest first."""
        return await self._all.get()

    async def published(self, here: str) -> bytes:
        """Return the list for strangers; `here`: scheme and host of its links."""
        return (await self._published.get()).replace(_WRITTEN, msgspec.json.encode(here)[1:-1])

    def forget(self) -> None:
        """Look again: one was decided on, or is gone."""
        self._all.forget()
        self._published.forget()

    def _list(self) -> bytes:
        found = [shown(one, _HERE) for one in self.recordings.published()]
        return msgspec.json.encode({"recordings": found})


def shown(one: Recording, here: str) -> dict[str, Any]:
    """Return what is told of a recording; `here`: scheme and host of its links."""
    return {
        "recording": one.id,
        "space": one.space,
        "title": one.title,
        "began": int(one.began),
        "seconds": round(one.seconds, 2),
        "bytes": one.bytes,
        "published": one.published,
        "link": f"{here}/r/{one.id}",
        "audio": f"{here}/api/recordings/{one.id}/audio",
    }
