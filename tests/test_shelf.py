"""The recordings as HTTP asks for them: nothing is read twice, and nothing of others is opened."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trio

from spacescore.limits import Limit, Limiter
from web_client import BASE, OPERATOR_KEY, Web, problem

LIST = "/api/recordings"
OPEN, HIDDEN = "open-2026-01-01T00-00-00Z", "hidden-2026-01-02T00-00-00Z"
_listening: list[list[tuple[str, str]]] = []


def _hear(event: str, args: tuple[object, ...]) -> None:
    """A hook cannot be taken away again: it tells whoever listens just now."""
    if _listening and event in ("open", "os.scandir"):
        _listening[-1].append((event, str(args[0])))


sys.addaudithook(_hear)


@contextmanager
def touched(folder: Path) -> Iterator[list[tuple[str, str]]]:
    """What was opened, and looked through, in a folder meanwhile."""
    heard: list[tuple[str, str]] = []
    told: list[tuple[str, str]] = []
    _listening.append(heard)
    try:
        yield told
    finally:
        _listening.remove(heard)
        told += [each for each in heard if each[1].startswith(str(folder))]


@pytest.fixture
def web(engine) -> Web:
    """A node with one recording that is published, and one that is not; its clock stands still."""
    web = Web(engine)
    web.now = 2e9
    web.desk.clock = lambda: web.now
    for key, published in ((OPEN, "true"), (HIDDEN, "false")):
        add(web, key, published)
    return web


def add(web: Web, key: str, published: str) -> None:
    folder = web.engine.data.recordings
    (folder / f"{key}.opus").write_bytes(b"x")
    (folder / f"{key}.jsonl").write_text('{"title": "Hello"}\n')
    (folder / f"{key}.json").write_text(f'{{"published": {published}}}')


def listed(web: Web, **options: str) -> list[str]:
    return [one["recording"] for one in web.get(LIST, **options).json()["recordings"]]


def test_a_strangers_list_opens_nothing_that_is_not_published(web):
    with touched(web.engine.data.recordings) as files:
        assert listed(web) == [OPEN]
    assert not [name for _, name in files if HIDDEN in name and not name.endswith(".json")]


def test_a_strangers_list_waits_for_them_and_is_made_once_a_second(web):
    first = web.get(LIST)
    with touched(web.engine.data.recordings) as files:
        again = web.get(LIST)
    assert (again.content, files) == (first.content, [])
    add(web, "later-2026-01-03T00-00-00Z", "true")
    web.now += 1
    assert listed(web) == ["later-2026-01-03T00-00-00Z", OPEN]


@pytest.mark.parametrize("token", ["", OPERATOR_KEY])
def test_what_is_as_it_was_is_not_opened_again(web, token):
    before = web.get(LIST, token=token).json()
    web.now += 1
    with touched(web.engine.data.recordings) as files:
        assert web.get(LIST, token=token).json() == before
    assert {event for event, _ in files} == {"os.scandir"}


def test_one_recording_is_not_opened_again_to_be_described(web):
    paths = [f"{LIST}/{OPEN}{part}" for part in ("", "/chapters.vtt", "/captions.vtt")]
    before = [web.get(path).content for path in paths]
    with touched(web.engine.data.recordings) as files:
        assert [web.get(path).content for path in paths] == before
    assert files == []


@pytest.mark.parametrize("token", ["", OPERATOR_KEY])
def test_a_crowd_that_comes_at_once_has_the_folder_looked_through_once(web, token):
    async def crowd() -> list[int]:
        transport, statuses = httpx.ASGITransport(app=web.app), []
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:

            async def ask() -> None:
                statuses.append((await client.get(LIST, headers=headers)).status_code)

            async with trio.open_nursery() as nursery:
                for _ in range(30):
                    nursery.start_soon(ask)
        return statuses

    with touched(web.engine.data.recordings) as files:
        assert trio.run(crowd) == [200] * 30
    assert [event for event, _ in files].count("os.scandir") == 1


def test_what_is_published_hidden_or_deleted_is_so_at_once(web):
    for published, expected in ((True, [HIDDEN, OPEN]), (False, [OPEN])):
        decision = {"published": published}
        web.request("PATCH", f"{LIST}/{HIDDEN}", token=OPERATOR_KEY, json=decision)
        assert listed(web) == expected
        assert listed(web, token=OPERATOR_KEY) == [HIDDEN, OPEN]
    web.delete(f"{LIST}/{OPEN}", token=OPERATOR_KEY)
    assert listed(web) == []
    assert listed(web, token=OPERATOR_KEY) == [HIDDEN]


def test_each_finds_links_to_the_host_by_which_they_ask(web):
    for host in ("one.example", "two.example:8080"):
        (one,) = web.get(LIST, headers={"Host": host}).json()["recordings"]
        assert one["link"] == f"http://{host}/r/{OPEN}"
        assert one["audio"] == f"http://{host}/api/recordings/{OPEN}/audio"


@pytest.mark.parametrize("path", [LIST, f"{LIST}/{OPEN}", f"{LIST}/{OPEN}/captions.vtt"])
def test_caches_may_tell_strangers_alike_and_nobody_who_has_a_token(web, path):
    answer = web.get(path)
    assert answer.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=1"
    assert answer.headers["vary"] == "Authorization"
    own = web.get(path, token=OPERATOR_KEY)
    assert own.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/api/spaces", LIST, f"{LIST}/{OPEN}", f"{LIST}/none"])
def test_one_address_asks_for_lists_and_recordings_as_often_as_it_may(web, path):
    web.desk.reads = Limiter(Limit(1.0, 2.0))
    assert 429 not in {web.get(path).status_code for _ in range(2)}
    assert problem(web.get(path)) == (429, "too-many-requests")
