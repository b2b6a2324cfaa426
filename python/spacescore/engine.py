"""The embedder's door: one `Engine` is one UDP port with its spaces, in your own process.

    with spacescore.Engine(port=7881, data="/var/lib/spacescore") as engine:
        engine.create_space("demo")
        answer = engine.accept_offer("demo", offer_sdp)

Media never passes through Python: the compiled node has threads of its own, and its own clock.
Every method is quick and may be called from any thread or event loop; `events()` runs under
Trio and asyncio alike. An engine does not cross `os.fork`: in the child it is closed.
"""

import os
import secrets
import threading
import time
import weakref
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Self

import anyio

from spacescore._native import _core
from spacescore.addresses import candidate_addresses, wildcard
from spacescore.admission import COHORTS, cohort_of
from spacescore.datadir import DataDir
from spacescore.errors import (
    EngineClosedError,
    InvalidRequestError,
    OverloadedError,
    UnknownPeerError,
    UnknownSessionError,
)
from spacescore.events import Event, event_from
from spacescore.packet_time import AUTO, milliseconds
from spacescore.policy import Grant, Role
from spacescore.rooms.lifetime import EVENING_SECONDS, MAX_LIFE_SECONDS
from spacescore.sdp import Candidate, Direction, Local, parse_offer, write_answer
from spacescore.sessions import Session, Sessions
from spacescore.spaces import MAX_NAME_CHARS, MAX_TITLE_CHARS, Registry, Space, clean_text
from spacescore.stats import SpaceStats, space_stats
from spacescore.tickets import Answer, Ticket, public_ticket

__all__ = ["Engine", "usable_cores"]

TICKET_SECONDS = 600  # of a public ticket; a fresh one is minted when half of it is over
PERSONAL_TICKET_SECONDS = 60  # to enter; who is removed must not come back by it for long
OFFER_TICKET_SECONDS = 30  # for one handshake
MAX_WORKERS = 64
MAX_PORT = 65_535
MAX_LISTENERS = 2**29 - 1  # what the core's indices have room for
MAX_PENDING_EVENTS = 10_000  # of an owner who never reads them


def usable_cores() -> int:
    """Return how many cores this process may use, as far as there can be workers."""
    return min(len(os.sched_getaffinity(0)), MAX_WORKERS)


