"""Sessions negotiated by an offer (WHIP, WHEP, `Engine.accept_offer`): a pure table.

A session has two names. The media core, its events and `Engine.end_session` know it by its
id. That id is the nonce in the ICE ufrag and goes over the wire in the clear, so it must
not be what a session URL is guarded by: the URL carries `key`, a secret drawn apart.

A session waits until the core says that it has joined, and is forgotten when it leaves, or
when it has not come while its ticket was good.
"""

from dataclasses import dataclass

from spacescore.errors import OverloadedError, UnknownSessionError
from spacescore.policy import Role
from spacescore.sdp import Offer

__all__ = ["Session", "Sessions"]

MAX_SESSIONS = 200_000
WAITING_SECONDS = 60  # ticket life (30 s), and a handshake over the worst of links


@dataclass(frozen=True, slots=True)
class Session:
    """One negotiated session."""

    id: bytes  # 12 bytes: the nonce
    key: str  # 32 hex digits: the last part of its URL
    space: str
    role: Role
    peer: int
    offer: Offer
    created: float

    @property
    def etag(self) -> str:
        """The strong entity tag of the ICE session, which never restarts."""
        return f'"{self.key[:12]}"'


class Sessions:
    """Every session that is waiting or connected."""

    def __init__(self) -> None:
        self._by_id: dict[bytes, Session] = {}
        self._by_key: dict[str, Session] = {}
        self._waiting: dict[bytes, float] = {}  # in the order of their coming

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, session: Session) -> None:
        """Let a session wait for its client. Raises OverloadedError."""
        self._forget_stale(session.created)
        if len(self._by_id) >= MAX_SESSIONS:
            raise OverloadedError("This node has as many sessions as it can carry.")
        self._by_id[session.id] = self._by_key[session.key] = session
        self._waiting[session.id] = session.created

    def get(self, key: str) -> Session:
        """Return the session of a URL. Raises UnknownSessionError."""
        try:
            return self._by_key[key]
        except KeyError:
            raise UnknownSessionError("There is no such session, or it has ended.") from None

    def note_joined(self, number: bytes) -> None:
        """Note that the client is connected: the session no longer goes stale."""
        self._waiting.pop(number, None)

    def remove(self, number: bytes) -> bool:
        """Forget a session; False when there was none."""
        session = self._by_id.pop(number, None)
        self._waiting.pop(number, None)
        if session is not None:
            del self._by_key[session.key]
        return session is not None

    def of_space(self, space: str, peer: int | None = None) -> list[Session]:
        """Return the sessions of one space, or of one person in it."""
        mine = (session for session in self._by_id.values() if session.space == space)
        return [session for session in mine if peer in (None, session.peer)]

    def _forget_stale(self, now: float) -> None:
        while self._waiting:
            number, created = next(iter(self._waiting.items()))
            if created > now - WAITING_SECONDS:
                return
            self.remove(number)
