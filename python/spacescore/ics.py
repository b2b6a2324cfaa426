"""A planned space as a calendar file (RFC 5545).

Text is escaped (section 3.3.11) and lines are folded at 75 octets (section 3.1), never inside
of a character.
"""

from datetime import UTC, datetime

from spacescore.rooms.room import Room

__all__ = ["calendar"]

LINE_OCTETS = 75
HOURS = 1  # nobody knows how long it will take; a calendar wants to


def calendar(room: Room, link: str, now: float) -> str:
    """Return a calendar of one event, which a later version of the same space replaces."""
    starts = room.details.starts
    about = "\n\n".join(filter(None, [room.details.description, link]))
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//spacescore//rooms//EN",
        "BEGIN:VEVENT",
        f"UID:{room.slug}-{int(room.created)}@spacescore",
        f"SEQUENCE:{room.version}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(starts)}",
        f"DTEND:{_moment(starts + HOURS * 3600)}",
        f"SUMMARY:{_escaped(room.details.title)}",
        f"DESCRIPTION:{_escaped(about)}",
        f"URL:{link}",
        *(
            [f"CATEGORIES:{','.join(map(_escaped, room.details.topics))}"]
            if room.details.topics
            else []
        ),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")


def _escaped(text: str) -> str:
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def _folded(line: str) -> str:
    folded, octets = "", 0
    for character in line:
        size = len(character.encode())
        if octets + size > LINE_OCTETS:
            folded, octets = f"{folded}\r\n ", 1
        folded, octets = folded + character, octets + size
    return folded
