"""The recordings of a node: what the core wrote, who is heard in it, and who may replay it.

    <id>.opus     the audience's own packets, Ogg Opus
    <id>.jsonl    a head (space, title, when it began), then a line for each change of who is heard
    <id>.captions.jsonl   a line for each caption, in the time of the recording
    <id>.json     what its host decided: {"published": true}

Lines are appended and none is rewritten, so a crash costs at most the last of them. A recording
without lines, one from before there were any, is as good as the others but for the lanes.

A file is read once, and again when its size, time or inode is another: to ask what there is costs
a look at each name, and opens nothing.
"""

import json
import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from spacescore.errors import UnknownRecordingError

__all__ = ["Lane", "Logbook", "Recording", "Recordings", "Score", "chapters", "lanes", "webvtt"]

RATE = 48_000  # of Opus' granule positions, whatever was encoded (RFC 7845 section 4)
TAIL_BYTES = 64 * 1024  # an Ogg page is no longer, so the last one begins in here
PRE_SKIP_BYTES = 40  # where the first page's packet has its pre-skip (RFC 7845 section 5.1)
PAGE_HEADER_BYTES = 27  # then a byte of size for each segment
PAUSE_SECONDS = 1.5  # whoever goes on sooner has not stopped
CAPTIONS = "captions.jsonl"
STAMP_SECONDS = 1.0  # a name has whole seconds, its space began within that one
READING_SECONDS = 1.5  # a caption stays at least so long
TURN_SECONDS = 5.0  # to say less than this is to interject, and no chapter
MAX_KNOWN, MAX_SCORES = 20_000, 32  # recordings about which is remembered; 10 MB, and as much
_ID = re.compile(r"([a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?)-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)(-\d+)?")


@dataclass(frozen=True, slots=True)
class Recording:
    """One file, and what is known of it."""

    id: str
    space: str
    title: str
    began: float  # Unix seconds
    seconds: float
    bytes: int
    published: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """When one person is heard: (from, to), in seconds of the recording."""

    peer: int
    name: str
    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """All that goes with the sound of one recording."""

    lanes: tuple[Lane, ...]
    chapters: tuple[tuple[float, float, str], ...]
    captions: tuple[tuple[float, float, str], ...]


_Marks = tuple[tuple[int, int, int] | None, ...]  # of files: what becomes another when one does


class Logbook:
    """Makes the lines of one recording: pure."""

    def __init__(self) -> None:
        self._heard: dict[int, str] = {}

    def note(self, at: float, heard: Mapping[int, str]) -> list[dict[str, Any]]:
        """Return a line for everybody who began or ceased to be heard since the last time."""
        gone = [(peer, name, False) for peer, name in self._heard.items() if peer not in heard]
        come = [(peer, name, True) for peer, name in heard.items() if peer not in self._heard]
        self._heard = dict(heard)
        return [
            {"at": round(at, 2), "peer": peer, "name": name, "heard": on}
            for peer, name, on in gone + come
        ]


def lanes(lines: Iterable[Mapping[str, Any]], seconds: float) -> list[Lane]:
    """Fold lines into a lane for each person, in the order of their first word."""
    names: dict[int, str] = {}
    spans: dict[int, list[tuple[float, float]]] = {}
    since: dict[int, float] = {}
    for line in lines:
        match line:
            case {
                "at": int() | float() as at,
                "peer": int(peer),
                "name": str(name),
                "heard": heard,
            }:
                names.setdefault(peer, name)
                if heard:
                    since.setdefault(peer, min(float(at), seconds))
                elif peer in since:
                    _join(spans.setdefault(peer, []), since.pop(peer), min(float(at), seconds))
    for peer, start in since.items():
        _join(spans.setdefault(peer, []), start, seconds)
    return [Lane(peer, names[peer], tuple(spans[peer])) for peer in names if spans.get(peer)]


def _join(spans: list[tuple[float, float]], start: float, end: float) -> None:
    if spans and start - spans[-1][1] <= PAUSE_SECONDS:
        spans[-1] = (spans[-1][0], end)
    elif end > start:
        spans.append((start, end))


def chapters(found: Iterable[Lane], seconds: float) -> list[tuple[float, float, str]]:
    """Return the turns that people took: (from, to, name); each lasts until the next begins."""
    turns = sorted(
        (start, lane.name, lane.peer)
        for lane in found
        for start, end in lane.spans
        if end - start >= TURN_SECONDS
    )
    kept = [turn for i, turn in enumerate(turns) if i == 0 or turn[2] != turns[i - 1][2]]
    ends = [start for start, _, _ in kept[1:]] + [seconds]
    return [(start, end, name) for (start, name, _), end in zip(kept, ends, strict=False)]


def webvtt(cues: Iterable[tuple[float, float, str]]) -> str:
    """Return cues as a WebVTT file."""
    parts = ["WEBVTT"]
    for start, end, text in cues:
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        parts.append(f"{_stamp(start)} --> {_stamp(end)}\n{safe}")
    return "\n\n".join(parts) + "\n"


def _stamp(seconds: float) -> str:
    ms = round(seconds * 1_000)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02}.{ms % 1_000:03}"


