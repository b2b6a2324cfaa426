"""The front desk: what every HTTP handler needs, and the routes that lead to them."""

import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from spacescore import elsewhere
from spacescore.clients import Proxies
from spacescore.doors import Doors
from spacescore.drain import Farewell
from spacescore.engine import Engine
from spacescore.errors import (
    InvalidRequestError,
    OffAirError,
    OverloadedError,
    PacedError,
    UnauthenticatedError,
    UnknownPeerError,
    UnknownSpaceError,
)
from spacescore.feed import Feed
from spacescore.kept import Kept, Sent, kept_of
from spacescore.limits import Limit, Limiter, TokenBucket
from spacescore.metrics import Metrics
from spacescore.office import Office
from spacescore.policy import OPERATOR, Caller, Grant, Rank, Role
from spacescore.polling import Pacing
from spacescore.problem import Problem, problem_from, problem_response
from spacescore.recordings import Recordings
from spacescore.rooms.commands import Command
from spacescore.rooms.room import Room
from spacescore.rooms.standing import rank_of
from spacescore.roster import Seen
from spacescore.shelf import Shelf
from spacescore.tokens import KeyRing
from spacescore.vitals import Vitals

__all__ = [
    "Desk",
    "Handler",
    "IceServer",
    "act",
    "desk_of",
    "resource",
]

JOINS_PER_SECOND, JOIN_BURST = 300.0, 600.0  # about 1 ms of CPU each, with TLS
ACTS = Limit(2.0, 20.0, "acts")  # of one person
CAPTIONS = Limit(10.0, 50.0, "captions")  # of one too: what is heard changes a few times a second
# Of one address, behind which a campus may be: who joins by ticket asks once, and a cache answers.
STRANGERS = Limit(20.0, 200.0, "strangers")
TICKETS = Limit(100.0, 2_000.0)  # by this node: it is its time that they take
READS = Limit(100.0, 2_000.0)  # of lists and recordings: the same
OFF_AIR_SECONDS = 5  # in which to ask again for what is off the air
CAUSES = Limit(0.1, 5.0)  # lines of the log for one route: whoever is refused asks again
MAX_TOLD = 100  # addresses of which the log says that they might be a proxy
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_ICE_TEXT = re.compile(r"[!-~]*")
_OFF_AIR = "This space is off the air for a moment; it comes back by itself."
_TOO_MUCH = "Too much is asked for from your network."
_KEEPS_ORDER = (Role.HOST, Role.COHOST)
_log = structlog.get_logger("spacescore.http")

Handler = Callable[[Request], Awaitable[Response]]

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Date, Location, ETag, Link, Retry-After, Accept-Post",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "600",
}


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server to tell clients of (RFC 9725 section 4.6)."""

    url: str
    username: str = ""
    credential: str = ""

    def __post_init__(self) -> None:
        whole = self.url + self.username + self.credential
        if not _ICE_TEXT.fullmatch(whole) or set(whole) & set('"<>\\,'):
            raise InvalidRequestError(f"{self.url!r} does not fit into a Link header.")
        if not self.url.startswith(("stun:", "stuns:", "turn:", "turns:")):
            raise InvalidRequestError(f"{self.url!r} is no STUN or TURN URL.")

    def to_dict(self) -> dict[str, str]:
        """Return it as RTCPeerConnection takes it."""
        found = {"urls": self.url}
        if self.username:
            found |= {"username": self.username, "credential": self.credential}
        return found

    def link(self) -> str:
        """Return the Link header's value."""
        link = f'<{self.url}>; rel="ice-server"'
        if self.username:
            link += f'; username="{self.username}"; credential="{self.credential}"'
            link += '; credential-type="password"'
        return link


