"""The audit log over HTTP: who may read it, page by page, and how long it is kept."""

import pytest

from spacescore.errors import ForbiddenError
from spacescore.rooms.acts import Act, Party
from spacescore.rooms.commands import Remove
from test_office import EVE, HOST, office_on, on_paper, open_demo
from web_client import OPERATOR_KEY, Web, problem

ONE = "/api/spaces/demo"


@pytest.fixture
def web(engine) -> Web:
    return Web(engine)


def create(web: Web, space: str = "demo") -> str:
    made = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": space})
    return made.json()["host_token"]


def acts(web: Web, token: str, path: str = f"{ONE}/audit") -> list[str]:
    answer = web.get(path, token=token)
    assert answer.headers["cache-control"] == "no-store"
    return [act["act"] for act in answer.json()["acts"]]


def test_hosts_read_what_was_done_in_their_space_and_the_operator_all_of_it(web):
    host, other = create(web), create(web, "other")
    eve = web.post(f"{ONE}/people", json={"name": "Eve"}).json()
    web.request("PUT", f"{ONE}/hand", token=eve["token"])
    web.post(f"{ONE}/people/{eve['peer']}/block", token=host, json={})
    assert acts(web, host)[:2] == ["person.removed", "person.blocked"]
    blocked = web.get(f"{ONE}/audit", token=host).json()["acts"][1]
    assert blocked["by"]["name"] == "Host"
    assert blocked["whom"] == {"identity": f"#{eve['peer']}", "name": "Eve", "peer": 0}
    assert (blocked["space"], blocked["outcome"]) == ("demo", "done")
    assert set(acts(web, other, "/api/spaces/other/audit")) == {
        *("space.planned", "host.named", "space.opened")
    }
    assert "person.blocked" in acts(web, OPERATOR_KEY, "/api/audit")
    for token in (host, eve["token"]):
        assert problem(web.get("/api/audit", token=token)) == (403, "forbidden")
    assert problem(web.get(f"{ONE}/audit", token=eve["token"])) == (403, "blocked")
    assert problem(web.get(f"{ONE}/audit", token=other)) == (403, "forbidden")
    assert problem(web.get(f"{ONE}/audit")) == (401, "unauthenticated")


def test_the_log_is_read_page_by_page_and_outlives_the_space(web):
    host = create(web)
    for number in range(5):
        web.request("PATCH", ONE, token=host, json={"title": f"Title {number}"})
    web.delete(ONE, token=host)
    seen, before = [], ""
    while before is not None:
        page = web.get(f"{ONE}/audit?limit=3&before={before}", token=host).json()
        seen += [act["act"] for act in page["acts"]]
        before = page["before"]
    assert seen == [
        "space.ended",
        *["space.edited"] * 5,
        "space.opened",
        "host.named",
        "space.planned",
    ]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=", "before=%20", "before=" + 65 * "a"]
)
def test_a_page_that_is_none_is_refused(web, query):
    assert problem(web.get(f"/api/audit?{query}", token=OPERATOR_KEY)) == (400, "invalid-request")


def test_tokens_and_doors_are_audited_as_well(web):
    host = create(web)
    web.post(f"{ONE}/tokens", token=host, json={"role": "speaker", "name": "Ada"})
    web.request("PUT", f"{ONE}/admission", token=host, json={"mode": "closed"})
    door, token = web.get(f"{ONE}/audit?limit=2", token=host).json()["acts"]
    assert (door["act"], door["detail"]) == ("door.kept", {"mode": "closed", "seconds": 0.0})
    assert (token["act"], token["whom"]["name"], token["detail"]["role"]) == (
        "token.given",
        "Ada",
        "speaker",
    )


def test_what_was_refused_is_audited_but_not_a_hundred_times(engine):
    async def main() -> list[Act]:
        office = office_on(engine)
        await open_demo(office)
        for _ in range(100):
            with pytest.raises(ForbiddenError):
                await office.do("demo", Remove(HOST.peer), EVE)
        return await office.backplane.ask(lambda store: store.audit.page(None, "", 100))

    found = [act for act in on_paper(main) if act.what == "command.refused"]
    assert len(found) == 5
    assert found[0].by == Party(EVE.who, EVE.name, EVE.peer)
    assert found[0].detail == {"command": "remove"}
    assert "does not allow" in found[0].outcome