class Recordings:
    """The folder. An id that is none is unknown, so no path leads out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = lru_cache(MAX_KNOWN)(self._read_one)
        self._read_score = lru_cache(MAX_SCORES)(self._read_one_score)
        self._is_published = lru_cache(MAX_KNOWN)(self._read_decision)

    def __iter__(self) -> Iterator[Recording]:
        """Newest first."""
        return iter(self._found(self._keys(".opus")))

    def published(self) -> list[Recording]:
        """Return those that everybody may replay, newest first; nothing is opened of others."""
        decided = self._keys(".json")
        return self._found(
            key for key in decided if self._is_published(key, self._marks(key, "json"))
        )

    def get(self, key: str) -> Recording:
        """Return one. Raises UnknownRecordingError."""
        self.audio(key)
        return self._read(key, self._marks(key, "opus", "jsonl", "json"))

    def score(self, key: str) -> Score:
        """Return what goes with its sound. Raises UnknownRecordingError."""
        self.audio(key)
        return self._read_score(key, self._marks(key, "opus", "jsonl", CAPTIONS))

    def _keys(self, ending: str) -> list[str]:
        with os.scandir(self._folder) as found:
            return [each.name.removesuffix(ending) for each in found if each.name.endswith(ending)]

    def _found(self, keys: Iterable[str]) -> list[Recording]:
        found = []
        for key in keys:
            with suppress(UnknownRecordingError):
                found.append(self.get(key))
        return sorted(found, key=lambda one: (one.began, one.id), reverse=True)

    def _marks(self, key: str, *kinds: str) -> _Marks:
        return tuple(_mark(self._folder / f"{key}.{kind}") for kind in kinds)

    def _read_one(self, key: str, marks: _Marks) -> Recording:
        path = self.audio(key)
        named = _ID.fullmatch(key)
        assert named is not None  # noqa: S101  (`audio` has looked)
        space, stamp = named[1], named[2]
        began = datetime.strptime(stamp, "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=UTC).timestamp()
        head = next(self._read_lines(key), {})
        return Recording(
            id=key,
            space=space,
            title=str(head.get("title") or space),
            began=began,
            seconds=_duration(path),
            bytes=path.stat().st_size,
            published=self._is_published(key, marks[-1:]),
        )

    def _read_one_score(self, key: str, marks: _Marks) -> Score:
        seconds = self.get(key).seconds
        found = lanes(self.lines(key), seconds)
        turns = chapters(found, seconds)
        return Score(tuple(found), tuple(turns), tuple(self.captions(key)))

    def audio(self, key: str) -> Path:
        """Return the file with the sound. Raises UnknownRecordingError."""
        path = self._folder / f"{key}.opus"
        if not _ID.fullmatch(key) or not path.is_file():
            raise UnknownRecordingError("There is no such recording here.")
        return path

    def append_caption(self, key: str, line: Mapping[str, Any]) -> None:
        """Keep a caption: from `at` to `to`, in seconds, by `name` or nobody: `text`."""
        with self._open(key, CAPTIONS, os.O_APPEND) as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    def captions(self, key: str) -> list[tuple[float, float, str]]:
        """Return (from, to, text), in the order of their time."""
        found = []
        for line in self._read_lines(key, CAPTIONS):
            match line:
                case {"at": int() | float() as at, "to": int() | float() as to, "text": str(text)}:
                    name = str(line.get("name") or "")
                    found.append(
                        (at, max(to, at + READING_SECONDS), f"{name}: {text}" if name else text)
                    )
        return sorted(found)

    def lines(self, key: str) -> list[dict[str, Any]]:
        """Return who was heard when, as it was noted."""
        return [line for line in self._read_lines(key) if "at" in line]

    def append(self, key: str, lines: Iterable[Mapping[str, Any]]) -> None:
        """Add lines; the first is the head."""
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        if text:
            with self._open(key, "jsonl", os.O_APPEND) as file:
                file.write(text)

    def publish(self, key: str, published: bool) -> Recording:
        """Let everybody replay it, or only those who run the space."""
        recording = self.get(key)
        draft = self._folder / f"{key}.json.new"
        with self._open(key, "json.new", os.O_TRUNC) as file:
            json.dump({"published": published}, file)
        draft.replace(self._folder / f"{key}.json")
        return replace(recording, published=published)

    def delete(self, key: str) -> None:
        """Forget it: the sound first. Raises UnknownRecordingError."""
        self.audio(key).unlink()
        for kind in ("jsonl", CAPTIONS, "json"):
            (self._folder / f"{key}.{kind}").unlink(missing_ok=True)

    def _read_lines(self, key: str, kind: str = "jsonl") -> Iterator[dict[str, Any]]:
        with suppress(FileNotFoundError), (self._folder / f"{key}.{kind}").open() as file:
            for text in file:
                with suppress(ValueError):  # a crash, or a full disk, has cut the last one
                    line = json.loads(text)
                    if isinstance(line, dict):
                        yield line

    def _read_decision(self, key: str, marks: _Marks) -> bool:
        with suppress(FileNotFoundError, ValueError):
            decided = json.loads((self._folder / f"{key}.json").read_text())
            return isinstance(decided, dict) and decided.get("published") is True
        return False

    def _open(self, key: str, kind: str, flags: int) -> Any:
        path = self._folder / f"{key}.{kind}"
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600), "w")


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _duration(path: Path) -> float:
    """Seconds of sound, by the position of the last whole page (RFC 3533 section 6)."""
    with path.open("rb") as file:
        head = file.read(PRE_SKIP_BYTES)
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        tail = file.read()
    page = tail.rfind(b"OggS")
    while page >= 0 and not _is_whole(tail[page:]):
        page = tail.rfind(b"OggS", 0, page)
    if len(head) < PRE_SKIP_BYTES or page < 0:
        return 0.0
    pre_skip: int = struct.unpack_from("<H", head, PRE_SKIP_BYTES - 2)[0]
    position: int = struct.unpack_from("<q", tail, page + 6)[0]
    return max(0.0, (position - pre_skip) / RATE)


def _is_whole(page: bytes) -> bool:
    if len(page) < PAGE_HEADER_BYTES:
        return False
    body = PAGE_HEADER_BYTES + page[PAGE_HEADER_BYTES - 1]
    return len(page) >= body + sum(page[PAGE_HEADER_BYTES:body])
