"""The office: commands come in, are decided by the rules, written down, and carried out.

    decide (pure) -> append (durable) -> follow: the state moves on, and the engine with it

A command is answered when it is on disk. When somebody else wrote first, the office reads
on and decides again. What was written elsewhere is followed in the same way as what was
written here, so a removal on another node ends the sessions of this one. When nothing can be
written the command is refused, and audio goes on. A space is opened in the engine first, so what
has no room there stays planned, and may be tried again.

A space that was opened in the engine without the office is taken into the books when it is
first asked for, and ended there when the engine no longer has it.
"""

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

import anyio
import structlog

from spacescore.airing import Airing
from spacescore.backplane import HOME_SECONDS, Backplane, LocalBackplane, Presence
from spacescore.doors import Asked
from spacescore.engine import Engine
from spacescore.errors import (
    ConflictError,
    EngineClosedError,
    ForbiddenError,
    OverloadedError,
    SpacescoreError,
    SpaceTakenError,
    StoreError,
    UnknownPeerError,
    UnknownSpaceError,
)
from spacescore.ledger import Ledger
from spacescore.logs import words_of
from spacescore.policy import Caller, Grant
from spacescore.rooms import facts
from spacescore.rooms.acts import Act, Party
from spacescore.rooms.commands import (
    Command,
    Create,
    EnterStage,
    Meet,
    Note,
)
from spacescore.rooms.details import is_due
from spacescore.rooms.facts import Details, Fact
from spacescore.rooms.room import Phase, Room
from spacescore.rooms.rules import decide
from spacescore.rooms.standing import Patience
from spacescore.stagehand import carry_out, details_of, is_open, met, recording_of
from spacescore.store import Entry, Head, Home
from spacescore.store.base import actor

__all__ = ["Office"]

LOOK_SECONDS = 1.0
ATTEMPTS = 20  # at writing behind what others write
MAX_KEPT = 2_000
_log = structlog.get_logger("spacescore")


@dataclass(frozen=True, slots=True)
class _Kept:
    key: str
    room: Room