@dataclass(slots=True)
class Desk:
    """One HTTP front of one engine."""

    engine: Engine
    keys: KeyRing
    office: Office
    ice_servers: Sequence[IceServer] = ()
    public_url: str = ""
    proxies: Proxies = field(default_factory=Proxies)
    endpoints: Sequence[str] = ()  # of webhooks, as people may read them
    node: str = field(default_factory=socket.gethostname)
    clock: Callable[[], float] = time.time
    farewell: Farewell | None = None  # while the node drains
    metrics: Metrics = field(init=False)
    doors: Doors = field(init=False)
    vitals: Vitals = field(init=False)
    shelf: Shelf | None = field(init=False)  # where recordings are kept
    joins: TokenBucket = field(init=False)  # of strangers, all of them
    stage: TokenBucket = field(init=False)  # of who comes with a speaker's token
    acts: Limit = ACTS
    captions: Limit = CAPTIONS
    strangers: Limit = STRANGERS
    tickets: Limiter = field(default_factory=lambda: Limiter(TICKETS))
    reads: Limiter = field(default_factory=lambda: Limiter(READS))
    causes: Limiter = field(default_factory=lambda: Limiter(CAUSES))
    kept: Kept = field(default_factory=Kept)
    pacing: Pacing = field(default_factory=Pacing)
    seen: Seen = field(default_factory=Seen)
    feed: Feed = field(default_factory=Feed)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.metrics = Metrics(self.engine, self.node, lambda: len(self.office.off_air))
        self.office.on_change = self.changed
        self.office.on_end = self.ended
        self.doors = Doors(
            self.engine,
            self.office.backplane,
            lambda: self.clock(),
            lambda slug: self.office.home(slug) is not None,
            self.office.doors,
        )
        self.vitals = Vitals(self.engine, lambda: self.clock())
        data = self.engine.data
        self.shelf = Shelf(Recordings(data.recordings), lambda: self.clock()) if data else None
        self.joins = TokenBucket(JOINS_PER_SECOND, JOIN_BURST)
        self.stage = TokenBucket(JOINS_PER_SECOND, JOIN_BURST)

    @property
    def draining(self) -> bool:
        """Whether this node is going away."""
        return self.farewell is not None

    def caller(self, request: Request) -> Caller:
        """Return who asks. Raises UnauthenticatedError for a token that does not verify."""
        return self.keys.identify(_bearer(request), now=self.clock())

    def watches(self, request: Request) -> bool:
        """Whether they come with a pass that shows how the node does, and nothing else."""
        bearer = _bearer(request)
        return bearer is not None and self.keys.is_pass(bearer, now=self.clock())

    async def rank(self, request: Request, space: str) -> Rank | None:
        """Return what the caller is in a space by now, whatever their token said once."""
        room = await self.office.room(space)
        return rank_of(room, self.caller(request))

    def network(self, request: Request) -> str:
        """Return from where somebody asks, as limits count it; "" where a proxy does not say."""
        return self._network(request.scope)

    def is_paced(self, scope: Scope) -> bool:
        """Whether who asks for a ticket has asked too often; the routes say so."""
        network = self._network(scope)
        return bool(network and self.tickets.wait(network, self.clock()))

    def _network(self, scope: Scope) -> str:
        header = self.proxies.header.encode()
        lines = tuple(value.decode("latin-1") for name, value in scope["headers"] if name == header)
        peer = scope.get("client")
        return self.proxies.network(peer[0] if peer else "", lines)

    async def pace(self, request: Request) -> None:
        """Take a place in the stream of joins. Raises OverloadedError, spread over seconds.

        Strangers share one stream, and have a part of it by address; who comes with a speaker's
        token has another, and who keeps order is never kept out by a crowd.
        """
        if self.draining:
            raise OverloadedError("This node is going away; join another.")
        caller = self.caller(request)
        await self.pace_one(caller)
        if caller is OPERATOR or (isinstance(caller, Grant) and caller.role in _KEEPS_ORDER):
            return
        speaks = isinstance(caller, Grant) and caller.role.speaks
        if not speaks:
            await self._pace_stranger(request)
        if (self.stage if speaks else self.joins).take(self.clock()):
            raise OverloadedError("Very many are joining.", 1 + secrets.randbelow(5))

    def pace_tickets(self, request: Request) -> None:
        """Slow down one address that asks for tickets. Raises PacedError."""
        self._pace_network(request, self.tickets)

    def pace_reads(self, request: Request) -> None:
        """Slow down one address that asks for lists or recordings. Raises PacedError."""
        self._pace_network(request, self.reads)

    def _pace_network(self, request: Request, limiter: Limiter) -> None:
        if network := self.network(request):
            with self._telling_of_proxy(request, network):
                limiter.take(network, self.clock(), _TOO_MUCH)

    async def pace_scope(self, scope: Scope) -> None:
        """Slow down one address before anything is known of who asks. Raises PacedError."""
        if network := self._network(scope):
            await self._take(self.strangers, network, _TOO_MUCH)

    async def pace_one(self, caller: Caller) -> None:
        """Slow down somebody who acts faster than people do: each act is written to disk."""
        await self._pace_one(caller, self.acts)

    async def pace_captions(self, caller: Caller) -> None:
        """Slow down somebody who writes faster than is spoken. Raises PacedError."""
        await self._pace_one(caller, self.captions)

    async def _pace_one(self, caller: Caller, limit: Limit) -> None:
        if isinstance(caller, Grant):
            await self._take(limit, caller.who, "That was fast: wait a little.")

    async def _pace_stranger(self, request: Request) -> None:
        with self._telling_of_proxy(request, self.network(request)):
            await self.pace_scope(request.scope)

    async def _take(self, limit: Limit, who: str, why: str) -> None:
        if wait := await self.office.backplane.take(limit, who, self.clock()):
            raise PacedError(why, 1 + int(wait))

    @contextmanager
    def _telling_of_proxy(self, request: Request, network: str) -> Iterator[None]:
        try:
            yield
        except PacedError:
            self._tell_of_proxy(request, network)
            raise

    def _tell_of_proxy(self, request: Request, network: str) -> None:
        """Say it once when somebody held back speaks for others, and is not trusted to."""
        if self.proxies.header in request.headers and network not in self._told:
            peer = request.client.host if request.client else ""
            if not self.proxies.trusts(peer) and len(self._told) < MAX_TOLD:
                self._told.add(network)
                hint = "if this is your proxy, name it in trusted_proxies"
                _log.warning("an address is held back", address=peer, hint=hint)

    def note_lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self.metrics.note_lag(seconds)
        self.pacing.note_lag(seconds)

    def changed(self, slug: str) -> None:
        """Something was decided in a space: what was said of it is old."""
        self.kept.forget(slug)
        self.feed.changed(slug)

    def told(self, request: Request) -> Response | None:
        """Return what others who were let in have just been told here, if it is still so."""
        if self.draining:
            return None
        answer = self.kept.find(request.scope["path"], self.clock())
        return Sent(answer) if answer else None

    def ended(self, slug: str) -> None:
        """A space is over: the next of its name has nothing of it."""
        self.doors.ended(slug)
        self.feed.forget(slug)

    def url(self, request: Request, path: str) -> str:
        """Return the address of `path` as the client, or the operator, calls this server."""
        root = request.scope.get("root_path", "")
        if self.public_url:
            return f"{self.public_url}{root}{path}"
        host = request.headers.get("host", "")
        if not _HOST.fullmatch(host):
            raise InvalidRequestError("The Host header is no host.")
        return f"{request.scope['scheme']}://{host}{root}{path}"


