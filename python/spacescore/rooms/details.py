"""What a space may say of itself, and when it is due."""

import re
from dataclasses import replace

from spacescore.errors import InvalidRequestError
from spacescore.rooms.facts import Details
from spacescore.spaces import MAX_TITLE_CHARS, clean_text

__all__ = [
    "MAX_GRACE",
    "MAX_KEEP_DAYS",
    "MAX_RAW_DESCRIPTION_CHARS",
    "MAX_SEATS",
    "MAX_TOPICS",
    "MAX_TOPIC_CHARS",
    "MIN_GRACE",
    "check_details",
    "is_due",
]

MAX_DESCRIPTION_CHARS = 2_000
MAX_RAW_DESCRIPTION_CHARS = 8_000  # with what cannot be seen
MAX_TOPICS, MAX_TOPIC_CHARS = 5, 32
MAX_SEATS = 1_000
MAX_AHEAD_SECONDS = 366 * 86_400
MAX_KEEP_DAYS = 3_650
MIN_GRACE, MAX_GRACE = 5, 900  # a phone that changes networks takes seconds
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


def is_due(details: Details, now: float) -> bool:
    """Whether a planned space is to open by itself now."""
    return details.auto_open and now >= details.starts


def check_details(details: Details, now: float) -> Details:
    """Return clean details. Raises InvalidRequestError."""
    text = "\n".join(
        clean_text(line, MAX_DESCRIPTION_CHARS)
        for line in details.description[:MAX_RAW_DESCRIPTION_CHARS].splitlines()
    )
    topics = tuple(filter(None, (clean_text(each, MAX_TOPIC_CHARS) for each in details.topics)))
    raw = len(details.description)
    if len(text) > MAX_DESCRIPTION_CHARS or raw > MAX_RAW_DESCRIPTION_CHARS:
        raise InvalidRequestError(f"description has at most {MAX_DESCRIPTION_CHARS} characters.")
    if len(details.topics) > MAX_TOPICS:
        raise InvalidRequestError(f"A space has at most {MAX_TOPICS} topics.")
    if details.language and not _LANGUAGE.fullmatch(details.language):
        raise InvalidRequestError("language is a tag such as en or pt-BR.")
    if not 1 <= details.max_speakers <= MAX_SEATS:
        raise InvalidRequestError(f"max_speakers is 1 to {MAX_SEATS}.")
    if details.starts and not 0 <= details.starts <= now + MAX_AHEAD_SECONDS:
        raise InvalidRequestError("starts is a time in Unix seconds, within a year from now.")
    if details.auto_open and not details.starts:
        raise InvalidRequestError("auto_open needs starts: the time at which it opens by itself.")
    if not MIN_GRACE <= details.grace <= MAX_GRACE:
        raise InvalidRequestError(f"grace is {MIN_GRACE} to {MAX_GRACE} seconds.")
    if not 0 <= details.keep_days <= MAX_KEEP_DAYS:
        raise InvalidRequestError(f"keep_days is 0 to {MAX_KEEP_DAYS} days.")
    title = clean_text(details.title, MAX_TITLE_CHARS)
    return replace(details, title=title, description=text.strip(), topics=topics)
