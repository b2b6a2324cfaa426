"""Errors as HTTP says them: problem+json (RFC 9457).

`code` is an extension member: a word for programs, where `detail` is a sentence for people.
"""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spacescore import errors

__all__ = ["Problem", "problem_from", "problem_response"]

_TABLE: Mapping[type[errors.SpacescoreError], tuple[int, str]] = {
    errors.InvalidOfferError: (400, "invalid-offer"),
    errors.InvalidRequestError: (400, "invalid-request"),
    errors.UnauthenticatedError: (401, "unauthenticated"),
    errors.RemovedError: (403, "removed"),
    errors.BlockedError: (403, "blocked"),
    errors.ForbiddenError: (403, "forbidden"),
    errors.UnknownSpaceError: (404, "unknown-space"),
    errors.UnknownLetterError: (404, "unknown-letter"),
    errors.UnknownPeerError: (404, "unknown-peer"),
    errors.UnknownRecordingError: (404, "unknown-recording"),
    errors.UnknownSessionError: (404, "unknown-session"),
    errors.SpaceTakenError: (409, "space-taken"),
    errors.StageFullError: (409, "stage-full"),
    errors.WrongMomentError: (409, "wrong-moment"),
    errors.ConflictError: (503, "busy"),
    errors.StoreError: (503, "not-stored"),
    errors.UnusableOfferError: (422, "unusable-offer"),
    errors.PacedError: (429, "too-many-requests"),  # before what it is one of
    errors.OffAirError: (503, "off-air"),
    errors.OverloadedError: (503, "overloaded"),
    errors.EngineClosedError: (503, "closing"),
}


class Problem(Exception):  # noqa: N818  (a value to answer with, not an error of ours)
    """A request that HTTP itself has a word for."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})


def problem_from(error: Exception) -> Problem | None:
    """Return what to answer when `error` was raised; None when it is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, "http", str(error.detail), error.headers)
    for kind, (status, code) in _TABLE.items():
        if isinstance(error, kind):
            return Problem(status, code, str(error), _headers(error, status))
    return None


def problem_response(problem: Problem) -> Response:
    """Write a problem."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    headers = {"Cache-Control": "no-store", **problem.headers}
    return JSONResponse(body, problem.status, headers, media_type="application/problem+json")


async def handle_http_exception(request: Request, error: Exception) -> Response:
    """Answer what Starlette itself refuses: unknown paths and methods."""
    problem = problem_from(error) or Problem(500, "fault", "Something went wrong here.")
    response = problem_response(problem)
    response.headers["X-Content-Type-Options"] = "nosniff"  # other answers have it by their route
    return response


def _headers(error: Exception, status: int) -> dict[str, str]:
    if isinstance(error, errors.OverloadedError):
        return {"Retry-After": str(error.retry_after)}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": "2"}
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="spacescore"'}
    return {}
