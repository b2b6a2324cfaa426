"""The doors by which virtual people come in, and what each knows of the server.

By ticket nothing is asked per listener: one ticket, a nonce each. By WHEP an offer is posted
per listener. Janus's streaming plugin turns it round: the server offers.
"""

import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urljoin, urlsplit

from spacescore._native import _core
from spacescore.errors import InvalidOfferError
from spacescore.load.descriptions import Credentials, Remote, answer, offer, read
from spacescore.load.local import is_local, is_server
from spacescore.load.plan import Door, LoadPlan
from spacescore.load.requests import LoadError, Refused, Requests

__all__ = ["Entrance", "Stage", "open_door"]

Server = tuple[str, int]
_PAGE = re.compile(r"(?P<root>.*)/s/(?P<space>[a-z0-9-]+)/?")


class Entrance(Protocol):
    """A door, once it is known where it leads."""

    local: bool  # the server is on this machine
    asks: bool  # a request per listener
    port: tuple[int, str]  # of the server, and its kind: whose process it is

    def join(self, fingerprint: bytes) -> dict[str, Any]:
        """Return what a `Member` is made of. Raises Refused."""

    def keep_alive(self) -> None:
        """Say that we are still here, where somebody wants to hear it."""

    def close(self) -> None:
        """Leave nothing behind."""


def open_door(plan: LoadPlan) -> Entrance:
    """Find the way in. Raises LoadError."""
    match plan.door:
        case Door.TICKET:
            return TicketDoor(plan)
        case Door.WHEP:
            return WhepDoor(plan)
        case Door.JANUS:
            return JanusDoor(plan)


class TicketDoor:
    """One public ticket for everybody."""

    asks = False

    def __init__(self, plan: LoadPlan) -> None:
        ticket = plan.ticket or _fetch_ticket(plan)
        try:
            self._ticket, self._password = str(ticket["ticket"]), str(ticket["password"])
            self._fingerprint = bytes.fromhex(str(ticket["fingerprint"]).replace(":", ""))
            rows = [
                (str(c["ip"]), int(c["port"]), c.get("protocol", "udp"))
                for c in ticket["candidates"]
            ]
            _core.make_ufrag(self._ticket, bytes(12), 111)  # these two raise what is wrong
            _core.Member(server=("::", 1), ufrag="", password="", fingerprint=self._fingerprint)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise LoadError("This is no ticket: see spacescore ticket --json.") from None
        servers = [row[:2] for row in rows if row[2] == "udp" and is_server(*row[:2])]
        if not servers:
            raise LoadError("The ticket names no UDP candidate with an IP address.")
        host = Requests(plan.target).host if plan.target else servers[0][0]
        self.local = _leads_here(host) and any(map(_is_here, servers))
        self._server = _choose(servers, self.local)
        self.port = (self._server[1], "udp")

    def join(self, fingerprint: bytes) -> dict[str, Any]:
        """Make up a nonce; seeded ones would be taken for sessions of an earlier run."""
        return {
            "server": self._server,
            "ufrag": _core.make_ufrag(self._ticket, os.urandom(12), 111),
            "password": self._password,
            "fingerprint": self._fingerprint,
            "shares_socket": self.local,
        }

    def keep_alive(self) -> None:
        """Nobody wants to hear it."""

    def close(self) -> None:
        """Nothing is left."""


class WhepDoor:
    """An offer per listener, to any WHEP server, or to anything that answers one so."""

    asks = True

    def __init__(self, plan: LoadPlan) -> None:
        self._requests = Requests(plan.target, insecure=plan.insecure, timeout=plan.join_timeout)
        self._patience = plan.join_timeout
        self._sessions: list[str] = []
        page = _PAGE.fullmatch(self._requests.path)
        self._path = f"{page['root']}/whep/{page['space']}" if page else self._requests.path or "/"
        self.local = _leads_here(self._requests.host)
        self.port = (self._requests.port, "tcp")

    def join(self, fingerprint: bytes) -> dict[str, Any]:
        """Post an offer and take the answer."""
        ours = _credentials(fingerprint)
        remote, session = _post(self._requests, self._path, offer(ours, speaks=False))
        if session:
            self._sessions.append(session)
        return _member(remote, ours, self.local)

    def keep_alive(self) -> None:
        """Media does."""

    def close(self) -> None:
        """End each session by a DELETE, as far as the server answers."""
        until = time.monotonic() + self._patience
        for session in self._sessions:
            if time.monotonic() < until:
                _quietly(lambda session=session: self._requests.ask("DELETE", session))
        self._requests.close()


