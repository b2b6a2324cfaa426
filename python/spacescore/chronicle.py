"""Notes who is heard in the spaces that are recorded: beside the sound, once a second."""

from pathlib import Path

import structlog

from spacescore.engine import Engine
from spacescore.errors import UnknownSpaceError
from spacescore.recordings import RATE, Logbook, Recordings
from spacescore.spaces import Space

__all__ = ["Chronicle"]

_log = structlog.get_logger("spacescore")


class Chronicle:
    """The logbooks of one engine's spaces. It waits for the disk: call it off the event loop."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._recordings = Recordings(folder)
        self._books: dict[str, Logbook] = {}

    def note(self) -> None:
        """Write down what has changed. A disk that is full costs lines, and no audio."""
        spaces = {_id(space): space for space in self._engine.spaces if space.recording}
        self._books = {key: book for key, book in self._books.items() if key in spaces}
        for key, space in spaces.items():
            try:
                self._note(key, space)
            except UnknownSpaceError:
                continue  # closed meanwhile
            except OSError as error:
                _log.warning("who is heard cannot be noted", recording=key, reason=str(error))

    def _note(self, key: str, space: Space) -> None:
        stats = self._engine.stats(space.slug)
        if not stats.recorded_samples:
            return
        lines = []
        if key not in self._books:
            self._books[key] = Logbook()
            lines = [{"space": space.slug, "title": space.title, "began": space.created}]
        heard = {one.peer: one.name for one in stats.speakers if one.audible}
        lines += self._books[key].note(stats.recorded_samples / RATE, heard)
        self._recordings.append(key, lines)


def _id(space: Space) -> str:
    return Path(space.recording).stem
