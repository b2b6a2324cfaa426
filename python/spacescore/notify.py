"""Tell the service manager how things are, where there is one: sd_notify(3), in ten lines.

The watchdog is fed only while everything moves: the event loop, for it does the feeding, and
every media thread, for each has to answer first. A node that hangs in either is started again.
"""

import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import trio

__all__ = ["Manager", "feed"]


class Manager:
    """The service manager, or nobody."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")  # @ at its begin: an abstract one
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = environment.get("WATCHDOG_USEC", "")
        self._for_process = environment.get("WATCHDOG_PID") or str(os.getpid())

    def tell(self, **state: str | int) -> None:
        """Send variables, `ready=1` as READY=1. Whoever does not listen is not missed."""
        if self._address:
            text = "\n".join(f"{name.upper()}={value}" for name, value in state.items())
            with (
                suppress(OSError),
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out,
            ):
                out.setblocking(False)
                out.sendto(text.encode(), self._address)

    @property
    def watchdog_seconds(self) -> float | None:
        """After how long a silence the manager starts this process again; None: never."""
        if self._watchdog.isdecimal() and self._for_process == str(os.getpid()):
            return int(self._watchdog) / 1e6
        return None


async def feed(
    manager: Manager, answer: Callable[[], Awaitable[object]], status: Callable[[], str]
) -> None:
    """Feed the watchdog twice in its time, each time after `answer` has come back."""
    seconds = manager.watchdog_seconds
    while seconds:
        await answer()
        manager.tell(watchdog=1, status=status())
        await trio.sleep(seconds / 2)