class JanusDoor:
    """The streaming plugin's own API over HTTP: watch, an offer comes, start.

    Requests on one session are answered in turn, so every thread has a session of its own.
    """

    asks = True

    def __init__(self, plan: LoadPlan) -> None:
        self._requests = Requests(plan.target, insecure=plan.insecure, timeout=plan.join_timeout)
        self._root = self._requests.path.rstrip("/")
        self._mountpoint = plan.mountpoint
        self._patience = plan.join_timeout
        self._local = threading.local()
        self._sessions: list[str] = []
        self.local = _leads_here(self._requests.host)
        self.port = (self._requests.port, "tcp")

    def join(self, fingerprint: bytes) -> dict[str, Any]:
        """Watch the mountpoint and answer its offer."""
        session = self._session()
        handle = self._made(session, janus="attach", plugin="janus.plugin.streaming")
        where = f"{session}/{handle}"
        watch = {"request": "watch", "id": self._mountpoint}
        self._ask(where, janus="message", body=watch)
        remote = _read(self._await_offer(session, handle))
        ours = _credentials(fingerprint)
        jsep = {"type": "answer", "sdp": answer(remote, ours)}
        self._ask(where, janus="message", body={"request": "start"}, jsep=jsep)
        self._ask(where, janus="trickle", candidate={"completed": True})
        return {**_member(remote, ours, self.local), "controlling": False}

    def keep_alive(self) -> None:
        """Janus drops sessions it has not heard of for a minute."""
        for session in self._sessions:
            _quietly(lambda session=session: self._ask(session, janus="keepalive"))

    def close(self) -> None:
        """End all sessions and what hangs on them."""
        for session in self._sessions:
            _quietly(lambda session=session: self._ask(session, janus="destroy"))
        self._requests.close()

    def _session(self) -> str:
        if not hasattr(self._local, "session"):
            number = self._made(self._root, janus="create")
            self._local.session = f"{self._root}/{number}"
            self._sessions.append(self._local.session)
        session: str = self._local.session
        return session

    def _made(self, where: str, **request: Any) -> int:
        """Return the number of what was asked for."""
        reply = self._ask(where, **request)
        try:
            return int(reply["data"]["id"])
        except (LookupError, TypeError, ValueError):
            raise Refused(_complaint(reply)) from None

    def _ask(self, where: str, **request: Any) -> Any:
        request["transaction"] = secrets.token_hex(6)
        reply = self._requests.ask_json("POST", where, request)
        if not isinstance(reply, dict) or reply.get("janus") not in ("success", "ack"):
            raise Refused(_complaint(reply))
        return reply

    def _await_offer(self, session: str, handle: int) -> str:
        until = time.monotonic() + self._patience
        while time.monotonic() < until:
            events = self._requests.ask_json("GET", f"{session}?maxev=20")
            for event in events if isinstance(events, list) else [events]:
                if event.get("sender") != handle:
                    continue  # of somebody who joined before, by this session
                if "jsep" in event:
                    return str(event["jsep"]["sdp"])
                if complaint := event.get("plugindata", {}).get("data", {}).get("error"):
                    raise Refused(f"Janus: {complaint}")
        raise Refused("Janus: no offer")


