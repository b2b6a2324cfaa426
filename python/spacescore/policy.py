"""Who may do what, and how often: pure rules.

A caller is the operator (who holds the node's key), the holder of a grant (a verified
token), or a stranger (`None`). The operator runs spaces but has no voice of their own: to
speak, they issue themselves a token.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from spacescore.errors import ForbiddenError, UnauthenticatedError

__all__ = ["OPERATOR", "Action", "Caller", "Grant", "Operator", "Role", "TokenBucket", "require"]


class Role(StrEnum):
    """What a person is in a space; the names are those of the ticket."""

    LISTENER = "listener"
    SPEAKER = "speaker"
    HOST = "host"

    @property
    def speaks(self) -> bool:
        """Whether this role may publish."""
        return self is not Role.LISTENER


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to be somebody in one space, until `expires` (Unix seconds)."""

    space: str
    role: Role
    peer: int
    name: str
    expires: int


class Operator(Enum):
    """The type of `OPERATOR`."""

    OPERATOR = "operator"


OPERATOR: Final = Operator.OPERATOR
Caller = Grant | Operator | None


class Action(StrEnum):
    """Everything that is not open to all."""

    CREATE_SPACE = "create a space"
    CLOSE_SPACE = "close the space"
    ISSUE_TOKEN = "issue tokens"  # noqa: S105
    REMOVE = "remove a speaker"
    MUTE = "mute a speaker"
    SPEAK = "speak"


_MAY: Mapping[Action, Callable[[Grant, int], bool]] = {
    Action.CREATE_SPACE: lambda grant, peer: False,
    Action.CLOSE_SPACE: lambda grant, peer: grant.role is Role.HOST,
    Action.ISSUE_TOKEN: lambda grant, peer: grant.role is Role.HOST,
    Action.REMOVE: lambda grant, peer: grant.role is Role.HOST,
    Action.MUTE: lambda grant, peer: (
        grant.role is Role.HOST or (grant.role.speaks and grant.peer == peer)
    ),
    Action.SPEAK: lambda grant, peer: grant.role.speaks,
}


def require(caller: Caller, action: Action, space: str, peer: int = 0) -> None:
    """Return if `caller` may do `action` in `space` (to `peer`, where it is about one).

    Raises UnauthenticatedError for strangers and ForbiddenError for everybody else.
    """
    if caller is None:
        raise UnauthenticatedError(f"A bearer token is needed to {action}.")
    if isinstance(caller, Operator):
        if action is Action.SPEAK:
            raise ForbiddenError("The operator's key is no speaker's token: issue one.")
        return
    require_space(caller, space)
    if not _MAY[action](caller, peer):
        raise ForbiddenError(f"A {caller.role}'s token does not allow to {action}.")


def require_space(grant: Grant, space: str) -> None:
    """Raise ForbiddenError when the grant is for another space."""
    if grant.space != space:
        raise ForbiddenError("This token is for another space.")


@dataclass(slots=True)
class TokenBucket:
    """At most `rate` a second in the long run, `burst` at once."""

    rate: float
    burst: float
    _level: float = -1.0
    _seen: float = 0.0

    def take(self, now: float) -> float:
        """Take one. Returns 0.0, or the seconds until there will be one (and takes none)."""
        if self._level < 0:
            self._level, self._seen = self.burst, now
        elapsed = max(0.0, now - self._seen)
        self._level = min(self.burst, self._level + elapsed * self.rate)
        self._seen = now
        if self._level < 1.0:
            return (1.0 - self._level) / self.rate
        self._level -= 1.0
        return 0.0
