"""Who sends slowly, or takes nothing, is let go: a connection is not theirs to keep."""

import socket
from contextlib import suppress

import pytest
import trio
from anycorn.config import Config

from spacescore import reading
from spacescore.service import UNREAD_MS, Service
from spacescore.settings import Settings

PATIENCE = 0.3  # of the server under test; it has 15 and 10 seconds otherwise
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /whep/demo HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n"
SLOW = {
    "says nothing": (b"", b""),
    "a header without an end": (HEAD + b"X: ", b"a"),
    "headers without an end": (HEAD, b"X: a\r\n"),
    "a body that drips": (POST + b"Content-Length: 60000\r\n\r\n", b"v"),
    "chunks that drip": (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nv\r\n"),
    "asks once and stays": (HEAD + b"\r\n", b""),
}


class Hasty(Service):
    """Has little patience."""

    def _http_config(self) -> Config:
        config = super()._http_config()
        assert config.keep_alive_timeout <= 15
        assert config.h11_max_incomplete_size <= 16 * 1024
        config.keep_alive_timeout = PATIENCE
        return config


async def stay(port: int, first: bytes, drip: bytes) -> None:
    """Return when the server has closed the connection."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(first)
            while not await is_closed(stream):
                await stream.send_all(drip)


async def is_closed(stream: trio.SocketStream) -> bool:
    with trio.move_on_after(PATIENCE / 10):
        while await stream.receive_some():
            pass
        return True
    return False


@pytest.mark.parametrize(("first", "drip"), SLOW.values(), ids=SLOW)
def test_who_is_slow_is_let_go(tmp_path, monkeypatch, first, drip):
    monkeypatch.setattr(reading, "BODY_SECONDS", PATIENCE)
    settings = Settings(data=tmp_path, host="127.0.0.1", port=0, udp_host="127.0.0.1", udp_port=0)

    async def main(service: Hasty) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service._serve_http)
            with trio.fail_after(20):
                await stay(service.port, first, drip)
            service.stop()

    with Hasty.open(settings) as service:
        trio.run(main, service)


def test_who_does_not_take_an_answer_is_given_up_by_the_kernel(tmp_path):
    settings = Settings(data=tmp_path, host="127.0.0.1", port=0, udp_host="127.0.0.1", udp_port=0)
    with Service.open(settings) as service:
        with socket.create_connection(("127.0.0.1", service.port), timeout=5):
            accepted, _ = service._listener.accept()
        with accepted:
            level, option = socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT
            assert accepted.getsockopt(level, option) == UNREAD_MS <= 30_000
