"""Deliveries: letters go out, again and again where they are not taken, and die at last.

Each endpoint has a loop of its own, so one that is slow or gone keeps none of the others waiting.
A try is claimed in the store first: two nodes on one store do not both make it, and what a dead
node had claimed is tried again when its time is over. Who is told twice sees it by `webhook-id`.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import httpx
import structlog
import trio

from spacescore.backplane import Backplane
from spacescore.errors import StoreError
from spacescore.store import Letter
from spacescore.webhooks.endpoints import Endpoint

__all__ = ["Deliveries"]

TRY_SECONDS = 10.0  # for all of it: to connect, to send, to hear the status
CLAIM_SECONDS = 2 * TRY_SECONDS
LOOK_SECONDS = 1.0  # between looks, where nobody says that there is something
AT_ONCE = 4  # tries at one endpoint
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3_600.0
MAX_TRIES = 14  # about six hours
MAX_WAITING, MAX_DEAD = 10_000, 1_000  # letters of one endpoint; the oldest go
MAX_ERROR_CHARS = 200
GONE = 410  # the endpoint wants no more of this
_log = structlog.get_logger("spacescore.webhooks")


class Counts(Protocol):
    """Who counts tries."""

    def count_webhook(self, outcome: str) -> None:
        """Count a try: delivered, failed, or dead for good."""


class Deliveries:
    """The letters of one node's endpoints."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        backplane: Backplane,
        clock: Callable[[], float],
        counts: Counts,
        *,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self.endpoints = tuple(endpoints)
        self._backplane = backplane
        self._clock = clock
        self._counts = counts
        self._dice = dice
        self._wakers = {endpoint.name: trio.Event() for endpoint in endpoints}

    def wake(self) -> None:
        """Look at once: there is something new."""
        for waker in self._wakers.values():
            waker.set()

    async def run(self) -> None:
        """Deliver for ever. Nothing that an endpoint or the store does ends it."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
        async with (
            httpx.AsyncClient(timeout=TRY_SECONDS, limits=limits) as client,
            trio.open_nursery() as nursery,
        ):
            for endpoint in self.endpoints:
                nursery.start_soon(self._serve, client, endpoint)

    async def _serve(self, client: httpx.AsyncClient, endpoint: Endpoint) -> None:
        while True:
            self._wakers[endpoint.name] = waker = trio.Event()
            try:
                busy = await self._round(client, endpoint)
            except StoreError as error:
                busy = False
                _log.warning("webhooks wait for the store", reason=str(error))
            except Exception:
                busy = False
                _log.exception("webhooks failed")
            if not busy:
                with trio.move_on_after(LOOK_SECONDS):
                    await waker.wait()

    async def _round(self, client: httpx.AsyncClient, endpoint: Endpoint) -> bool:
        """Try what is due; whether there was anything."""
        name, now = endpoint.name, self._clock()
        ask = self._backplane.ask
        found = await ask(lambda store: store.outbox.due(name, now, AT_ONCE))
        async with trio.open_nursery() as nursery:
            for letter in found:
                nursery.start_soon(self._try, client, endpoint, letter)
        if found and (
            lost := await ask(lambda store: store.outbox.trim(name, MAX_WAITING, MAX_DEAD))
        ):
            _log.error("letters are lost: too many wait", endpoint=name, letters=lost)
        return bool(found)

    async def _try(self, client: httpx.AsyncClient, endpoint: Endpoint, letter: Letter) -> None:
        ask = self._backplane.ask
        until = self._clock() + CLAIM_SECONDS
        if not await ask(lambda store: store.outbox.claim(letter, until)):
            return
        error, pause = await self._send(client, endpoint, letter)
        if not error:
            self._counts.count_webhook("delivered")
            await ask(lambda store: store.outbox.settle(letter))
            return
        later = self._later(letter, error, pause)
        self._counts.count_webhook("dead" if later.dead else "failed")
        report = _log.error if later.dead else _log.warning
        report("webhook not taken", endpoint=endpoint.name, reason=error, dead=later.dead)
        await ask(lambda store: store.outbox.put_back(later))

    async def _send(
        self, client: httpx.AsyncClient, endpoint: Endpoint, letter: Letter
    ) -> tuple[str, float]:
        """Send it once. Returns "" or why not, and the seconds that the endpoint asks for."""
        body = letter.body.encode()
        headers = endpoint.headers(letter.event, body, self._clock())
        post = partial(client.stream, "POST", endpoint.url, content=body, headers=headers)
        with trio.move_on_after(TRY_SECONDS):
            try:
                async with post() as answer:  # whose body nobody needs
                    if answer.is_success:
                        return "", 0.0
                    return f"HTTP {answer.status_code}", _asked(answer)
            except httpx.HTTPError as error:
                return (str(error) or type(error).__name__)[:MAX_ERROR_CHARS], 0.0
        return f"no answer in {TRY_SECONDS:.0f} seconds", 0.0

    def _later(self, letter: Letter, error: str, asked: float) -> Letter:
        """Return when to try again: each pause twice the last, and nobody's at the same time."""
        tries = letter.tries + 1
        pause = min(FIRST_PAUSE * 2**letter.tries, LONGEST_PAUSE) * (0.75 + 0.5 * self._dice())
        due = self._clock() + max(pause, asked)
        dead = tries >= MAX_TRIES or error == f"HTTP {GONE}"
        return replace(letter, tries=tries, due=due, dead=dead, error=error)


def _asked(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdecimal() else 0.0
