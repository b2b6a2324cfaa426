"""The connections of the HTTP server: so many have a place, and who has one keeps it.

Anycorn knows no bound, and an accept() that finds no descriptor ends it, with all its connections.
So it serves what is accepted here. Whoever comes when all places are taken is closed at once,
before any handshake: descriptors remain for all else that a node does, and pages try again
by themselves.
"""

import errno
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import anyio
import structlog
import trio
from anycorn.config import Config
from anycorn.tcp_server import TCPServer
from anycorn.typing import ConnectionState, Framework
from anycorn.utils import wrap_app
from anycorn.worker_context import WorkerContext
from anyio.abc import Listener, SocketListener, SocketStream, TaskGroup
from anyio.streams.tls import TLSListener

__all__ = ["Places", "serve"]

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
PAUSE_SECONDS = 0.1  # until something may have been given back, as trio.serve_listeners has it
SILENT_SECONDS = 60.0  # between two lines of the log about the same
_log = structlog.get_logger("spacescore")


class Places(Listener[SocketStream]):
    """Accepts, while there is a place for one more."""

    def __init__(self, listener: SocketListener, most: int, on_refused: Callable[[], None]) -> None:
        """most: connections at once; on_refused: one was closed because there are so many."""
        self._listener = listener
        self._most = most
        self._on_refused = on_refused
        self._taken = 0
        self._told: dict[str, float] = {}

    async def serve(
        self, handler: Callable[[SocketStream], Any], task_group: TaskGroup | None = None
    ) -> None:
        """Give each connection to a task of its own, which has its place until it ends."""

        async def hold(stream: SocketStream) -> None:
            try:
                await handler(stream)
            finally:
                self._taken -= 1

        async with AsyncExitStack() as stack:
            if task_group is None:
                task_group = await stack.enter_async_context(anyio.create_task_group())
            while True:
                stream = await self._accept()
                if self._taken < self._most:
                    self._taken += 1
                    task_group.start_soon(hold, stream)
                else:
                    await self._refuse(stream)

    async def aclose(self) -> None:
        """Accept nobody any more; who has a place keeps it."""
        await self._listener.aclose()

    async def _accept(self) -> SocketStream:
        """Return the next, waiting while there is no descriptor for it."""
        while True:
            try:
                return await self._listener.accept()
            except anyio.BrokenResourceError as error:
                why = error.__cause__
                if not isinstance(why, OSError) or why.errno not in EXHAUSTED:
                    raise
                self._tell("no connection can be accepted", reason=why.strerror)
            await anyio.sleep(PAUSE_SECONDS)

    async def _refuse(self, stream: SocketStream) -> None:
        self._on_refused()
        self._tell("connections are refused", most=self._most)
        await stream.aclose()

    def _tell(self, event: str, **fields: object) -> None:
        now = anyio.current_time()
        if now - self._told.get(event, -SILENT_SECONDS) >= SILENT_SECONDS:
            self._told[event] = now
            _log.warning(event, **fields)


class _Connection(TCPServer):
    """Ends when its client goes: Anycorn's own waits until it has been idle for long enough."""

    _has_gone = False

    async def _read_data(self) -> None:
        await super()._read_data()
        self._has_gone = True
        await self.idle_task.stop()

    async def _idle_timeout(self) -> None:
        if not self._has_gone:
            await super()._idle_timeout()


async def serve(
    app: Framework, config: Config, listener: Listener[Any], stopping: trio.Event
) -> None:
    """Serve an application without a lifespan, as `anycorn.serve` does, until `stopping`."""
    context, state = WorkerContext(None), ConnectionState({})
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")

    async def handle(stream: SocketStream) -> None:
        await _Connection(wrapped, config, context, state, stream).run()

    if secure := config.create_ssl_context():
        listener = TLSListener(listener, secure, handshake_timeout=config.ssl_handshake_timeout)
    async with anyio.create_task_group() as connections, listener:
        try:
            async with anyio.create_task_group() as accepting:
                accepting.start_soon(listener.serve, handle, connections)
                await stopping.wait()
                accepting.cancel_scope.cancel()
        finally:
            await context.terminated.set()
            connections.cancel_scope.deadline = anyio.current_time() + config.graceful_timeout
