"""Audiences of any size and the bare calls beneath them, as several benches need them."""

from typing import Any

from spacescore._native import _core

GCM, CM = 7, 1
PROFILES = {
    GCM: _core.SrtpProfile.AEAD_AES_128_GCM,
    CM: _core.SrtpProfile.AES128_CM_SHA1_80,
}
CACHED = 1_000  # so many keys stay near the core
MILLION = 1_000_000
ROW_BYTES = 1_500
KEY_BYTES = 1_024


class Crowd:
    """Keeps the audience and the keys made last: a million of them take a second or two."""

    def __init__(self) -> None:
        self.audiences: dict[tuple[int, int], tuple[Any, bytes]] = {}
        self.floors: dict[tuple[int, int], Any] = {}

    def audience(self, listeners: int, profile: int = GCM) -> tuple[Any, bytes]:
        """All with different keys, and the last one's key and salt."""
        if (listeners, profile) not in self.audiences:
            self.audiences.clear()
            audience = _core.Audience(listeners)
            key = audience.fill(listeners, seed=listeners, profile=profile)
            self.audiences[listeners, profile] = audience, key
        return self.audiences[listeners, profile]

    def floor(self, listeners: int, profile: int = GCM) -> Any:
        """As many keys, for the bare call."""
        if (listeners, profile) not in self.floors:
            self.floors.clear()
            keys = _core.FloorKeys(_core.SrtpBackend.BEST, PROFILES[profile], listeners)
            self.floors[listeners, profile] = keys
        return self.floors[listeners, profile]
