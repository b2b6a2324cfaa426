"""What every test may lean on: derandomized hypothesis, and seeded damage to packets."""

import random
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import settings

Mutations = Callable[..., Iterator[bytes]]

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


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


@pytest.fixture(scope="session")
def mutations() -> Mutations:
    """``mutations(packets, count=, seed=)`` yields damaged copies of the packets, in turn."""
    return _mutations
