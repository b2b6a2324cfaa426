"""Who comes with everybody's ticket and was never seen before: their checks, and a hello."""

import itertools
from collections.abc import Iterator

from handmade import sealed_check
from spacescore._native import _core
from world import SPACE, World

__all__ = ["CLIENT_HELLO", "STRANGER", "fresh_check", "nonces"]

STRANGER = ("203.0.113.66", 6_666)
CLIENT_HELLO = bytes([22, 0xFE, 0xFF]) + bytes(8) + (120).to_bytes(2, "big") + b"\1" + bytes(119)


def nonces() -> Iterator[bytes]:
    """Of as many sessions."""
    return (number.to_bytes(12, "big") for number in itertools.count(1 << 90))


def fresh_check(world: World, nonce: bytes) -> bytes:
    """A valid check of a session of one's own, with the public ticket everybody may have."""
    ticket = world.tickets.mint(space=SPACE, role="listener", expiry=1_700_000_600)
    ufrag = _core.make_ufrag(ticket, nonce, 111, None)
    return sealed_check(ufrag, world.tickets.password(ticket), nonce[::-1])
