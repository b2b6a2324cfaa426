"""What somebody looks after while the service runs: keys, certificate, doors, who is heard, lag.

Each looks again and again until the engine is closed. What goes wrong meanwhile is told in the log,
and looked at again: none of it may end the service.
"""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import structlog
import trio

from spacescore.chronicle import Chronicle
from spacescore.datadir import DataDir
from spacescore.desk import Desk
from spacescore.engine import Engine
from spacescore.errors import EngineClosedError, SpacescoreError, StartupError, StoreError
from spacescore.metrics import Metrics
from spacescore.office import Office
from spacescore.retention import Retention
from spacescore.settings import Settings
from spacescore.store import Store
from spacescore.tls import Pair
from spacescore.tokens import KeyRing

__all__ = ["Certificate", "measure_lag", "watches"]

CERTIFICATE_SECONDS = 5.0  # between looks at its files
LAG_SECONDS = 0.25  # between looks at the event loop's lateness
CHRONICLE_SECONDS = 1.0
KEYS_SECONDS = 1.0
DOOR_SECONDS = 0.5
PULSE_SECONDS = 1.0
EXPIRY_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
_log = structlog.get_logger("spacescore")


def watches(
    settings: Settings, engine: Engine, desk: Desk
) -> Iterator[Callable[[], Awaitable[None]]]:
    """Yield what is to run beside the service; the certificate has its own, see below."""
    assert engine.data is not None  # noqa: S101  (the settings name a folder)
    note = partial(trio.to_thread.run_sync, Chronicle(engine, engine.data.recordings).note)
    yield partial(again, note, CHRONICLE_SECONDS, "the chronicle failed")
    expire = Retention(desk, settings.keep_recordings).expire
    yield partial(again, expire, EXPIRY_SECONDS, "old recordings are not deleted")
    yield partial(again, desk.doors.tick, DOOR_SECONDS, "the doors failed")
    yield partial(again, desk.vitals.look, PULSE_SECONDS, "the pulse is not taken")
    yield partial(keep_audit, desk.office, settings.keep_audit)
    yield partial(measure_lag, desk.note_lag)
    if not settings.operator_key:
        yield partial(watch_keys, engine.data, desk.keys)


class Certificate:
    """The TLS pair, read again when its files have changed."""

    def __init__(self, pair: Pair, metrics: Metrics) -> None:
        self._pair = pair
        self._metrics = metrics

    async def watch(self) -> None:
        """Look at the files."""
        self._metrics.tell_certificate(self._pair.told.expires)
        while True:
            await trio.sleep(CERTIFICATE_SECONDS)
            if await trio.to_thread.run_sync(self._pair.has_changed):
                await self.reload()

    async def reload(self) -> None:
        """Read them now; a pair that does not work is told, and the old one stays."""
        try:
            await trio.to_thread.run_sync(self._pair.reload)
        except (StartupError, OSError) as error:
            self._metrics.count_bad_certificate()
            _log.error("the certificate stays as it was", reason=str(error))
        else:
            self._metrics.tell_certificate(self._pair.told.expires)
            _log.info("new certificate", names=self._pair.told.names)


async def watch_keys(data: DataDir, keys: KeyRing) -> None:
    """Read the operator's keys again when their file has changed."""
    seen = _modified(data.operator_key_path)
    while True:
        await trio.sleep(KEYS_SECONDS)
        latest = _modified(data.operator_key_path)
        if latest in (seen, 0):  # a file that is being replaced is no reason to draw a key
            continue
        seen = latest
        try:
            keys.replace(await trio.to_thread.run_sync(data.operator_keys))
            _log.info("operator keys read again")
        except (SpacescoreError, ValueError) as error:
            _log.error("operator keys stay as they were", reason=str(error))


async def again(act: Callable[[], Awaitable[None]], seconds: float, failed: str) -> None:
    """Do it each so many seconds, until the engine is closed; `failed` is what the log says."""
    while True:
        due = trio.current_time() + seconds
        try:
            await act()
        except EngineClosedError:
            return
        except Exception:
            _log.exception(failed)
        await trio.sleep_until(due)


async def keep_audit(office: Office, days: float) -> None:
    """Let old acts leave the audit log."""
    while days:
        try:
            await office.backplane.ask(partial(_forget, office.clock() - days * DAY_SECONDS))
        except StoreError as error:
            _log.error("old acts stay in the audit log", reason=str(error))
        await trio.sleep(EXPIRY_SECONDS)


async def measure_lag(note: Callable[[float], None]) -> None:
    """Note again and again how late the event loop is."""
    while True:
        due = trio.current_time() + LAG_SECONDS
        await trio.sleep_until(due)
        note(trio.current_time() - due)


def _forget(before: float, store: Store) -> int:
    return store.audit.forget(before)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
