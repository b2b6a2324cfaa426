"""What can go wrong, as types.

Whoever calls decides by type; `str(error)` is one sentence that may be shown to the person
at the other end. None of them carries an HTTP status: `problem.py` has that table.
"""

__all__ = [
    "BlockedError",
    "ConflictError",
    "ElsewhereError",
    "EngineClosedError",
    "ForbiddenError",
    "InvalidOfferError",
    "InvalidRequestError",
    "OffAirError",
    "OverloadedError",
    "PacedError",
    "RemovedError",
    "SpaceTakenError",
    "SpacescoreError",
    "StageFullError",
    "StartupError",
    "StoreError",
    "UnauthenticatedError",
    "UnknownLetterError",
    "UnknownPeerError",
    "UnknownRecordingError",
    "UnknownSessionError",
    "UnknownSpaceError",
    "UnusableOfferError",
    "WrongMomentError",
]


class SpacescoreError(Exception):
    """Everything this package raises on purpose."""


class InvalidRequestError(SpacescoreError, ValueError):
    """A name, a title or another value breaks a rule that the message states."""


class InvalidOfferError(SpacescoreError, ValueError):
    """The text is no SDP, or breaks the RFCs."""


class UnusableOfferError(SpacescoreError, ValueError):
    """A correct offer that a space cannot serve: no Opus, too many tracks, video to publish."""


class UnauthenticatedError(SpacescoreError):
    """No token where one is needed, or one that does not verify."""


class ForbiddenError(SpacescoreError):
    """A good token, but not for this."""


class RemovedError(ForbiddenError):
    """The host has sent them away; a new invitation lets them in again."""


class BlockedError(ForbiddenError):
    """The host has blocked them; nothing lets them in but the host."""


class UnknownSpaceError(SpacescoreError, LookupError):
    """No such space lives here."""


class ElsewhereError(SpacescoreError):
    """Another node has the space on air."""


class UnknownPeerError(SpacescoreError, LookupError):
    """Nobody of that number is in the space."""


class UnknownLetterError(SpacescoreError, LookupError):
    """No such letter waits, or is dead."""


class UnknownRecordingError(SpacescoreError, LookupError):
    """No such recording is kept here, or not for whoever asks."""


class UnknownSessionError(SpacescoreError, LookupError):
    """No such session, or it has ended."""


class SpaceTakenError(SpacescoreError):
    """A space of that name is open."""


class OverloadedError(SpacescoreError):
    """No room now; `retry_after` (seconds) says when to ask again."""

    def __init__(self, message: str, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PacedError(OverloadedError):
    """Whoever asks has asked too often; others are served."""


class OffAirError(OverloadedError):
    """The space is open, and no node has it on air now; it is tried again and again."""


class StageFullError(SpacescoreError):
    """Every seat on the stage is taken."""


class WrongMomentError(SpacescoreError):
    """A right command at a time when it has no sense: a hand lowered that is not up."""


class ConflictError(SpacescoreError):
    """Somebody else has written first: read on and decide again."""


class StoreError(SpacescoreError):
    """Nothing can be written down now, so nothing is promised; audio goes on."""


class EngineClosedError(SpacescoreError, RuntimeError):
    """The engine was closed, or belongs to the process that forked this one."""


class StartupError(SpacescoreError):
    """The service cannot start; the message says what to change."""