class Engine:
    """A UDP port, its media threads, and the spaces that live there.

    Once it is closed, whatever asks the media threads raises EngineClosedError.
    """

    def __init__(
        self,
        *,
        host: str | None = None,
        port: int = 7881,
        announce: Iterable[str] = (),
        data: str | os.PathLike[str] | None = None,
        backend: str = "best",
        max_listeners: int = 100_000,
        workers: int = 1,
        packet_time: int | str = AUTO,
        packet_interface: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Bind `host` (None: every address) and `port` (0: any) and start the media threads.

        workers: how many threads share the port, 1 to 64; as many as there are cores to spare.
        packet_time: the tier that spaces begin with, see `set_tier`.
        packet_interface: a network interface, "eth0": those behind it are sent to around the
        socket layer, which costs half as much and needs CAP_NET_RAW (docs/capacity.md).
        announce: public addresses to put into candidates, where the machine is behind NAT.
        data: a folder for certificate, ticket key and recordings; without one all of them
        are ephemeral and nothing is recorded. Raises OSError when the port is taken,
        InvalidRequestError for a bad address, number or tier, ValueError for an interface that
        will not do, StartupError for an unusable folder.
        """
        self._packet_time = milliseconds(packet_time, AUTO)
        _require_whole("port", port, 0, MAX_PORT)
        _require_whole("workers", workers, 1, MAX_WORKERS)
        _require_whole("max_listeners", max_listeners, 1, MAX_LISTENERS)
        host = host or wildcard()
        addresses = candidate_addresses(host, announce)
        self.data = None if data is None else DataDir(data)
        self.max_listeners = max_listeners
        self._clock = clock
        self._lock = threading.RLock()
        self._registry = Registry(lambda: secrets.randbits(32))
        self._sessions = Sessions()
        self._tickets: dict[str, Ticket] = {}
        self._inside: dict[tuple[int, int], set[bytes]] = {}  # sessions of who has a number
        self._muted: set[tuple[int, int]] = set()  # (space, peer), connected or not
        self._pending: deque[Event] = deque(maxlen=MAX_PENDING_EVENTS)
        self._closed = False
        if self.data:
            self.data.lock()
        try:
            self._native = self._start(host, port, backend, workers, packet_interface)
        except BaseException:
            if self.data:
                self.data.unlock()
            raise
        _engines.add(self)
        self.candidates = tuple(Candidate(ip, self._native.port) for ip in addresses)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        """The bound UDP port."""
        return int(self._node.port)

    @property
    def fingerprint(self) -> str:
        """The certificate's, "AB:CD:...", SHA-256."""
        return str(self._node.fingerprint)

    @property
    def spaces(self) -> list[Space]:
        """Every open space."""
        with self._lock:
            return list(self._registry)

    # Spaces.

    def create_space(
        self,
        space: str,
        *,
        title: str = "",
        open_stage: bool = False,
        record: bool = True,
        music: bool = False,
    ) -> Space:
        """Open a space; it is recorded where there is a data folder.

        open_stage: whoever opens the page may speak. music: in stereo, at 128 kbit/s and tuned
        for sound rather than for words. Raises SpaceTakenError, InvalidRequestError,
        OverloadedError, and OSError where the recording cannot be begun.
        """
        with self._lock:
            node, now = self._node, self._clock()
            opened = self._registry.create(
                space, now=now, title=title, open_stage=open_stage, music=music
            )
            if record and self.data:
                opened.recording = str(self.data.new_recording(space, now))
            try:
                node.create_space(
                    opened.id, title=opened.title, record_path=opened.recording, music=music
                )
                node.set_tier(opened.id, self._packet_time)
            except BaseException:
                self._registry.close(space)
                raise
            return opened

    def close_space(self, space: str) -> None:
        """Say goodbye to everybody in it and finish the recording. Raises UnknownSpaceError."""
        with self._lock:
            closed = self._registry.close(space)
            self._tickets.pop(space, None)
            for session in self._sessions.of_space(space):
                self._sessions.remove(session.id)
            self._node.close_space(closed.id)
            self._muted = {place for place in self._muted if place[0] != closed.id}

    def space(self, space: str) -> Space:
        """Return an open space. Raises UnknownSpaceError."""
        with self._lock:
            return self._registry.get(space)

    def stats(self, space: str) -> SpaceStats:
        """Return what is measured in a space now. Raises UnknownSpaceError."""
        with self._lock:
            found = self._registry.get(space)
            return space_stats(found, self._node.space_stats(found.id))

    def set_tier(self, space: str, tier: int | str) -> None:
        """Set how long the packets of a space's listeners are: 20, 40, 60 or 120 ms, or "auto".

        Longer ones are fewer, which is what an audience costs, and come that much later; nothing
        is lost when it changes. "auto" is 20 ms, and more only while this machine is late with
        its media. Raises UnknownSpaceError, InvalidRequestError.
        """
        with self._lock:
            self._node.set_tier(self._registry.get(space).id, milliseconds(tier, AUTO))

    def set_admitted(self, space: str, cohorts: int) -> None:
        """Let listeners of the first `cohorts` of 1,000 cohorts in; others are met with silence.

        Who is inside stays, and who speaks is not asked. A page knows its cohort by its nonce, a
        personal ticket carries it. Raises UnknownSpaceError, InvalidRequestError.
        """
        if not 0 <= cohorts <= COHORTS:
            raise InvalidRequestError(f"cohorts is 0 to {COHORTS}.")
        with self._lock:
            self._node.set_admitted(self._registry.get(space).id, cohorts)

    def set_invited_only(self, space: str, only: bool) -> None:
        """Let nobody listen but by a grant of their own, or everybody again.

        Tickets that were given to everybody open nothing then, and who came by one, or by an offer
        without a grant, is sent away. Raises UnknownSpaceError.
        """
        with self._lock:
            found = self._registry.get(space)
            self._node.set_invited_only(found.id, only)
            if only:
                self._tickets.pop(space, None)
                self._end_strangers(found)

    def _end_strangers(self, space: Space) -> None:
        for session in self._sessions.of_space(space.slug):
            if not session.role.speaks and session.peer not in space.people:
                self._sessions.remove(session.id)
                self._node.end_session(session.id)

    def refuse_newcomers(self) -> None:
        """Let nobody in any more, with whatever ticket; those who are there stay."""
        self._node.refuse_newcomers()

    def counters(self) -> dict[str, int]:
        """Return the node's counters: packets, bytes, drops by reason, handshakes.

        `relief` is the most that any worker's audience gives up: 0 nothing, 1 redundancy, then all
        packets under 40, 60 and 120 ms.
        """
        total: Counter[str] = Counter()
        workers = self.worker_counters()
        for worker in workers:
            total.update(worker)
        return {**total, "relief": max(worker["relief"] for worker in workers)}

    def worker_counters(self) -> list[dict[str, int]]:
        """Return the same for each worker."""
        return [dict(worker) for worker in self._node.counters()]

    # People.

    def invite(
        self, space: str, *, role: Role | str, name: str = "", ttl: int = EVENING_SECONDS
    ) -> Grant:
        """Give somebody a peer id in a space, for `ttl` seconds; a token may carry it.

        Raises UnknownSpaceError, InvalidRequestError, OverloadedError, and ValueError for what is
        no role.
        """
        with self._lock:
            return self._registry.invite(space, Role(role), name, now=self._clock(), ttl=ttl)

    def mute(self, space: str, peer: int, muted: bool = True) -> None:
        """Mute or unmute a connected speaker. Raises UnknownSpaceError, UnknownPeerError."""
        number = self.space(space).id
        with self._lock:  # whoever leaves and comes back is as muted as before
            (self._muted.add if muted else self._muted.discard)((number, peer))
        if not self._node.set_muted(number, peer, muted):
            raise UnknownPeerError("There is no speaker of that number in this space.")

    def remove(self, space: str, peer: int) -> None:
        """Send somebody away; a grant that was issued before opens nothing here any more.

        Raises UnknownSpaceError, UnknownPeerError.
        """
        with self._lock:
            number = self._registry.get(space).id
            sessions = self._sessions.of_space(space, peer)
            for session in sessions:
                self._sessions.remove(session.id)
                self._node.end_session(session.id)
            self._pump()
            for inside in self._inside.pop((number, peer), ()):
                self._node.end_session(inside)
            if self._node.remove_peer(number, peer) or sessions:
                latest = int(self._clock()) + MAX_LIFE_SECONDS  # no token lives longer
                self._registry.recall(space, peer, expires=latest)
            self._registry.remove(space, peer, now=self._clock())

    def remove_all(self, space: str, identity: str) -> None:
        """Send away everybody who came as `identity`, whether or not they are connected.

        Raises UnknownSpaceError.
        """
        with self._lock:
            for peer in self._registry.peers_of(space, identity):
                self.remove(space, peer)

    def forgive(self, space: str, identity: str) -> None:
        """Let somebody who was sent away come again, by whichever token.

        Raises UnknownSpaceError.
        """
        with self._lock:
            self._registry.forgive(space, identity)

    def recast(self, space: str, peer: int, role: Role | str) -> None:
        """Make somebody something else; who no longer speaks is taken from the stage.

        They may come back as what they are now. Raises UnknownSpaceError, UnknownPeerError.
        """
        role = Role(role)
        with self._lock:
            self._registry.recast(space, peer, role)
            if role.speaks:
                return
            for session in self._sessions.of_space(space, peer):
                if session.role.speaks:
                    self._sessions.remove(session.id)
                    self._node.end_session(session.id)

    def rename(self, space: str, title: str, *, open_stage: bool) -> None:
        """Change what a space is called, and whether anybody may speak.

        Raises UnknownSpaceError, InvalidRequestError.
        """
        with self._lock:
            found = self._registry.get(space)
            found.title, found.open_stage = clean_text(title, MAX_TITLE_CHARS) or space, open_stage

    def online(self, space: str) -> frozenset[int]:
        """Return the peer ids of those who are connected and known by number.

        Raises UnknownSpaceError.
        """
        with self._lock:
            self._pump()
            return frozenset(self._registry.get(space).online)

    # Doors.

    def ticket(self, space: str, *, grant: Grant | None = None) -> Ticket:
        """Return the ticket to listen to a space: the same for everybody, for some minutes.

        grant: make one for its holder instead, which is good for a minute. Raises
        UnknownSpaceError, and ForbiddenError for who was removed.
        """
        with self._lock:
            if grant:
                return self._personal_ticket(self._registry.get(space), grant)
            now = self._clock()
            known = self._tickets.get(space)
            if known and known.expiry - now > TICKET_SECONDS / 2:
                return known
            slug, node = self._registry.get(space).slug, self._node
            self._tickets[space] = public_ticket(
                node, slug, node.fingerprint, self.candidates, int(now) + TICKET_SECONDS
            )
            return self._tickets[space]

    def accept_offer(
        self,
        space: str,
        sdp: bytes | str,
        *,
        role: Role | str = Role.LISTENER,
        peer: int | None = None,
        name: str = "",
        grant: Grant | None = None,
    ) -> Answer:
        """Answer an SDP offer: of a listener, or of somebody who speaks.

        Who comes with a `grant` is the one it names; everybody else may be given a peer id
        and a name. Raises UnknownSpaceError, InvalidOfferError, UnusableOfferError,
        ForbiddenError, OverloadedError.
        """
        role = grant.role if grant else Role(role)
        offer = parse_offer(sdp, publishing=role.speaks)
        with self._lock:
            self._pump()
            now = self._clock()
            found = self._registry.get(space)
            self._require_room(role)
            if role.speaks or grant:
                grant = grant or self._grant(space, role, peer, name)
                peer = self._registry.admit(grant, now=now).peer
            peer = peer or secrets.randbelow(2**32 - 1) + 1
            number, key = secrets.token_bytes(12), secrets.token_hex(16)
            session = Session(number, key, space, role, peer, offer, now)
            self._sessions.add(session)
            answer = write_answer(offer, self._local(found, session))
        return Answer(answer, number.hex(), key, session.etag, space, role, peer)

    def session(self, key: str) -> Session:
        """Return the session that a URL ends with. Raises UnknownSessionError."""
        with self._lock:
            self._pump()
            return self._sessions.get(key)

    def end_session(self, session: str) -> bool:
        """End a session, connected or not; False when it is unknown.

        `session`: its id, as `accept_offer` returned it; ValueError for what is no hex.
        """
        number = bytes.fromhex(session)
        with self._lock:
            known = self._sessions.remove(number)
            return bool(self._node.end_session(number)) or known

    def set_listener_tier(self, session: str, tier: int | str) -> None:
        """Give a connected listener a tier of its own, or "space": follow the space's again.

        `session`: its id, as `accept_offer` returned it. For who is far away, or pays for every
        packet. Raises UnknownSessionError, InvalidRequestError.
        """
        wish = milliseconds(tier, "space")
        if not self._node.set_listener_tier(bytes.fromhex(session), wish):
            raise UnknownSessionError("There is no listener of that session.")

    # Events.

    def drain(self) -> list[Event]:
        """Return the events since the last call, without waiting."""
        with self._lock:
            self._pump(rearm=False)
            drained = list(self._pending)
            self._pending.clear()
            return drained

    def events(self) -> AsyncIterator[Event]:
        """Return an iterator over events until the engine is closed, under Trio or asyncio.

        Two readers at once share the events; they do not both get each. It is no generator:
        it may be left and cancelled at any point, and nothing is lost.
        """
        return _Events(self, os.dup(self._node.fileno()))

    @property
    def closed(self) -> bool:
        """Whether the engine is closed, or belongs to a parent process."""
        return self._closed

    def close(self) -> None:
        """Say goodbye to everybody, finish the recordings, stop the threads. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            os.eventfd_write(self._native.fileno(), 1)  # wakes events(), which then ends
        self._native.close()
        if self.data:
            self.data.unlock()

    @property
    def _node(self) -> Any:
        if self._closed:
            raise EngineClosedError("This engine is closed.")
        return self._native

    def _start(
        self, host: str, port: int, backend: str, workers: int, packet_interface: str
    ) -> Any:
        certificate, key = "", ""
        if self.data:
            certificate, key = self.data.certificate(_generate_certificate, self._clock())
        node = _core.Node(
            host=host,
            port=port,
            workers=workers,
            backend=backend,
            certificate_pem=certificate,
            private_key_pem=key,
            max_listeners=self.max_listeners,
            packet_interface=packet_interface,
        )
        keys = self.data.ticket_keys() if self.data else [(1, secrets.token_bytes(32))]
        for number, secret in keys:
            node.add_ticket_key(number, secret)
        return node

    def _local(self, space: Space, session: Session) -> Local:
        """Mint a ticket for one handshake and say what the answer is made of.

        A speaker's ufrag names the certificate of the offer, and the core asks for it.
        """
        node, speaks = self._node, session.role.speaks
        ticket = node.mint(
            space=space.id,
            role=session.role.in_ticket,
            expiry=int(session.created) + OFFER_TICKET_SECONDS,
            peer=session.peer,
            personal=True,
            cohort=cohort_of(session.peer),
            requires_certificate=speaks,
            sends_only=speaks and session.offer.answer is Direction.RECVONLY,
        )
        fingerprint = session.offer.fingerprint if speaks else None
        offer = session.offer
        return Local(
            ufrag=_core.make_ufrag(
                ticket,
                session.id,
                offer.payload_type,
                fingerprint,
                offer.red_payload_type,
                offer.level_extension,
            ),
            password=node.password(ticket),
            fingerprint=node.fingerprint,
            candidates=self.candidates,
            ssrc=space.ssrc,
            cname=space.slug,
            music=space.music,
        )

    def _personal_ticket(self, space: Space, grant: Grant) -> Ticket:
        now, node = self._clock(), self._node
        self._registry.admit(grant, now=now)
        expiry = int(now) + PERSONAL_TICKET_SECONDS
        return public_ticket(
            node, space.slug, node.fingerprint, self.candidates, expiry, peer=grant.peer
        )

    def _grant(self, space: str, role: Role, peer: int | None, name: str) -> Grant:
        if peer is None:
            return self.invite(space, role=role, name=name, ttl=OFFER_TICKET_SECONDS)
        name = clean_text(name, MAX_NAME_CHARS) or "Guest"
        return Grant(space, role, peer, name, int(self._clock()) + OFFER_TICKET_SECONDS)

    def _require_room(self, role: Role) -> None:
        if role is Role.LISTENER and self.counters()["listeners"] >= self.max_listeners:
            raise OverloadedError("This node is full.")

    def _next_event(self) -> Event | None:
        with self._lock:
            if not self._pending:
                self._pump(rearm=False)
            return self._pending.popleft() if self._pending else None

    def _pump(self, *, rearm: bool = True) -> None:
        """Take what the core has to say, and let the tables know.

        Whoever waits in `events()` is woken again when somebody else took the events.
        """
        for native in self._node.drain():
            self._note(native)
        if rearm and self._pending:
            os.eventfd_write(self._node.fileno(), 1)

    def _note(self, native: Any) -> None:
        joined, left = native.kind.endswith("_joined"), native.kind.endswith("_left")
        if joined:
            self._sessions.note_joined(native.session)
        if left:
            self._sessions.remove(native.session)
        if joined or left:
            self._note_inside(native, joined)
            self._registry.note_presence(native.space, native.peer, online=joined)
        event = event_from(native, self._registry.slug_of(native.space))
        if event is not None:
            self._pending.append(event)

    def _note_inside(self, native: Any, joined: bool) -> None:
        """Keep the sessions of each person, by whichever door; who was removed has none."""
        place = (native.space, native.peer)
        inside = self._inside.setdefault(place, set())
        if not joined:
            inside.discard(native.session)
        elif self._registry.is_removed(*place):
            self._node.end_session(native.session)
        else:
            inside.add(native.session)
            if place in self._muted:
                self._node.set_muted(*place, True)
        if not inside:
            self._inside.pop(place, None)


def _require_whole(name: str, number: int, least: int, most: int) -> None:
    if not isinstance(number, int) or not least <= number <= most:
        raise InvalidRequestError(f"{name} is a whole number from {least} to {most:,}.")


class _Events:
    """Waits on a descriptor of its own, which outlives the engine's."""

    def __init__(self, engine: Engine, descriptor: int) -> None:
        self._engine = engine
        self._descriptor = descriptor
        weakref.finalize(self, os.close, descriptor)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._engine.closed:
            event = self._engine._next_event()
            if event is not None:
                return event
            await anyio.wait_readable(self._descriptor)
        raise StopAsyncIteration


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_of_the_parent: list[Any] = []  # never freed: their threads did not come along


def _forget_in_child() -> None:
    for engine in _engines:
        engine._lock = threading.RLock()  # another thread may have held it
        engine._closed = True
        _of_the_parent.append(engine._native)


os.register_at_fork(after_in_child=_forget_in_child)


def _generate_certificate() -> tuple[str, str]:
    certificate = _core.Certificate.generate()
    return certificate.certificate_pem, certificate.private_key_pem
