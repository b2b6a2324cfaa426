"""`spacescore serve`: an engine, and an HTTP server above it that may fall and get up again.

The engine outlives HTTP: whatever is raised in a request, a connection or the whole server
is caught, counted, and the server started again on the same listening socket, while audio
goes on. Everything that can fail for the operator's sake fails in `Service.open`, with one
sentence that says what to change.
"""

import errno
import logging
import os
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Self, cast

import anycorn.typing
import structlog
import trio
from anycorn.config import Config
from anyio.abc import SocketListener
from starlette.applications import Starlette

from spacescore import connections, descriptors
from spacescore.addresses import candidate_addresses, is_loopback, wildcard
from spacescore.backplane import LocalBackplane
from spacescore.clients import Proxies
from spacescore.datadir import DataDir
from spacescore.desk import IceServer
from spacescore.doctor import examine, gather
from spacescore.drain import Farewell, until_empty
from spacescore.engine import Engine, usable_cores
from spacescore.errors import (
    EngineClosedError,
    SpacescoreError,
    StartupError,
    UnknownSpaceError,
)
from spacescore.events import DominantSpeaker
from spacescore.http import asgi, check_public_url
from spacescore.logs import words_of
from spacescore.notify import Manager, feed
from spacescore.office import Office
from spacescore.policy import OPERATOR
from spacescore.polling import Bounds
from spacescore.rooms.commands import Open
from spacescore.rooms.details import MAX_SEATS
from spacescore.rooms.facts import Details
from spacescore.settings import Settings
from spacescore.store import Store, open_store
from spacescore.tls import Pair
from spacescore.tokens import KeyRing
from spacescore.watches import Certificate, watches
from spacescore.webhooks.endpoints import SOME_SECRET, read_endpoints

if TYPE_CHECKING:
    from spacescore.webhooks.delivery import Deliveries

__all__ = ["Service", "Settings", "check", "keep_serving", "told_to_nodes"]

DEMO = "demo"
HTTP_GRACE_SECONDS = 1.0  # for requests under way, once spaces are closed
BACKLOG = 1024  # connections that wait to be accepted
UNREAD_MS = 30_000  # an answer that is not taken for so long: the connection is given up
STOP_SECONDS = 4.5  # from the signal to the end, whatever hangs
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # between restarts of the HTTP server
HEALTHY_SECONDS = 60.0  # a server that ran so long starts again at once
_log = structlog.get_logger("spacescore")


