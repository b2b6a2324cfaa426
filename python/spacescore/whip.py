"""WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03): the standard doors.

Where the documents leave a choice:
- A sendrecv offer of a publisher is answered sendrecv and gets the mix without its own
  voice; WHIP itself knows ingest only.
- Trickled candidates are read and ignored (a lite server needs none); an ICE restart is
  not supported and answered 422: a new POST takes one round trip more and no state.
- A listener may come before anybody speaks: no 409, the space is simply quiet.
- The session URL is the secret: who has it may end the session.
"""

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spacescore.desk import desk_of, resource
from spacescore.engine import Engine
from spacescore.errors import UnknownSessionError
from spacescore.policy import Action, Grant, Role, require
from spacescore.problem import Problem
from spacescore.reading import read_body
from spacescore.rooms.facts import Visibility
from spacescore.rooms.standing import rank_of, require_listener
from spacescore.sdp import parse_fragment, parse_offer
from spacescore.sessions import Session
from spacescore.tickets import Answer

__all__ = ["routes"]

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"


def routes() -> list[Route]:
    """Return the table: the same four resources for both doors."""
    endpoint = {"Accept-Post": SDP}
    session = {"Accept-Patch": FRAGMENT, "Accept-Post": SDP}
    of_session = {"GET": show, "PATCH": trickle, "DELETE": end}
    return [
        resource("/whip/{space}", {"GET": sniff, "POST": publish}, headers=endpoint),
        resource("/whep/{space}", {"GET": sniff, "POST": play}, headers=endpoint),
        resource("/{door:door}/{space}/{key}", of_session, headers=session),
    ]


async def sniff(request: Request) -> Response:
    """Let a player see that this is an SDP endpoint; there is nothing to read."""
    await desk_of(request).office.room(request.path_params["space"])
    return Response(status_code=200, media_type=SDP)


async def publish(request: Request) -> Response:
    """Take a speaker in. They get a seat when their offer is one that can be answered."""
    desk, slug = desk_of(request), request.path_params["space"]
    room, caller = await desk.office.room(slug), desk.caller(request)
    require(rank_of(room, caller), Action.SPEAK)
    await desk.pace(request)
    offer = await read_body(request, SDP)
    parse_offer(offer, publishing=True)
    assert isinstance(caller, Grant)  # noqa: S101  (nobody else may speak)
    seated = await desk.office.enter_stage(caller)
    return _created(request, desk.engine.accept_offer(slug, offer, grant=seated))


async def play(request: Request) -> Response:
    """Take a listener in; a token is welcome, and needed where the space is by invitation."""
    desk, slug = desk_of(request), request.path_params["space"]
    room, caller = await desk.office.room(slug), desk.caller(request)
    grant = require_listener(room, caller)
    await desk.pace(request)
    offer = await read_body(request, SDP)
    invited = grant and room.details.visibility is Visibility.INVITE
    named = grant if grant and (grant.role is Role.LISTENER or invited) else None
    if named:
        named = replace(named, role=Role.LISTENER)
    return _created(request, desk.engine.accept_offer(slug, offer, grant=named))


async def show(request: Request) -> Response:
    """Say that the session lives."""
    return Response(status_code=200, headers={"ETag": _session(request).etag})


async def trickle(request: Request) -> Response:
    """Take candidates, of which a lite server makes no use (RFC 9725 section 4.3.2).

    Preconditions count only for a request that would do something (RFC 9110 section 13.2.1).
    """
    session = _session(request)
    fragment = parse_fragment(await read_body(request, FRAGMENT))
    if fragment.ufrag != session.offer.ufrag:
        raise Problem(422, "no-ice-restart", "ICE is not restarted here: begin a new session.")
    match = request.headers.get("if-match")
    if match is None:
        raise Problem(428, "etag-required", "If-Match must name the ICE session.")
    if not {session.etag, "*", '"*"'} & {tag.strip() for tag in match.split(",")}:
        raise Problem(412, "etag-stale", "If-Match names another ICE session.")
    return Response(status_code=204)


async def end(request: Request) -> Response:
    """End the session."""
    desk_of(request).engine.end_session(_session(request).id.hex())
    return Response(status_code=200)


def _session(request: Request) -> Session:
    params = request.path_params
    engine: Engine = desk_of(request).engine
    session = engine.session(params["key"])
    door = "whip" if session.role.speaks else "whep"
    if (session.space, door) != (params["space"], params["door"]):
        raise UnknownSessionError("There is no such session, or it has ended.")
    return session


def _created(request: Request, answer: Answer) -> Response:
    desk = desk_of(request)
    door = "whip" if answer.role.speaks else "whep"
    location = desk.url(request, f"/{door}/{answer.space}/{answer.key}")
    headers = {"Location": location, "ETag": answer.etag, "Cache-Control": "no-store"}
    response = Response(answer.sdp, 201, headers, media_type=SDP)
    for server in desk.ice_servers:
        response.headers.append("Link", server.link())
    return response
