"""HTTP has room for so many connections: who has one keeps it, whoever comes then."""

import json
import resource
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import trio
import wsproto.events
from anycorn.config import Config
from wsproto import ConnectionType, WSConnection

from served import Served
from spacescore.service import Service
from spacescore.settings import Settings
from virtual_peer import wait_for

HASTE = 30  # so much faster than a node is the server under test
REFUSED = "http_connections_refused_total"


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Served]:
    served = Served(data, *options)
    try:
        yield served
    finally:
        served.end()


class Visitor(HTTPConnection):
    """Keeps one connection, and never makes another."""

    def __init__(self, served: Served) -> None:
        super().__init__("127.0.0.1", served.port, timeout=5)
        self.connect()
        self.auto_open = 0

    def get(self, path: str = "/healthz") -> str:
        self.request("GET", path)
        return self.getresponse().read().decode()

    def is_served(self) -> bool:
        return self.get() == '{"status":"ok"}'

    def count(self, name: str) -> float:
        metrics = self.get("/metrics").splitlines()
        (line,) = (line for line in metrics if line.startswith(f"spacescore_{name}{{"))
        return float(line.split()[-1])


def is_there_room(served: Served) -> bool:
    with closing(Visitor(served)) as newcomer, suppress(OSError):
        return newcomer.is_served()
    return False


@contextmanager
def no_descriptor_left(process: int) -> Iterator[None]:
    soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    used = len(list(Path(f"/proc/{process}/fd").iterdir()))
    resource.prlimit(process, resource.RLIMIT_NOFILE, (used, hard))
    yield
    resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))


def warnings(log: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line["level"] in ("warning", "error")]


def test_who_comes_when_all_places_are_taken_is_closed_at_once_and_counted(tmp_path):
    with (
        serving(tmp_path / "data", "--max-connections", "2") as served,
        closing(Visitor(served)) as first,
        closing(Visitor(served)) as second,
    ):
        assert first.is_served()
        assert second.is_served()
        assert not any(is_there_room(served) for _ in range(3))
        assert first.count(REFUSED) == 3
        assert second.is_served()
        _, _, log = served.stop()
    (warning,) = warnings(log)
    assert (warning["event"], warning["most"]) == ("connections are refused", 2)


def test_a_place_that_is_left_is_taken_by_the_next(tmp_path):
    with serving(tmp_path / "data", "--max-connections", "1") as served:
        for _ in range(3):
            wait_for(lambda: is_there_room(served))


def test_without_a_descriptor_nobody_loses_a_connection(tmp_path):
    with (
        serving(tmp_path / "data") as served,
        closing(Visitor(served)) as bystander,
        ExitStack() as later,
    ):
        assert bystander.is_served()
        with no_descriptor_left(served.process.pid):
            newcomer = later.enter_context(closing(Visitor(served)))
            assert all(bystander.is_served() for _ in range(3))
        assert newcomer.is_served()
        assert bystander.count("http_restarts_total") == 0
        _, _, log = served.stop()
    assert [line["event"] for line in warnings(log)] == ["no connection can be accepted"]


class Hasty(Service):
    """Gives up, and asks whether somebody is there, after a fraction of the time."""

    def _http_config(self) -> Config:
        config = super()._http_config()
        config.read_timeout /= HASTE
        if config.websocket_ping_interval:
            config.websocket_ping_interval /= HASTE
        return config


async def count_pings(port: int, most: int) -> int:
    """Say nothing on a WebSocket but what a browser answers by itself."""
    browser = WSConnection(ConnectionType.CLIENT)
    pings = 0
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(browser.send(wsproto.events.Request("x", "/live/demo")))
        async for data in stream:
            browser.receive_data(data)
            for event in browser.events():
                if isinstance(event, wsproto.events.Ping):
                    pings += 1
                    await stream.send_all(browser.send(event.response()))
            if pings == most:
                break
    return pings


def test_a_feed_on_which_a_page_says_nothing_stays(tmp_path):
    settings = Settings(data=tmp_path, host="127.0.0.1", port=0, udp_host="127.0.0.1", udp_port=0)

    async def main(service: Hasty) -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service._serve_http)
            pings = await count_pings(service.port, 6)
            service.stop()
        return pings

    with Hasty.open(settings) as service:
        assert trio.run(main, service) == 6  # those of 50 seconds, and 30 is as long as one waits
