"""What every test may lean on: derandomized hypothesis, seeded damage, an engine on loopback."""

import os
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import trio.testing
from hypothesis import settings
from hypothesis.internal.conjecture import providers
from xdist.scheduler import LoadScopeScheduling

from spacescore import Engine

Mutations = Callable[..., Iterator[bytes]]

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")
# Examples hold constants of whatever module was loaded before, which differs from run to run.
pytest.MonkeyPatch().setattr(providers, "_get_local_constants", providers.Constants)


def _mutate(packet: bytearray, how: int, at: int, value: int) -> None:
    """One edit: most are a byte or a bit, for those leave the most of a packet alive."""
    match how % 8:
        case 0 | 1 | 2:
            packet[at] = value
        case 3 | 4:
            packet[at] ^= 1 << (value & 7)
        case 5:
            del packet[at:]
        case 6:
            packet[at:at] = packet[at : at + value]
        case _:
            del packet[at : at + (value & 15)]


def _mutations(packets: Sequence[bytes], *, count: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for index in range(count):
        packet = bytearray(packets[index % len(packets)])
        dice = rng.randbytes(1 + 4 * 4)
        for edit in range(1, 2 + 4 * (dice[0] & 3), 4):
            if not packet:
                break
            how, high, low, value = dice[edit : edit + 4]
            _mutate(packet, how, (high << 8 | low) % len(packet), value)
        yield bytes(packet)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever asks for the `browser` fixture carries the mark that leaves them out."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


# What is heard in real time, which a neighbour that takes the CPU would delay.
REAL_TIME = {"e2e", "io", "load"}
# What these look at has no socket, no thread and no clock: any of their tests may run anywhere.
SANS_IO = {"audience", "base", "batch", "engine", "media", "secure", "wire"}


class ByClock(LoadScopeScheduling):
    """Under `-n 2` whatever is heard in real time stays in one process, as do the tests of a file.

    The largest scope is begun first, by the first process: real time.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.partition("::")[0])
        if path.parent.name in REAL_TIME:
            return "real time"
        return nodeid if path.parent.name in SANS_IO else str(path)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByClock:
    return ByClock(config, log)


def pytest_configure() -> None:
    """The processes beside the first one give way to it."""
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0":
        os.nice(10)


@pytest.fixture(scope="session")
def mutations() -> Mutations:
    """``mutations(packets, count=, seed=)`` yields damaged copies of the packets, in turn."""
    return _mutations


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine on any loopback port, with a data folder of its own."""
    with Engine(host="127.0.0.1", port=0, data=tmp_path / "data") as engine:
        yield engine


@pytest.fixture
def autojump() -> trio.testing.MockClock:
    """A clock that jumps to the next deadline when everybody waits."""
    return trio.testing.MockClock(autojump_threshold=0)
