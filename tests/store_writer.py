"""A process that writes facts until it is killed, and says after each that it is written."""

import resource
import signal
import sys

from spacescore.errors import StoreError
from spacescore.rooms import facts
from spacescore.rooms.facts import Details
from spacescore.rooms.room import Room
from spacescore.store import Entry, Head, Store, open_store


def step(store: Store, room: Room) -> Room:
    """Append one fact more."""
    version = room.version + 1
    fact = facts.Created("crash", Details("x")) if version == 1 else facts.Seated(version)
    after = room.after(fact, float(version))
    store.append(Head.of("crash", after), [Entry(version, float(version), "node", fact)])
    print(version, flush=True)
    return after


def write(where: str, limit: int) -> None:
    """Write on where the last one was killed; `limit`: bytes a file may have, 0 for any."""
    store = open_store(where)
    room = Room.of((entry.fact, entry.at) for entry in store.read("crash"))
    if not limit:
        while True:
            room = step(store, room)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, unlimited[1]))
    try:
        while True:
            room = step(store, room)
    except StoreError:
        print("refused", flush=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    for _ in range(5):
        room = step(store, room)
    store.close()
    sys.exit(0)