class Office:
    """The spaces of a service, as one node keeps and carries them out."""

    def __init__(
        self,
        engine: Engine,
        backplane: Backplane | None = None,
        *,
        node: str = "",
        url: str = "",
        patience: Patience | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """node, url: what other nodes know this one by, and where people reach it."""
        self.engine = engine
        self.backplane: Backplane = backplane or LocalBackplane()
        self.clock = clock
        own = Home(node or secrets.token_hex(8), url)
        self._airing = Airing(engine, self.backplane, own, lambda: self.clock())
        self._patience = patience or Patience()
        self._kept: dict[str, _Kept] = {}
        self._looked = 0.0
        self._late: set[str] = set()  # could not be opened at their time
        self._recorded: list[Act] = []  # to be told of
        self._resting = False
        self.ledger = Ledger(self.backplane, lambda: self.clock())
        self.on_change: Callable[[str], None] = lambda slug: None
        self.on_end: Callable[[str], None] = lambda slug: None
        self.silent = False  # whether what happens is told to the log

    def rest(self) -> None:
        """The process ends, and the spaces do not: what the engine closes now stays open here."""
        self._resting = True

    async def restore(self) -> None:
        """Put on air again what was open when the last process ended."""
        heads = await self.backplane.living()
        for head in heads:
            await self._load(head)
        await self._keep_home(heads, self.clock(), grace=0.0)

    def home(self, slug: str) -> Home | None:
        """Return the other node that has a space on air, as was known a second ago."""
        return self._airing.home(slug)

    def is_off_air(self, slug: str) -> bool:
        """Whether a space is open, and no node has it on air."""
        kept = self._kept.get(slug)
        return bool(kept and kept.room.phase is Phase.OPEN and not self._airing.has(slug))

    @property
    def off_air(self) -> set[str]:
        """What ought to be on air, and is refused here; it is tried again and again."""
        return {slug for slug in self._kept if self.is_off_air(slug)} | self._late

    def doors(self) -> dict[str, Asked]:
        """Return how the doors are to be kept of what is on air nowhere else."""
        rooms = ((slug, kept.room) for slug, kept in self._kept.items())
        return {
            slug: Asked(room.door_kept, room.door.mode, room.door.seconds, room.opened)
            for slug, room in rooms
            if room.door and self.home(slug) is None
        }

    async def directory(self) -> list[Head]:
        """Every space that has not ended, the newest first."""
        for slug in self._engine_slugs() - self._airing.here:
            with suppress(UnknownSpaceError):
                await self.room(slug)
        return sorted(await self.backplane.living(), key=lambda head: -head.created)

    async def room(self, slug: str) -> Room:
        """Return a space that has not ended. Raises UnknownSpaceError."""
        kept = self._kept.get(slug)
        if slug in self._airing.here and not is_open(self.engine, slug):
            if self._resting:
                raise UnknownSpaceError("This node is going away.")
            await self._note_closing(slug)
        elif kept:
            return kept.room
        head = await self.backplane.find(slug)
        if head is None or head.phase is Phase.ENDED:
            return await self._adopt(slug)
        return await self._load(head)

    def is_latest(self, room: Room) -> bool:
        """Whether nothing has happened in a space since."""
        now = self._kept[room.slug].room if room.slug in self._kept else Room()
        return (now.created, now.version) == (room.created, room.version)

    async def key(self, slug: str) -> str:
        """Return what a space that has not ended is called for good. Raises UnknownSpaceError."""
        await self.room(slug)
        return self._kept[slug].key

    async def last(self, slug: str) -> Room | None:
        """Return a space as it is, or as the last one of that name ended, if there was one."""
        with suppress(UnknownSpaceError):
            return await self.room(slug)
        head = await self.backplane.find(slug)
        if head is None:
            return None
        entries = await self.backplane.read(head.key)
        return Room.of((entry.fact, entry.at) for entry in entries)

    async def at(self, slug: str, when: float) -> Room | None:
        """Return the space that had a name at a time, as it is or as it ended."""
        head = await self.backplane.find_at(slug, when)
        if head is None:
            return None
        kept = self._kept.get(slug)
        if kept and kept.key == head.key:
            return kept.room
        entries = await self.backplane.read(head.key)
        return Room.of((entry.fact, entry.at) for entry in entries)

    async def create(
        self, slug: str, details: Details, by: Caller, *, host: Grant | None = None
    ) -> Room:
        """Plan a space. Raises SpaceTakenError, and what the rules refuse."""
        with suppress(UnknownSpaceError):
            await self.room(slug)
            raise SpaceTakenError(f"There is a space called {slug} already.")
        last = await self.backplane.find(slug)
        command = Create(slug, details, host, last.ended if last else 0.0)
        made = decide(Room(), command, by, self.clock(), self._patience)
        try:
            return await self._write(_Kept(secrets.token_hex(12), Room()), made, by)
        except ConflictError:
            raise SpaceTakenError(f"There is a space called {slug} already.") from None

    async def do(self, slug: str, command: Command, by: Caller) -> Room:
        """Have a command decided, written down and carried out. Raises what speaks against it."""
        for _ in range(ATTEMPTS):
            room = await self.room(slug)
            try:
                made = decide(room, command, by, self.clock(), self._patience)
            except SpacescoreError as error:
                if await self._catch_up(slug):  # it was refused on what is no longer so
                    continue
                if isinstance(error, ForbiddenError) and (kept := self._kept.get(slug)):
                    await self.ledger.refused(kept.key, room, command, by, error)
                raise
            if not made:
                return room
            try:
                return await self._write(self._kept[slug], made, by)
            except ConflictError:
                await self._catch_up(slug)
        raise OverloadedError("Very many act in this space at once.", 1)

    async def about(self, slug: str, peer: int, command: Command, by: Caller) -> Room:
        """Do what is about somebody who may be known to the media core alone."""
        room = await self.room(slug)
        if peer not in room.people and (someone := met(self.engine, slug, peer, self.clock())):
            await self.do(slug, Meet(someone), None)
        return await self.do(slug, command, by)

    async def note(
        self, slug: str, what: str, by: Caller, whom: Party | None = None, **detail: Any
    ) -> None:
        """Audit an act in a living space that no fact tells of."""
        room = await self.room(slug)
        if kept := self._kept.get(slug):
            await self.ledger.note(kept.key, room.slug, what, by, whom, **detail)

    async def enter_stage(self, grant: Grant) -> Grant:
        """Give the holder of a grant a seat; return what they are by now."""
        room = await self.do(grant.space, EnterStage(), grant)
        return replace(grant, role=room.people[grant.peer].role)

    async def run(self) -> None:
        """Look at the clock and at who is connected, every second, whatever happens."""
        failing = False
        while not self.engine.closed:
            try:
                await self.look()
                if failing:
                    _log.warning("the office goes on")
                failing = False
            except EngineClosedError:
                return
            except Exception:
                if not failing:
                    _log.exception("the office failed")
                failing = True
            await anyio.sleep(LOOK_SECONDS)

    async def look_if_due(self) -> None:
        """Look, where nobody runs `run`: an application may mount us without."""
        if not 0 <= self.clock() - self._looked < LOOK_SECONDS:
            with suppress(StoreError):  # what is known is still worth telling
                await self.look()

    async def look(self) -> None:
        """Follow what others wrote, say who is here, and let time work."""
        now = self._looked = self.clock()
        heads = {head.slug: head for head in await self.backplane.living()}
        for slug, kept in list(self._kept.items()):
            head = heads.get(slug)
            if head is None or head.key != kept.key or head.version > kept.room.version:
                await self._catch_up(slug)
        await self._keep_home(heads.values(), now)
        await self._open_due(heads.values(), now)
        for slug in list(self._airing.here & self._engine_slugs()):
            with suppress(UnknownSpaceError):
                await self._look_at(slug, now)

    async def _open_due(self, heads: Iterable[Head], now: float) -> None:
        """Open what opens by itself now, on whichever node looks first; again until it is open."""
        if self._resting:
            return
        planned = [head for head in heads if head.phase is Phase.PLANNED]
        due = [head.slug for head in planned if is_due(head.details, now)]
        self._late &= set(due)
        for slug in due:
            try:
                await self.do(slug, Note(frozenset()), None)
            except Exception:
                if slug not in self._late:
                    _log.exception("a space could not be opened at its time", space=slug)
                self._late.add(slug)

    async def _keep_home(
        self, heads: Collection[Head], now: float, *, grace: float = HOME_SECONDS
    ) -> None:
        """Hold what is on air here, stand down where another does, put on air what nobody has.

        grace: so long, in seconds, whoever opened a space has to hold it.
        """
        if not self._resting:
            here = self._airing.here & self._kept.keys()
            await self._airing.hold({self._kept[slug].key: slug for slug in here}, now)
        await self._airing.learn_homes(heads, now)
        if not self._resting:
            for head in self._airing.silent(heads, now, grace):
                await self._put_on_air(head, now)

    async def _put_on_air(self, head: Head, now: float) -> None:
        """Have an open space on air that no node has; again later, where it is refused."""
        try:
            async with self._airing.opening(head.key, await self._load(head)):
                if head.slug not in self._kept:
                    raise UnknownSpaceError("It has ended meanwhile.")
        except (EngineClosedError, StoreError):
            raise
        except UnknownSpaceError:
            return
        except Exception as error:
            pause = self._airing.refused(head.key, now)
            if not self.silent:
                why = str(error.__cause__ or error)
                _log.error("a space is not on air", space=head.slug, reason=why, again_in=pause)
            return
        self.on_change(head.slug)
        if head.slug in self._airing.here and not self.silent:
            _log.warning("on air again", space=head.slug)

    async def leave_home(self) -> None:
        """The node ends: another may take over at once."""
        with suppress(StoreError):
            await self._airing.leave()

    async def _look_at(self, slug: str, now: float) -> None:
        kept = self._kept.get(slug)
        if kept and not (kept.room.seats or kept.room.hands or kept.room.offers):
            return  # nobody is waited for, and nothing can run out
        online = self.engine.online(slug)
        listeners = self.engine.stats(slug).listeners
        await self.backplane.publish(slug, self._airing.node, Presence(online, listeners), now)
        everywhere = await self.backplane.presence(slug, now)
        try:
            await self.do(slug, Note(everywhere.online), None)
        except SpacescoreError as error:
            _log.warning("a space could not be looked after", space=slug, reason=str(error))

    # Writing and following.

    async def _write(self, kept: _Kept, made: Sequence[Fact], by: Caller) -> Room:
        now, room = self.clock(), kept.room
        audited, letters = self.ledger.sort(self.ledger.acts(room, made, by, kept.key))
        entries = []
        for fact in made:
            room = room.after(fact, now)
            entries.append(Entry(room.version, now, actor(by), fact))
        opens = any(isinstance(fact, facts.Opened) for fact in made)
        async with self._airing.opening(kept.key, room) if opens else nullcontext():
            await self.backplane.append(Head.of(kept.key, room), entries, audited, letters)
        self._follow(room.slug, kept, entries)
        if letters:
            self.ledger.on_letters()
        await self._tell_of_recordings()
        return room

    async def _catch_up(self, slug: str) -> bool:
        """Follow what others wrote; whether there was any."""
        kept = self._kept.get(slug)
        if not kept:
            return False
        entries = await self.backplane.read(kept.key, kept.room.version)
        self._follow(slug, kept, entries)
        await self._tell_of_recordings()
        return bool(entries)

    async def _tell_of_recordings(self) -> None:
        """Tell of those that are finished with what was just carried out."""
        recorded, self._recorded = self._recorded, []
        for act in recorded:
            with suppress(StoreError):  # the recording is there all the same
                await self.ledger.tell(act)

    async def _load(self, head: Head) -> Room:
        entries = await self.backplane.read(head.key)
        room = Room.of((entry.fact, entry.at) for entry in entries)
        if room.phase is Phase.ENDED:
            raise UnknownSpaceError("There is no such space here.")
        self._kept.setdefault(head.slug, _Kept(head.key, room))
        self._forget()
        return self._kept[head.slug].room

    def _follow(self, slug: str, kept: _Kept, entries: Sequence[Entry]) -> None:
        """Move on by what was written, each fact once, whoever wrote it."""
        known = self._kept.get(slug)
        if known and known.key == kept.key:
            kept = known
        if entries:
            self.on_change(slug)
        for entry in entries:
            if entry.version == kept.room.version + 1:
                kept = _Kept(kept.key, kept.room.after(entry.fact, entry.at))
                self._kept[slug] = kept
                self._carry_out(kept, entry)
        if kept.room.phase is Phase.ENDED:
            self._kept.pop(slug, None)
            self.on_end(slug)

    def _forget(self) -> None:
        """Forget the books of what is not on air here: they are in the store."""
        for slug in list(self._kept)[: max(0, len(self._kept) - MAX_KEPT)]:
            if slug not in self._airing.here:
                del self._kept[slug]

    # What follows for the media core.

    def _carry_out(self, kept: _Kept, entry: Entry) -> None:
        room = kept.room
        unasked = entry.by == "node" and isinstance(entry.fact, facts.Created | facts.Opened)
        adopted = unasked and not room.details.auto_open
        if not (self.silent or adopted or isinstance(entry.fact, _QUIET)):
            values = {"by": entry.by, **_logged(entry.fact)}
            _log.info(words_of(entry.fact), space=room.slug, **values)
        try:
            if isinstance(entry.fact, facts.Ended):
                self._note_recording(kept)
            with suppress(UnknownPeerError, UnknownSpaceError):
                carry_out(self.engine, room, entry.fact)
        except EngineClosedError:
            return
        if isinstance(entry.fact, facts.Ended):
            self._airing.here.discard(room.slug)

    def _note_recording(self, kept: _Kept) -> None:
        """Note what is to be told of once a space is over: it is asked for before it is closed."""
        if recording := recording_of(self.engine, kept.room.slug):
            by, detail = Party("node"), {"recording": recording}
            act = self.ledger.act(kept.key, kept.room.slug, "recording.ready", by, None, detail)
            self._recorded.append(act)

    # Spaces that the engine's owner opens and closes.

    def _engine_slugs(self) -> set[str]:
        return {space.slug for space in self.engine.spaces}

    async def _adopt(self, slug: str) -> Room:
        details = details_of(self.engine.space(slug))
        made: list[Fact] = [facts.Created(slug, details), facts.Opened()]
        try:
            return await self._write(_Kept(secrets.token_hex(12), Room()), made, None)
        except ConflictError:
            return await self.room(slug)

    async def _note_closing(self, slug: str) -> None:
        while (kept := self._kept.get(slug)) and not self.engine.closed:
            try:
                await self._write(kept, [facts.Ended("ended")], None)
            except ConflictError:
                await self._catch_up(slug)
        self._airing.here.discard(slug)
        self._kept.pop(slug, None)


# Too many to be logged one by one, or of no interest to an operator.
_QUIET = (facts.Came, facts.Seated, facts.Connected, facts.Disconnected, facts.Forgotten)


def _logged(fact: Fact) -> Mapping[str, Any]:
    shown = ("peer", "role", "why", "identity", "link", "mode")
    return {name: getattr(fact, name) for name in shown if hasattr(fact, name)}
