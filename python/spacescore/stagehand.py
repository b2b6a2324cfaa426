"""What the facts of a space come to in the media core, and what of it comes into the books."""

from contextlib import suppress
from pathlib import Path

from spacescore.engine import Engine
from spacescore.errors import OverloadedError, UnknownPeerError, UnknownSpaceError
from spacescore.policy import Grant
from spacescore.rooms import facts
from spacescore.rooms.details import MAX_SEATS
from spacescore.rooms.facts import Details, Fact, Visibility
from spacescore.rooms.room import Room
from spacescore.spaces import Space

__all__ = ["carry_out", "details_of", "is_open", "met", "open_space", "recording_of"]


def is_open(engine: Engine, slug: str) -> bool:
    """Whether the core has a space of that name."""
    try:
        engine.space(slug)
    except UnknownSpaceError:
        return False
    return True


def open_space(engine: Engine, room: Room) -> bool:
    """Open a space in the core; return whether it was not there. Raises what speaks against it."""
    if is_open(engine, room.slug):
        return False
    shown = room.details
    try:
        engine.create_space(
            room.slug,
            title=shown.title,
            open_stage=shown.open_stage,
            record=shown.record,
            music=shown.music,
        )
    except OSError as error:  # it names files, which are nobody's business
        raise OverloadedError("The recording cannot be begun now: please try again.") from error
    engine.set_invited_only(room.slug, shown.visibility is Visibility.INVITE)
    return True


def carry_out(engine: Engine, room: Room, fact: Fact) -> None:
    """Do in the core what has happened. Raises UnknownPeerError, UnknownSpaceError."""
    match fact:
        case facts.Ended():
            engine.close_space(room.slug)
        case facts.Removed() | facts.Blocked() | facts.Unblocked():
            _keep_door(engine, room.slug, fact)
        case facts.RoleGiven(peer, role):
            engine.recast(room.slug, peer, role)
        case facts.HostNamed(peer):
            for each in [*room.cohosts, room.people[peer]]:
                with suppress(UnknownPeerError):
                    engine.recast(room.slug, each.peer, each.role)
        case facts.Muted(peer) | facts.Connected(peer):
            if peer in room.people and room.people[peer].muted:
                engine.mute(room.slug, peer, True)
        case facts.Unmuted(peer):
            engine.mute(room.slug, peer, False)
        case facts.Edited(details):
            engine.rename(room.slug, details.title, open_stage=details.open_stage)
            engine.set_invited_only(room.slug, details.visibility is Visibility.INVITE)


def _keep_door(engine: Engine, slug: str, fact: Fact) -> None:
    match fact:
        case facts.Removed(peer, identity):
            engine.remove_all(slug, identity)
            engine.remove(slug, peer)
        case facts.Blocked(identity):
            engine.remove_all(slug, identity)
        case facts.Unblocked(identity):
            engine.forgive(slug, identity)


def details_of(space: Space) -> Details:
    """Return what is to be written of a space that was opened without the office."""
    return Details(
        space.title,
        open_stage=space.open_stage,
        max_speakers=MAX_SEATS,
        record=bool(space.recording),
        music=space.music,
    )


def recording_of(engine: Engine, slug: str) -> str:
    """Return the id of what was recorded of a space that is on air here, if anything was."""
    try:
        stats, space = engine.stats(slug), engine.space(slug)
    except UnknownSpaceError:
        return ""
    return Path(space.recording).stem if space.recording and stats.recorded_samples else ""


def met(engine: Engine, slug: str, peer: int, now: float) -> Grant | None:
    """Return the grant of somebody inside: when their token was issued no longer matters."""
    try:
        who = engine.space(slug).people.get(peer)
    except UnknownSpaceError:
        return None
    if who is None:
        return None
    return Grant(slug, who.role, peer, who.name, who.expires, who.identity, issued=now)