class Stage:
    """Where virtual speakers publish: WHIP, with a token or by the open stage."""

    def __init__(self, plan: LoadPlan) -> None:
        target = plan.whip or plan.target
        if not target:
            raise LoadError("Speakers need a URL to publish to.")
        self._requests = Requests(target, insecure=plan.insecure, timeout=plan.join_timeout)
        self.local = _leads_here(self._requests.host)
        page = _PAGE.fullmatch(self._requests.path)
        if not page and not plan.whip:
            raise LoadError(f"{target} is no space's page: say --whip URL for the speakers.")
        self._root, self._space = (page["root"], page["space"]) if page else ("", "")
        self._token = plan.token

    def join(self, fingerprint: bytes, ssrc: int, name: str) -> dict[str, Any]:
        """Publish. Raises Refused."""
        token = self._token or (self._stage_token(name) if self._space else "")
        path = f"{self._root}/whip/{self._space}" if self._space else self._requests.path
        ours = _credentials(fingerprint)
        remote, _ = _post(self._requests, path, offer(ours, speaks=True, ssrc=ssrc), token)
        return {**_member(remote, ours, self.local), "ssrc": ssrc}

    def close(self) -> None:
        """Nothing more is asked."""
        self._requests.close()

    def _stage_token(self, name: str) -> str:
        path = f"{self._root}/api/spaces/{quote(self._space)}/stage"
        try:
            return str(self._requests.ask_json("POST", path, {"name": name})["token"])
        except Refused as refused:
            raise Refused(f"{refused} from the open stage") from None
        except (LookupError, TypeError):
            raise Refused("The stage gave no token") from None


def _post(requests: Requests, path: str, sdp: str, token: str = "") -> tuple[Remote, str]:
    """Return the answer and the path of the session (RFC 9725 section 4.2), if it has one."""
    headers = {"Content-Type": "application/sdp"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    text, headers = requests.ask("POST", path, sdp, headers)
    location = headers.get("location")
    return _read(text), urlsplit(urljoin(path, location)).path if location else ""


def _read(sdp: str) -> Remote:
    try:
        return read(sdp)
    except InvalidOfferError as error:
        raise Refused(str(error)) from None


def _fetch_ticket(plan: LoadPlan) -> Mapping[str, Any]:
    requests = Requests(plan.target, insecure=plan.insecure, timeout=plan.join_timeout)
    page = _PAGE.fullmatch(requests.path)
    if not page:
        raise LoadError(f"{plan.target} is no space's page, as in http://host:8080/s/SPACE.")
    try:
        found = requests.ask_json("GET", f"{page['root']}/api/spaces/{page['space']}/ticket")
    except Refused as refused:
        raise LoadError(f"No ticket from {plan.target}: {refused}.") from None
    finally:
        requests.close()
    return found if isinstance(found, dict) else {}


def _credentials(fingerprint: bytes) -> Credentials:
    return Credentials(secrets.token_hex(4), secrets.token_hex(12), fingerprint)


def _leads_here(host: str) -> bool:
    """Whether a name is one of this machine's. Raises LoadError for one that is nobody's."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError as error:
        raise LoadError(f"{host}: {error.strerror or error}.") from None
    return is_local(str(found[0][4][0]))


def _is_here(server: Server) -> bool:
    return ":" not in server[0] and is_local(server[0])


def _member(remote: Remote, ours: Credentials, local: bool) -> dict[str, Any]:
    server = _choose(remote.candidates, local)
    return {**remote.member(ours, server), "shares_socket": local and server[0].startswith("127.")}


def _choose(servers: Iterable[Server], local: bool) -> Server:
    """Return the candidate to use: of a server here 127.0.0.1, at best; IPv4 before IPv6."""
    known = sorted(servers, key=lambda server: ":" in server[0])
    if not local:
        return known[0]
    here = sorted(filter(_is_here, known), key=lambda server: not server[0].startswith("127."))
    return (here or known)[0]


def _complaint(reply: Any) -> str:
    reason = reply.get("error", {}).get("reason") if isinstance(reply, dict) else None
    return f"Janus: {reason or 'unexpected answer'}"


def _quietly(what: Any) -> None:
    try:
        what()
    except Refused:
        return
