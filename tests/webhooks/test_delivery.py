"""Letters go out over real HTTP, on a clock that jumps: again and again, and at last no more."""

import json
from collections.abc import Awaitable, Callable
from itertools import pairwise

import h11
import httpx
import pytest
import trio
import trio.testing

from paper_stage import NOW
from spacescore.backplane import LocalBackplane
from spacescore.rooms.acts import Act, Party
from spacescore.store import open_store
from spacescore.webhooks import delivery
from spacescore.webhooks.delivery import Deliveries
from spacescore.webhooks.endpoints import SOME_SECRET, read_endpoints
from spacescore.webhooks.letters import letters_for


def clock() -> float:
    return NOW + trio.current_time()


class Counted(dict[str, int]):
    """Stands for the metrics."""

    def count_webhook(self, outcome: str) -> None:
        self[outcome] = self.get(outcome, 0) + 1


class Receiver:
    """A server that answers as it is told, and keeps what it got."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[float, dict[str, str], dict]] = []
        self.more: dict[str, str] = {}
        self.hangs = False

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        headers, body = {}, b""
        async with stream:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(await stream.receive_some(65_536))
                elif isinstance(event, h11.Request):
                    headers = {name.decode(): value.decode() for name, value in event.headers}
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    break
                else:
                    return
            self.got.append((trio.current_time(), headers, json.loads(body)))
            if self.hangs:
                await trio.sleep_forever()
            status = self.statuses.pop(0) if self.statuses else 204
            more = [*self.more.items(), ("Connection", "close"), ("Content-Length", "0")]
            answer = h11.Response(status_code=status, headers=more)
            await stream.send_all(connection.send(answer) + connection.send(h11.EndOfMessage()))


class World:
    """A store, a receiver, and deliveries between them."""

    def __init__(self, where: str = "memory:", *, url: str = "") -> None:
        self.store = open_store(where)
        self.receiver = Receiver()
        self.counts = Counted()
        self._url = url

    async def run(self, main: Callable[[], Awaitable[None]]) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, self.receiver.serve, 0)
            port = listeners[0].socket.getsockname()[1]
            self.endpoints = read_endpoints(
                [self._url or f"http://127.0.0.1:{port}/hook"], SOME_SECRET
            )
            backplane = LocalBackplane(self.store)
            self.deliveries = Deliveries(
                self.endpoints, backplane, clock, self.counts, dice=lambda: 0.5
            )
            nursery.start_soon(self.deliveries.run)
            await main()
            nursery.cancel_scope.cancel()
        self.store.close()

    def happen(self, number: int, what: str = "space.opened") -> None:
        act = Act(
            f"{number:03}", clock(), "demo", "k", what, Party("ada", "Ada", 7), detail={"n": 1}
        )
        self.store.outbox.add(letters_for(self.endpoints)([act]))
        self.deliveries.wake()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def play(world: World, main: Callable[[], Awaitable[None]]) -> None:
    # loopback needs a moment of real time before the clock may jump
    trio.run(world.run, main, clock=trio.testing.MockClock(autojump_threshold=0.01))


def test_what_happens_is_told_at_once_and_signed():
    world = World()

    async def main() -> None:
        world.happen(1)
        await trio.sleep(0.5)
        ((_, headers, body),) = world.receiver.got
        assert body["type"] == "space.opened"
        assert body["data"] == {
            "space": "demo",
            "by": {"identity": "ada", "name": "Ada", "peer": 7},
            "detail": {"n": 1},
        }
        assert headers["webhook-id"] == "msg_001"
        expected = world.endpoints[0].headers(
            "msg_001", world_body(body), float(headers["webhook-timestamp"])
        )
        assert headers["webhook-signature"] == expected["webhook-signature"]
        assert world.store.outbox.counts() == {}

    play(world, main)
    assert world.counts == {"delivered": 1}


def world_body(body: dict) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def test_a_letter_that_is_not_taken_is_tried_again_later_and_later():
    world = World()
    world.receiver.statuses = [500, 302, 404, 204]

    async def main() -> None:
        world.happen(1)
        await trio.sleep(60)

    play(world, main)
    times = [at for at, _, _ in world.receiver.got]
    pauses = [round(b - a) for a, b in pairwise(times)]
    assert len(times) == 4
    assert all(low <= pause <= low + 2 for low, pause in zip((5, 10, 20), pauses, strict=True))
    assert {headers["webhook-id"] for _, headers, _ in world.receiver.got} == {"msg_001"}
    assert world.counts == {"failed": 3, "delivered": 1}


def test_an_endpoint_that_asks_for_time_gets_it():
    world = World()
    world.receiver.statuses, world.receiver.more = [429], {"Retry-After": "120"}

    async def main() -> None:
        world.happen(1)
        await trio.sleep(119)
        assert len(world.receiver.got) == 1
        await trio.sleep(5)
        assert len(world.receiver.got) == 2

    play(world, main)


def test_a_server_that_hangs_is_left_after_a_while_and_holds_up_nobody():
    world = World()
    world.receiver.hangs = True

    async def main() -> None:
        world.happen(1)
        await trio.sleep(delivery.TRY_SECONDS + 1)
        (letter,) = world.store.outbox.due(world.endpoints[0].name, clock() + 100, 9)
        assert (letter.tries, letter.error) == (1, "no answer in 10 seconds")
        world.receiver.hangs = False
        world.happen(2)
        await trio.sleep(0.5)
        assert world.receiver.got[-1][1]["webhook-id"] == "msg_002"

    play(world, main)


def test_after_the_last_try_a_letter_is_dead_and_may_be_sent_again(monkeypatch):
    monkeypatch.setattr(delivery, "MAX_TRIES", 3)
    world = World()
    world.receiver.statuses = [500] * 3

    async def main() -> None:
        world.happen(1)
        await trio.sleep(60)
        (letter,) = world.store.outbox.dead("", 9)
        assert (letter.tries, letter.error, len(world.receiver.got)) == (3, "HTTP 500", 3)

    play(world, main)
    assert world.counts == {"failed": 2, "dead": 1}


def test_gone_is_the_last_word():
    world = World()
    world.receiver.statuses = [410]

    async def main() -> None:
        world.happen(1)
        await trio.sleep(60)

    play(world, main)
    assert (len(world.receiver.got), world.counts) == (1, {"dead": 1})


def test_letters_and_the_dead_survive_a_restart(tmp_path, monkeypatch):
    monkeypatch.setattr(delivery, "MAX_TRIES", 1)
    where = str(tmp_path / "rooms.sqlite3")
    first = World(where, url="http://127.0.0.1:9/hook")  # nobody is there

    async def fail() -> None:
        first.happen(1)
        while not first.store.outbox.dead("", 9):  # noqa: ASYNC110  (a thread writes it)
            await trio.sleep(1)
        first.store.outbox.add(
            letters_for(first.endpoints)(
                [Act("002", clock(), "demo", "k", "space.ended", Party("node"))]
            )
        )

    play(first, fail)
    store = open_store(where)
    assert [letter.id for letter in store.outbox.dead("", 9)] == ["001.0"]
    assert store.outbox.counts() == {"http://127.0.0.1:9/hook": (1, 1)}
    store.close()


def test_a_letter_is_tried_by_one_node_of_two():
    world = World()

    async def main() -> None:
        other = Deliveries(world.endpoints, LocalBackplane(world.store), clock, world.counts)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(other.run)
            for number in range(20):
                world.happen(number)
                other.wake()
            await trio.sleep(5)
            nursery.cancel_scope.cancel()
        assert len(world.receiver.got) == 20

    play(world, main)


def test_no_endpoint_and_no_store_ends_the_loop(monkeypatch):
    world = World()
    faults = [httpx.ReadError("x"), RuntimeError("a fault of ours")]
    send = Deliveries._send

    async def faulty(self, client, endpoint, letter):
        if faults:
            raise faults.pop()
        return await send(self, client, endpoint, letter)

    monkeypatch.setattr(Deliveries, "_send", faulty)

    async def main() -> None:
        world.happen(1)
        await trio.sleep(3 * delivery.CLAIM_SECONDS)
        assert len(world.receiver.got) == 1

    play(world, main)
