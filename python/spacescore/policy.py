"""Who may do what: pure rules.

A caller is the operator (who holds the node's key), the holder of a grant (a verified
token), or a stranger (`None`). The operator runs spaces but has no voice of their own: to
speak, they issue themselves a token.

`_MAY` is the whole of the permissions. Whoever asks has a rank, the operator's or a role;
what is asked for is an action, and most actions are done to somebody, or give somebody a
role: a cell lists the roles to which it may be done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Final

from spacescore.errors import ForbiddenError, UnauthenticatedError

__all__ = [
    "OPERATOR",
    "Action",
    "Caller",
    "Grant",
    "Operator",
    "Rank",
    "Role",
    "may",
    "rank",
    "require",
    "require_space",
]


class Role(StrEnum):
    """What a person is in a space, from the least to the most."""

    LISTENER = "listener"
    SPEAKER = "speaker"
    COHOST = "cohost"
    HOST = "host"

    @property
    def speaks(self) -> bool:
        """Whether this role may publish."""
        return self is not Role.LISTENER

    @property
    def in_ticket(self) -> str:
        """The media core's name: it tells who publishes, and knows nothing of moderation."""
        return "speaker" if self is Role.COHOST else str(self)


@dataclass(frozen=True, slots=True)
class Grant:
    """The right to be somebody in one space, until `expires` (Unix seconds)."""

    space: str
    role: Role
    peer: int
    name: str
    expires: int
    identity: str = ""  # who they are in every token of theirs; the peer id where it is empty
    link: str = ""  # the invite link by which they came
    can_publish: bool = True  # False takes the voice away, whatever the role
    issued: float = field(default=0.0, compare=False)

    @property
    def who(self) -> str:
        """The identity that a block is put on."""
        return self.identity or f"#{self.peer}"


class Operator(Enum):
    """The type of `OPERATOR`."""

    OPERATOR = "operator"


OPERATOR: Final = Operator.OPERATOR
Caller = Grant | Operator | None
Rank = Operator | Role


class Action(StrEnum):
    """Everything that is not open to all."""

    CREATE_SPACE = "create a space"
    EDIT = "change the space"
    OPEN_SPACE = "open the space"
    CLOSE_SPACE = "close the space"
    SEE_PEOPLE = "see who wants to speak"
    ISSUE_TOKEN = "issue tokens"  # noqa: S105
    SPEAK = "speak"
    ASK_TO_SPEAK = "ask to speak"
    LOWER_HAND = "lower a hand"
    OFFER_STAGE = "invite to speak"
    ANSWER_OFFER = "answer an invitation"
    PROMOTE = "promote"
    DEMOTE = "take from the stage"
    MUTE = "mute a speaker"
    UNMUTE = "unmute a speaker"
    MUTE_ALL = "mute everybody"
    REMOVE = "remove a speaker"
    BLOCK = "block people"
    HAND_OVER = "hand over the space"
    CAPTION = "caption the space"
    WATCH = "see how this node does"
    PIN = "pin links"
    SEE_AUDIT = "see the audit log"
    SEE_WEBHOOKS = "see the webhooks"


_LETTERS = {"L": Role.LISTENER, "S": Role.SPEAKER, "C": Role.COHOST, "H": Role.HOST}
_ITSELF, _YES = ".", "*"

# A cell: the roles it may be done to by their letters, . to oneself, * it is done to nobody.
# ISSUE_TOKEN, PROMOTE and HAND_OVER: for the first two, the role that is given.
_MAY: Mapping[Action, tuple[str, str, str, str, str]] = {
    #                     operator  host    cohost  speaker listener
    Action.CREATE_SPACE: ("*", "", "", "", ""),
    Action.EDIT: ("*", "*", "*", "", ""),
    Action.OPEN_SPACE: ("*", "*", "*", "", ""),
    Action.CLOSE_SPACE: ("*", "*", "", "", ""),
    Action.SEE_PEOPLE: ("*", "*", "*", "", ""),
    Action.ISSUE_TOKEN: ("HCSL", "CSL", "SL", "", ""),
    Action.SPEAK: ("", "*", "*", "*", ""),
    Action.ASK_TO_SPEAK: ("", "", "", "", "."),
    Action.LOWER_HAND: ("L", "L", "L", "", "."),
    Action.OFFER_STAGE: ("L", "L", "L", "", ""),
    Action.ANSWER_OFFER: ("", "", "", "", "."),
    Action.PROMOTE: ("CS", "CS", "S", "", ""),
    Action.DEMOTE: ("CS", "CS", "S.", ".", ""),
    Action.MUTE: ("HCSL", "CSL.", "SL.", ".", ""),
    Action.UNMUTE: ("HCSL", "CSL.", "SL.", ".", ""),
    Action.MUTE_ALL: ("*", "*", "*", "", ""),
    Action.REMOVE: ("HCSL", "CSL", "SL", "", ""),
    Action.BLOCK: ("HCSL", "CSL", "SL", "", ""),
    Action.HAND_OVER: ("CS", "CS", "", "", ""),
    Action.CAPTION: ("*", "*", "*", "", ""),
    Action.WATCH: ("*", "", "", "", ""),
    Action.PIN: ("*", "*", "*", "", ""),
    Action.SEE_AUDIT: ("*", "*", "*", "", ""),
    Action.SEE_WEBHOOKS: ("*", "", "", "", ""),
}
_COLUMN: Mapping[Rank, int] = {
    OPERATOR: 0,
    Role.HOST: 1,
    Role.COHOST: 2,
    Role.SPEAKER: 3,
    Role.LISTENER: 4,
}


def may(who: Rank, action: Action, target: Role | None = None, *, itself: bool = False) -> bool:
    """Whether `who` may do `action` to somebody (or give somebody) of the role `target`."""
    cell = _MAY[action][_COLUMN[who]]
    if itself:
        return _ITSELF in cell
    if target is None:
        return _YES in cell
    return any(_LETTERS.get(letter) is target for letter in cell)


def require(
    who: Rank | None, action: Action, target: Role | None = None, *, itself: bool = False
) -> None:
    """Return if `may`. Raises UnauthenticatedError for strangers, else ForbiddenError."""
    if who is None:
        raise UnauthenticatedError(f"A bearer token is needed to {action}.")
    if may(who, action, target, itself=itself):
        return
    if isinstance(who, Operator):
        raise ForbiddenError(f"The operator's key does not {action}: issue a token for that.")
    whom = f" ({target})" if target and not itself else ""
    raise ForbiddenError(f"A {who}'s token does not allow to {action}{whom}.")


def require_space(grant: Grant, space: str) -> None:
    """Raise ForbiddenError when the grant is for another space."""
    if grant.space != space:
        raise ForbiddenError("This token is for another space.")


def rank(caller: Caller, space: str = "") -> Rank | None:
    """Return what a caller's token or key says. Raises ForbiddenError for another space's."""
    if not isinstance(caller, Grant):
        return caller
    if space:
        require_space(caller, space)
    return caller.role
