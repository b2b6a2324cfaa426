"""What is kept for long enough goes: by the node's word, and sooner by the space's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from spacescore.errors import StoreError
from spacescore.retention import DAY_SECONDS, Retention, kept_days
from web_client import OPERATOR_KEY, Web

BEGAN = 1_800_000_000.0
RECORDED = "evening-2027-01-15T08-00-00Z"


@pytest.fixture
def web(engine) -> Web:
    """A node on an evening; its clock is `now`."""
    web = Web(engine)
    web.now = BEGAN
    web.desk.clock = web.desk.office.clock = lambda: web.now
    return web


def plan(web: Web, **said: int) -> str:
    """A space of which something was recorded, and which goes on; return its host's token."""
    body = {"space": "evening", "draft": True, **said}
    host = web.post("/api/spaces", token=OPERATOR_KEY, json=body).json()["host_token"]
    (web.engine.data.recordings / f"{RECORDED}.opus").write_bytes(b"x")
    return host


def is_kept(web: Web, *, days: float, after: float) -> bool:
    """Whether it is still there so many days later, where the node keeps any for `days`."""
    web.now = BEGAN + after * DAY_SECONDS
    trio.run(Retention(web.desk, days).expire)
    return (web.engine.data.recordings / f"{RECORDED}.opus").exists()


@pytest.mark.parametrize(
    ("node", "space", "days"),
    [(0, 0, 0), (30, 0, 30), (0, 7, 7), (30, 7, 7), (7, 30, 7), (0.5, 7, 0.5)],
)
def test_the_shorter_word_counts_and_none_is_for_ever(node, space, days):
    assert kept_days(node, space) == days


@pytest.mark.parametrize(
    ("node", "space", "days"), [(30, 0, 30), (0, 7, 7), (30, 7, 7), (7, 30, 7), (0.5, 7, 0.5)]
)
def test_a_recording_goes_when_it_was_kept_for_so_many_days(web, node, space, days):
    plan(web, keep_days=space)
    assert is_kept(web, days=node, after=days - 0.1)
    assert not is_kept(web, days=node, after=days + 0.1)


def test_where_nobody_says_anything_it_stays(web):
    plan(web)
    assert is_kept(web, days=0, after=4_000)


def test_a_host_changes_it_later_and_takes_it_back(web):
    host = plan(web)
    for days in (7, None, 30):
        edit = {"keep_days": days or 0}
        changed = web.request("PATCH", "/api/spaces/evening", token=host, json=edit)
        assert changed.json()["keep_days"] == (days or 0)
    assert is_kept(web, days=0, after=29)
    assert not is_kept(web, days=0, after=31)


def test_what_the_space_said_counts_when_it_is_over_and_not_what_the_next_of_its_name_says(web):
    host = plan(web, keep_days=30)
    web.now += 600
    assert web.delete("/api/spaces/evening", token=host).status_code == 204
    web.now += 600
    body = {"space": "evening", "draft": True, "keep_days": 1}
    assert web.post("/api/spaces", token=OPERATOR_KEY, json=body).status_code == 201
    assert is_kept(web, days=0, after=29)
    assert not is_kept(web, days=0, after=31)


def test_a_space_that_was_over_before_has_no_word(web):
    host = plan(web, keep_days=1)
    web.now += 600
    web.delete("/api/spaces/evening", token=host)
    later = web.engine.data.recordings / "evening-2027-01-16T08-00-00Z.opus"
    later.write_bytes(b"x")
    assert not is_kept(web, days=0, after=9)
    assert later.exists()


def test_what_still_grows_stays(web):
    space = web.engine.create_space("running")
    Path(space.recording).write_bytes(b"")
    web.now = BEGAN + 1e9
    trio.run(Retention(web.desk, 1.0).expire)
    assert web.engine.space("running").recording
    assert [path.name for path in web.engine.data.recordings.glob("running-*.opus")]


def test_while_the_books_cannot_be_read_the_nodes_word_counts_alone(web, monkeypatch):
    plan(web, keep_days=1)

    async def fail(*args: Callable[..., object]) -> None:
        raise StoreError("away")

    monkeypatch.setattr(web.desk.office.backplane, "find_at", fail)
    assert is_kept(web, days=30, after=29)
    assert not is_kept(web, days=30, after=31)