class Service:
    """Everything bound and opened, nothing running yet."""

    def __init__(
        self, settings: Settings, engine: Engine, app: Starlette, listener: socket.socket
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.app = app
        self._listener = listener
        self._manager = Manager()
        self._tls = _pair(settings)
        self._certificate = self._tls and Certificate(self._tls, app.state.desk.metrics)
        self._draining = trio.Event()
        self._stopping = trio.Event()
        self._http_stopped = trio.Event()
        self._deliveries: Deliveries | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Bind both ports and open the data folder. Raises StartupError."""
        check(settings)
        listener = _listen(settings.host, settings.port)
        try:
            engine = _open_engine(settings)
        except BaseException:
            listener.close()
            raise
        try:
            assert engine.data is not None  # noqa: S101  (the settings name a folder)
            keys = _key_ring(settings, engine.data)
            backplane = LocalBackplane(_open_store(settings, engine.data))
            url = told_to_nodes(settings, listener.getsockname()[1])
            office = Office(engine, backplane, node=engine.data.node_id(), url=url)
            app = asgi(
                engine,
                keys=keys,
                ice_servers=_ice_servers(settings),
                public_url=settings.public_url,
                office=office,
                proxies=Proxies(settings.trusted_proxies, settings.proxy_header),
                bounds=Bounds(settings.pace_least, settings.pace_most),
            )
            service = cls(settings, engine, app, listener)
            service._describe_node(engine.data)
            service._tell_webhooks(engine.data)
            app.state.desk.vitals.doctor = lambda: examine(gather(settings))
            trio.run(_prepare, office, settings.demo)
        except BaseException as error:
            engine.close()
            listener.close()
            if isinstance(error, SpacescoreError):
                raise StartupError(str(error)) from error
            raise
        return service

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.office.rest()
        self.engine.close()
        self.store.close()
        self._listener.close()

    @property
    def office(self) -> Office:
        """Keeps the books of the spaces."""
        office: Office = self.app.state.desk.office
        return office

    @property
    def store(self) -> Store:
        """Where the books are."""
        backplane = self.office.backplane
        assert isinstance(backplane, LocalBackplane)  # noqa: S101  (as opened)
        return backplane.store

    @property
    def port(self) -> int:
        """The bound TCP port."""
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        """Where a browser finds this service."""
        local = f"{_scheme(self.settings)}://localhost:{self.port}"
        return _reached_at(self.settings, self.port) or local

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT (`drain` or `stop`), then leave nothing half done."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow_events)
            nursery.start_soon(self._keep_alive)
            for watch in watches(self.settings, self.engine, self.app.state.desk):
                nursery.start_soon(watch)
            nursery.start_soon(self.office.run)
            if self._deliveries:
                nursery.start_soon(self._deliveries.run)
            nursery.start_soon(self._serve_http)
            nursery.start_soon(self._wait_for_signals)
            nursery.start_soon(self._drain)
            if self._certificate:
                nursery.start_soon(self._certificate.watch)
            self._manager.tell(ready=1, status=self._status())
            await self._stopping.wait()
            self._manager.tell(stopping=1, extend_timeout_usec=_usec(STOP_SECONDS))
            with trio.move_on_after(STOP_SECONDS) as patience:
                await self._shut_down()
            if patience.cancelled_caught:
                _log.error("stopping took too long", seconds=STOP_SECONDS)
            nursery.cancel_scope.cancel()

    def drain(self) -> None:
        """Let nobody in any more; `run` returns when the last has left, or time is over."""
        self._draining.set()

    def stop(self) -> None:
        """Begin to stop; `run` returns soon after."""
        self._stopping.set()

    async def _drain(self) -> None:
        await self._draining.wait()
        seconds, desk = self.settings.drain_seconds, self.app.state.desk
        if seconds == 0:
            self.stop()
            return
        self._manager.tell(stopping=1, extend_timeout_usec=_usec(seconds + 2 * STOP_SECONDS))
        desk.farewell = Farewell(desk.clock() + seconds, self.settings.drain_to.rstrip("/"))
        desk.kept.clear()
        with suppress(EngineClosedError):  # a second signal came in between
            await trio.to_thread.run_sync(self.engine.refuse_newcomers)
            _log.info("draining", people=await self._people(), seconds=seconds)
            why = await until_empty(self._people, seconds, self._stopping.wait)
            _log.info("drained", reason=why)
        self.stop()

    async def _people(self) -> int:
        now = await trio.to_thread.run_sync(self.engine.counters)
        return now["speakers"] + now["listeners"]

    async def _shut_down(self) -> None:
        """Say goodbye first: people must not wait for a slow HTTP client."""
        desk = self.app.state.desk
        desk.farewell = desk.farewell or Farewell(desk.clock())
        self.office.rest()
        _log.info("stopping", spaces=len(self.engine.spaces))
        for space in self.engine.spaces:
            await trio.to_thread.run_sync(
                self.engine.close_space, space.slug, abandon_on_cancel=True
            )
        await self.office.leave_home()
        await trio.to_thread.run_sync(self.engine.close, abandon_on_cancel=True)
        await self._http_stopped.wait()
        _log.info("stopped")

    async def _wait_for_signals(self) -> None:
        """Ctrl-C is for people who wait; a second signal of any kind as well.

        A terminal that is closed hangs up: SIGHUP is a command only where there is none.
        """
        hang_up = [] if os.isatty(0) else [signal.SIGHUP]
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, *hang_up) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    if self._certificate:
                        await self._certificate.reload()
                elif number == signal.SIGTERM and not self._draining.is_set():
                    self.drain()
                else:
                    self.stop()

    async def _keep_alive(self) -> None:
        """Feed the service manager's watchdog; an engine that is closed needs none any more."""

        async def every_media_thread() -> None:
            await trio.to_thread.run_sync(self.engine.worker_counters, abandon_on_cancel=True)

        with suppress(EngineClosedError):
            await feed(self._manager, every_media_thread, self._status)

    def _status(self) -> str:
        """What `systemctl status` shows."""
        now = self.engine.counters()
        people = f"{now['speakers']} speakers, {now['listeners']} listeners"
        return f"{len(self.engine.spaces)} spaces, {people}"

    async def _follow_events(self) -> None:
        """Log what the media core tells, and let hosts and speakers hear who has the word."""
        desk = self.app.state.desk
        async for event in self.engine.events():
            if isinstance(event, DominantSpeaker):
                desk.feed.has_the_word(event.space, event.peer)
            fields = asdict(event)
            fields.pop("session", None)
            _log.info(words_of(event), **fields)

    async def _serve_http(self) -> None:
        async def serve() -> None:
            app = cast("anycorn.typing.Framework", self.app)  # any ASGI callable will do
            config = self._http_config()
            listener = await SocketListener.from_socket(self._listener.dup())  # which it closes
            places = connections.Places(listener, most, metrics.count_refused)
            await connections.serve(app, config, places, self._stopping)

        metrics = self.app.state.desk.metrics
        most = self.settings.max_connections or descriptors.for_connections()
        try:
            await keep_serving(serve, self._stopping, metrics.count_restart)
        finally:
            self._http_stopped.set()

    def _http_config(self) -> Config:
        config = _Config(self._tls)
        config.errorlog = logging.getLogger("anycorn.error")
        config.loglevel = "WARNING"
        config.include_server_header = False
        config.graceful_timeout = HTTP_GRACE_SECONDS
        config.keep_alive_timeout = 15.0
        config.read_timeout = 30
        config.ssl_handshake_timeout = 10.0
        config.websocket_max_message_size = 4096  # of a live feed: a token
        config.websocket_ping_interval = 10.0  # a page says nothing of itself, its browser answers
        if self.settings.tls_cert and self.settings.tls_key:
            config.certfile = str(self.settings.tls_cert)
            config.keyfile = str(self.settings.tls_key)
        return config

    def _tell_webhooks(self, data: DataDir) -> None:
        """Have whatever happens from now on told to those who are set."""
        if not self.settings.webhooks:
            return
        from spacescore.webhooks.delivery import Deliveries  # a second of imports
        from spacescore.webhooks.letters import letters_for

        endpoints = read_endpoints(self.settings.webhooks, data.webhook_secret())
        desk, ledger = self.app.state.desk, self.office.ledger
        desk.endpoints = [endpoint.name for endpoint in endpoints]
        backplane = self.office.backplane
        self._deliveries = Deliveries(endpoints, backplane, desk.clock, desk.metrics)
        ledger.post, ledger.on_letters = letters_for(endpoints), self._deliveries.wake

    def _describe_node(self, data: DataDir) -> None:
        """Leave for `spacescore ticket` where this node listens."""
        candidates = [asdict(candidate) for candidate in self.engine.candidates]
        data.write_node({"pid": os.getpid(), "url": self.url, "candidates": candidates})


class _Config(Config):
    """Serves a pair that may change."""

    def __init__(self, pair: Pair | None) -> None:
        super().__init__()
        self._pair = pair

    def create_ssl_context(self) -> ssl.SSLContext | None:
        context = super().create_ssl_context()
        if context is not None and self._pair is not None:
            self._pair.serve_by(context)
        return context


def check(settings: Settings) -> None:
    """Look at all that can be known without binding and making anything. Raises StartupError."""
    _check_tls(settings)
    try:
        _ice_servers(settings)
        candidate_addresses(settings.udp_host or wildcard(), settings.announce)
        Proxies(settings.trusted_proxies, settings.proxy_header)
        Bounds(settings.pace_least, settings.pace_most)
        read_endpoints(settings.webhooks, SOME_SECRET)
        check_public_url(settings.public_url)
        check_public_url(settings.drain_to)
        if settings.operator_key:
            KeyRing([settings.operator_key])
    except StartupError:
        raise
    except (SpacescoreError, ValueError) as error:
        raise StartupError(str(error)) from error


async def keep_serving(
    serve: Callable[[], Awaitable[None]], stopping: trio.Event, on_failure: Callable[[], None]
) -> None:
    """Run `serve` again whenever it fails or ends, with growing pauses, until `stopping`."""
    pause = FIRST_PAUSE
    while not stopping.is_set():
        began = trio.current_time()
        try:
            await serve()
        except Exception:
            _log.exception("the HTTP server failed", again_in=pause)
        if stopping.is_set():
            return
        on_failure()
        if trio.current_time() - began > HEALTHY_SECONDS:
            pause = FIRST_PAUSE
        with trio.move_on_after(pause):
            await stopping.wait()
        pause = min(2 * pause, LONGEST_PAUSE)


def _reached_at(settings: Settings, port: int) -> str:
    """Return where others find this service; "" where it listens everywhere and nobody says."""
    host = settings.host
    if settings.public_url or host in ("0.0.0.0", "::"):  # noqa: S104
        return settings.public_url.rstrip("/")
    return f"{_scheme(settings)}://{f'[{host}]' if ':' in host else host}:{port}"


def told_to_nodes(settings: Settings, port: int) -> str:
    """Return where other nodes send people; "" where that would be a machine of their own."""
    if not settings.public_url and is_loopback(settings.host):
        return ""
    return _reached_at(settings, port)


def _scheme(settings: Settings) -> str:
    return "https" if settings.tls_cert else "http"


def _ice_servers(settings: Settings) -> tuple[IceServer, ...]:
    return tuple(IceServer(*text.split(",", 2)) for text in settings.ice_servers)


async def _prepare(office: Office, demo: bool) -> None:
    """Put on air what was open, and the demo."""
    office.silent = True  # the log is not configured yet
    await office.restore()
    try:
        await office.room(DEMO)
    except UnknownSpaceError:
        if demo:
            details = Details("Demo stage", open_stage=True, max_speakers=MAX_SEATS)
            await office.create(DEMO, details, OPERATOR)
            await office.do(DEMO, Open(), OPERATOR)
    office.silent = False


def _open_store(settings: Settings, data: DataDir) -> Store:
    return open_store(settings.store or data.path / "rooms.sqlite3")


def _key_ring(settings: Settings, data: DataDir) -> KeyRing:
    keys = [settings.operator_key] if settings.operator_key else data.operator_keys()
    try:
        return KeyRing(keys)
    except ValueError as error:
        raise StartupError(f"The operator's key will not do: {error}.") from error


def _open_engine(settings: Settings) -> Engine:
    try:
        return Engine(
            host=settings.udp_host,
            port=settings.udp_port,
            announce=settings.announce,
            data=settings.data,
            max_listeners=settings.max_listeners,
            workers=settings.workers or usable_cores(),
            packet_time=settings.packet_time,
            packet_interface=settings.packet_interface,
        )
    except OSError as error:
        host = settings.udp_host or "port"
        place = f"UDP {host} {settings.udp_port}"
        raise StartupError(_bind_failure(error, place, "--udp-port", "--udp-host")) from error
    except StartupError:
        raise
    except (SpacescoreError, ValueError) as error:
        raise StartupError(str(error)) from error


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections inherit it
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        listener.bind((host.strip("[]"), port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(
            _bind_failure(error, f"TCP {host}:{port}", "--port", "--host")
        ) from error
    return listener


def _bind_failure(error: OSError, place: str, port_option: str, host_option: str) -> str:
    if isinstance(error, socket.gaierror):
        return f"{place} is no address of this machine: give an IP address with {host_option}."
    match error.errno:
        case errno.EADDRINUSE:
            return f"{place} is taken: choose another with {port_option}."
        case errno.EACCES | errno.EPERM:
            return f"{place} needs privileges: choose a port from 1024 up with {port_option}."
        case errno.EADDRNOTAVAIL:
            return f"{place} is no address of this machine: choose another with {host_option}."
    return f"{place} cannot be bound: {error.strerror or error}."


def _check_tls(settings: Settings) -> None:
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise StartupError("TLS needs both --tls-cert and --tls-key.")
    _pair(settings)


def _pair(settings: Settings) -> Pair | None:
    if settings.tls_cert and settings.tls_key:
        return Pair(settings.tls_cert, settings.tls_key)
    return None


def _usec(seconds: float) -> int:
    return int(seconds * 1e6)