def desk_of(request: Request) -> Desk:
    """Return the desk that the request was brought to."""
    desk: Desk = request.app.state.desk
    return desk


async def act(request: Request, command: Command) -> Room:
    """Have what the caller commands decided and done in the space that was named.

    Raises UnauthenticatedError, PacedError, UnknownSpaceError, and what the rules refuse.
    """
    desk, slug = desk_of(request), request.path_params["space"]
    caller = desk.caller(request)
    await desk.pace_one(caller)
    return await desk.office.do(slug, command, caller)


def _bearer(request: Request) -> str | None:
    """Return the token (RFC 6750), None where there is none. Raises UnauthenticatedError."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("Authorization must be: Bearer <token>.")
    return token.strip()


def resource(
    path: str,
    handlers: Mapping[str, Handler],
    *,
    headers: Mapping[str, str] | None = None,
    open_to_all: bool = True,
) -> Route:
    """Make one row of the table of routes.

    headers: for OPTIONS, e.g. Accept-Post. open_to_all: pages of other origins may call
    (there are no cookies: whoever has no token gets nothing by it).
    """
    extra = CORS if open_to_all else {}
    methods = [*handlers, *(["HEAD"] if "GET" in handlers else []), "OPTIONS"]
    options = {"Allow": ", ".join(methods), **(PREFLIGHT if open_to_all else {}), **(headers or {})}
    added = [
        (name.lower().encode(), value.encode())
        for name, value in {"X-Content-Type-Options": "nosniff", **extra}.items()
    ]
    table = {"OPTIONS": _options(options), "HEAD": handlers.get("GET"), **handlers}

    async def endpoint(request: Request) -> Response:
        handler = table[request.method]
        assert handler is not None  # noqa: S101  (HEAD is routed where there is GET)
        began = time.perf_counter()
        response = await _answer(handler, request, path)
        desk_of(request).metrics.count_request(response.status_code, time.perf_counter() - began)
        response.raw_headers.extend(added)
        answer = kept_of(request.scope, response)
        if answer is None:
            return response
        desk_of(request).kept.put(request.scope["path"], answer)
        return Sent(answer)

    endpoint.__dict__["handlers"] = dict(handlers)  # for the description of all of them
    return Route(path, endpoint, methods=methods)


def _options(headers: Mapping[str, str]) -> Handler:
    async def options(request: Request) -> Response:
        return Response(status_code=200, headers=headers)

    return options


async def _answer(handler: Handler, request: Request, path: str) -> Response:
    """Answer a request whatever happens: a fault of ours must not reach the server."""
    desk, slug = desk_of(request), request.path_params.get("space", "")
    home = desk.office.home(slug)
    try:
        sent_on = desk.farewell and desk.farewell.answer(path, request)
        if sent_on:
            return sent_on
        if home and elsewhere.is_for_home(path, request, home):
            return elsewhere.answer(path, request, home)
        return await handler(request)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as error:
        if home and isinstance(error, UnknownPeerError | UnknownSpaceError):
            return elsewhere.answer(path, request, home)
        if isinstance(error, UnknownSpaceError) and desk.office.is_off_air(slug):
            error = OffAirError(_OFF_AIR, OFF_AIR_SECONDS)
        problem = problem_from(error)
        if problem is None:
            # Not the path that was asked for: a session's is a secret.
            _log.exception("handler failed", method=request.method, route=path)
            problem = Problem(500, "fault", "Something went wrong here.")
        elif error.__cause__ and not desk.causes.wait(path, desk.clock()):
            _log.error("not done", route=path, why=problem.code, reason=str(error.__cause__))
        return problem_response(problem)
