"""Debian's nginx before the service, set up as our recipe says: a cache that lets spaces end."""

import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from nginx import nginx_before
from served import Served
from virtual_peer import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here: apt-get install nginx"),
]

STATE = "/api/spaces/evening/state.json"
ASKERS = 12
KEPT = 2.0  # seconds of `max-age` and `stale-while-revalidate` together
TOGETHER = 10.0  # times as long as one after another; behind a lock it is a hundred


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[SimpleNamespace]:
    """A space behind nginx: its host, and who asks what."""
    served = Served(tmp_path / "data")
    try:
        host = served.create_space("evening")
        with (
            nginx_before(served.port, tmp_path) as port,
            httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
        ):
            bearer = {"Authorization": f"Bearer {host}"}
            with ThreadPoolExecutor(ASKERS) as pool:
                yield SimpleNamespace(
                    served=served, host=host, bearer=bearer, pool=pool, get=client.get
                )
    finally:
        served.end()


def crowd(behind: SimpleNamespace, **options: object) -> set[int]:
    """What is answered to many who ask at once."""

    def ask(_: int) -> int:
        return behind.get(STATE, **options).status_code

    return set(behind.pool.map(ask, range(ASKERS)))


def seconds(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def test_a_space_that_has_ended_ends_for_a_crowd_behind_the_cache(behind):
    assert crowd(behind) == {200}
    behind.served.delete("/api/spaces/evening", behind.host)
    wait_for(lambda: crowd(behind) == {404})


def test_a_space_that_is_by_invitation_from_now_on_is_so_behind_the_cache(behind):
    assert crowd(behind) == {200}
    invite = {"visibility": "invite"}
    behind.served.request("PATCH", "/api/spaces/evening", invite, behind.host)
    changed = time.monotonic()
    wait_for(lambda: crowd(behind) == {401} and time.monotonic() > changed + KEPT)
    assert crowd(behind, headers=behind.bearer) == {200}
    assert crowd(behind) == {401}


def test_those_who_are_invited_do_not_wait_for_each_other(behind):
    invite = {"visibility": "invite"}
    behind.served.request("PATCH", "/api/spaces/evening", invite, behind.host)
    assert crowd(behind, headers=behind.bearer) == {200}  # all have a connection now

    def one_by_one() -> None:
        for _ in range(ASKERS):
            behind.get(STATE, headers=behind.bearer)

    alone = min(seconds(one_by_one) for _ in range(3))
    together = min(seconds(lambda: crowd(behind, headers=behind.bearer)) for _ in range(3))
    assert together <= TOGETHER * alone
