"""How many milliseconds of sound a listener gets per packet.

Packets are what an audience costs; longer ones are fewer, and that much later.
"""

from spacescore.errors import InvalidRequestError

__all__ = ["AUTO", "PACKET_TIMES", "milliseconds"]

PACKET_TIMES = (20, 40, 60, 120)
AUTO = "auto"


def milliseconds(tier: int | str, otherwise: str) -> int | None:
    """Return the tier as a number, or None where it is the word `otherwise`.

    Raises InvalidRequestError.
    """
    if tier == otherwise:
        return None
    if tier not in PACKET_TIMES:
        raise InvalidRequestError(f'a tier is 20, 40, 60 or 120 ms, or "{otherwise}".')
    return int(tier)
