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
RECORDINGS, ONE = "/api/recordings", "evening-2026-01-01T00-00-00Z"
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


def crowd(behind: SimpleNamespace, path: str = STATE, **options: object) -> set[int]:
    """What is answered to many who ask at once."""

    def ask(_: int) -> int:
        return behind.get(path, **options).status_code

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


@pytest.fixture
def recorded(behind: SimpleNamespace) -> SimpleNamespace:
    """The same with a recording that its host has not published; and the operator."""
    (behind.served.data / "recordings" / f"{ONE}.opus").write_bytes(b"x")
    key = (behind.served.data / "operator.key").read_text().strip()
    behind.key, behind.operator = key, {"Authorization": f"Bearer {key}"}
    wait_for(lambda: listed(behind, headers=behind.operator) == [ONE])  # within a second
    return behind


def listed(behind: SimpleNamespace, **options: object) -> list[str]:
    return [one["recording"] for one in behind.get(RECORDINGS, **options).json()["recordings"]]


@pytest.mark.parametrize("path", [RECORDINGS, "/api/spaces"])
def test_a_list_for_everybody_leaves_the_service_once_a_second(behind, path):
    def answered() -> float:
        return behind.served.metric(r'http_requests_total\{.*status="200".*\}')

    assert crowd(behind, path) == {200}
    began, before = time.monotonic(), answered()
    for _ in range(20):
        assert crowd(behind, path) == {200}
    looks = 1  # at the metrics themselves
    assert answered() - before <= looks + 1 + (time.monotonic() - began)


def test_what_is_listed_for_those_who_run_spaces_is_listed_for_them_alone(recorded):
    for _ in range(2):
        assert listed(recorded) == []
        assert listed(recorded, headers=recorded.operator) == [ONE]


def test_a_recording_is_published_and_hidden_for_everybody_behind_the_cache(recorded):
    path = f"{RECORDINGS}/{ONE}"
    for published, expected in ((True, [ONE]), (False, [])):
        recorded.served.request("PATCH", path, {"published": published}, recorded.key)
        wait_for(lambda expected=expected: listed(recorded) == expected)
        status = 200 if published else 404
        wait_for(lambda status=status: recorded.get(path).status_code == status)
