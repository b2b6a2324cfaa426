"""Two services on one PostgreSQL: each finds the other's spaces, by the address in the database."""

import socket
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from served import Served
from virtual_peer import wait_for


def ask(served: Served, path: str) -> tuple[int, str]:
    """GET without following; the status, and where it points to."""
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=5)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers.get("Location", "")


def serve(data: Path, store: str, end: ExitStack, *options: str) -> Served:
    served = Served(data, "--store", store, *options)
    end.callback(served.end)
    return served


@pytest.mark.slow
def test_a_service_that_is_not_the_home_knows_where_that_is_until_it_is_itself(
    empty_postgres, tmp_path
):
    with ExitStack() as end:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        own = ("--port", port, "--public-url", f"http://127.0.0.1:{port}")
        a = serve(tmp_path / "a", empty_postgres, end, *own)
        b = serve(tmp_path / "b", empty_postgres, end)
        a.create_space("evening", record=False)
        page, state = "/s/evening", "/api/spaces/evening/state.json"
        wait_for(lambda: ask(b, page) == (307, a.url + page))
        assert ask(b, state) == (421, a.url + state)
        assert ask(a, state) == (200, "")
        b.create_space("matinee", record=False)  # nobody told b where it is: loopback is nowhere
        wait_for(lambda: ask(a, "/api/spaces/matinee/state.json") == (421, ""))
        a.stop()
        wait_for(lambda: ask(b, state) == (200, ""))
        assert ask(b, page) == (200, "")
