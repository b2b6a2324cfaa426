"""Numbers from outside. In JSON and in Python they have no end: each is held to one as it comes in.

What is reckoned with afterwards fits into a float, a column and a calendar.
"""

from typing import TypeGuard

__all__ = ["MAX_TIME", "is_time", "read_count"]

MAX_TIME = 253_402_300_799  # Unix seconds: 9999-12-31T23:59:59Z, the last that calendars can write


def is_time(value: object) -> TypeGuard[int | float]:
    """Whether `value` is a time that a calendar knows, in Unix seconds; NaN is none."""
    return type(value) in (int, float) and 0 <= value <= MAX_TIME  # type: ignore[operator]


def read_count(text: str, most: int) -> int | None:
    """Return the whole number from 0 to `most` that is written in digits, or None."""
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(most))):
        return None
    number = int(text)
    return number if number <= most else None
