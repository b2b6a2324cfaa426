"""From where those came who were blocked: a new name does not bring them back at once. Pure.

A stranger has no identity to block. Where everybody may take part by name, somebody who was blocked
would be back with another; so for a while nobody from their network takes part without a token. Who
shares the network still listens, and comes in by an invitation.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from spacescore.errors import ForbiddenError

__all__ = ["Shunned"]

SHUNNED_SECONDS = 3_600.0
MAX_KNOWN = 20_000


@dataclass(slots=True)
class Shunned:
    """One front's. `key` is a space's own: the next of its name shuns nobody."""

    _origins: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)
    _networks: OrderedDict[tuple[str, str], tuple[str, float]] = field(default_factory=OrderedDict)

    def came(self, key: str, who: str, network: str) -> None:
        """Note from where somebody took part by name; "" is nowhere known."""
        if network:
            self._origins[key, who] = network
            _trim(self._origins)

    def block(self, key: str, who: str, now: float) -> None:
        """Somebody was blocked."""
        if network := self._origins.get((key, who)):
            self._networks[key, network] = (who, now + SHUNNED_SECONDS)
            _trim(self._networks)

    def unblock(self, key: str, who: str) -> None:
        """They may come again, and who is near them."""
        for place in [place for place, (one, _) in self._networks.items() if one == who]:
            if place[0] == key:
                del self._networks[place]

    def check(self, key: str, network: str, now: float) -> None:
        """Return if a stranger may take part from there. Raises ForbiddenError."""
        if now < self._networks.get((key, network), ("", 0.0))[1]:
            raise ForbiddenError(
                "Somebody from your network was blocked here: ask the host for an invitation."
            )


def _trim(table: OrderedDict[tuple[str, str], Any]) -> None:
    if len(table) > MAX_KNOWN:
        table.popitem(last=False)
