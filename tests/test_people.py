"""People over HTTP: an evening with hands, links, promotions and a block, and who is refused."""

import icalendar
import pytest
from structlog.testing import capture_logs

from offers import LISTEN, SPEAK
from spacescore.admission import cohort_of
from spacescore.clients import Proxies
from spacescore.errors import StoreError
from spacescore.policy import Grant, Role
from spacescore.tokens import KeyRing
from virtual_peer import listen_by_ticket, wait_for
from web_client import OPERATOR_KEY, Web, problem

ONE = "/api/spaces/demo"


@pytest.fixture
def web(engine) -> Web:
    return Web(engine)


def create(web: Web, **fields) -> str:
    """Open a space; return its host's token."""
    response = web.post("/api/spaces", token=OPERATOR_KEY, json={"space": "demo", **fields})
    assert response.status_code == 201, response.text
    return response.json()["host_token"]


def introduce(web: Web, name: str) -> dict:
    return web.post(f"{ONE}/people", json={"name": name}).json()


def speak(web: Web, token: str):
    headers = {"Content-Type": "application/sdp"}
    return web.post("/whip/demo", token=token, content=SPEAK, headers=headers)


def test_whoever_has_work_to_do_is_in_the_cohort_that_a_paced_door_lets_in_first(web):
    host = create(web)
    bodies = [{"role": role} for role in ("cohost", "speaker")]
    bodies.append({"role": "listener", "first": True})  # of the press
    for body in bodies:
        token = web.post(f"{ONE}/tokens", token=host, json=body).json()
        assert cohort_of(token["peer"]) == 0, body
    link = web.post(f"{ONE}/links", token=host, json={"role": "speaker"}).json()
    code = link["link"].rpartition("=")[2]
    assert cohort_of(web.post(f"{ONE}/links/use", json={"code": code}).json()["peer"]) == 0
    assert cohort_of(web.desk.keys.verify(host, now=web.desk.clock()).peer) == 0
    crowd = [web.post(f"{ONE}/tokens", token=host, json={"role": "listener"}) for _ in range(8)]
    assert max(cohort_of(each.json()["peer"]) for each in crowd) > 0


@pytest.mark.parametrize("role", ["speaker", "listener"])
def test_whether_somebody_is_first_is_said_by_true_or_false(web, role):
    asked = {"role": role, "first": "yes"}
    refused = web.post(f"{ONE}/tokens", token=create(web), json=asked)
    assert problem(refused) == (400, "invalid-request")


def test_some_of_those_who_listen_are_shown_by_name_while_they_are_there(web):
    host, eve = create(web), introduce(web, "Eve")
    ticket = web.get(f"{ONE}/ticket").json()
    crowd = [listen_by_ticket(ticket).connected() for _ in range(2)]

    def shown() -> list[dict]:
        web.desk.kept.clear()
        return web.get(f"{ONE}/state.json").json()["sample"]

    wait_for(lambda: web.engine.stats("demo").listeners == 2)
    web.request("PUT", f"{ONE}/hand", token=eve["token"])
    assert shown() == [], "nothing was heard of her page yet"
    web.get(f"{ONE}/me", token=eve["token"])
    assert shown() == [{"peer": eve["peer"], "name": "Eve"}]
    web.request("PATCH", ONE, token=host, json={"show_names": False})
    assert shown() == []
    web.request("PATCH", ONE, token=host, json={"show_names": True})
    web.post(f"{ONE}/people/{eve['peer']}/block", token=host, json={})
    assert web.get(f"{ONE}/me", token=eve["token"]).status_code == 403
    assert shown() == []
    for listener in crowd:
        listener.leave()


def test_who_waits_is_called_when_something_is_decided_about_them(web):
    host, eve = create(web), introduce(web, "Eve")
    called = lambda: web.get(f"{ONE}/state.json").json()["called"]  # noqa: E731
    web.request("PUT", f"{ONE}/hand", token=eve["token"])
    web.delete(f"{ONE}/hand", token=eve["token"])
    assert called() == []
    web.post(f"{ONE}/people/{eve['peer']}/offer", token=host)
    assert called() == [eve["peer"]]
    web.post(f"{ONE}/offer", token=eve["token"], json={"accept": False})
    assert called() == []
    web.delete(f"{ONE}/speakers/{eve['peer']}", token=host)
    assert called() == [eve["peer"]]


def test_a_listener_asks_is_let_on_stage_and_steps_down(web):
    host, eve = create(web), introduce(web, "Eve")
    assert problem(speak(web, eve["token"])) == (403, "forbidden")
    me = web.request("PUT", f"{ONE}/hand", token=eve["token"]).json()
    assert (me["hand"], me["role"]) == (1, "listener")
    queue = web.get(f"{ONE}/people", token=host).json()["hands"]
    assert [(who["name"], who["peer"]) for who in queue] == [("Eve", eve["peer"])]
    assert web.get(f"{ONE}/state.json").json()["hands"] == 1
    shown = web.post(f"{ONE}/people/{eve['peer']}/offer", token=host)
    assert (shown.json()["role"], shown.json()["on_stage"]) == ("speaker", True)
    assert speak(web, eve["token"]).status_code == 201  # with the listener's token they have
    role = web.request(
        "PUT", f"{ONE}/people/{eve['peer']}/role", token=eve["token"], json={"role": "listener"}
    )
    assert role.json()["role"] == "listener"
    assert problem(speak(web, eve["token"])) == (403, "forbidden")


def test_an_invitation_to_speak_is_answered(web):
    host, eve = create(web), introduce(web, "Eve")
    web.request("PUT", f"{ONE}/hand", token=eve["token"])
    web.delete(f"{ONE}/hand", token=eve["token"])
    web.post(f"{ONE}/people/{eve['peer']}/offer", token=host)
    assert web.get(f"{ONE}/me", token=eve["token"]).json()["offered"] is True
    me = web.post(f"{ONE}/offer", token=eve["token"], json={"accept": True}).json()
    assert (me["role"], me["on_stage"]) == ("speaker", True)
    again = web.post(f"{ONE}/offer", token=eve["token"], json={"accept": True})
    assert problem(again) == (403, "forbidden")  # a speaker has nothing to accept


def test_a_block_survives_every_return(web):
    host = create(web, open_stage=True)
    mallory = web.post(f"{ONE}/stage", json={"name": "Mallory"}).json()
    assert speak(web, mallory["token"]).status_code == 201
    blocked = web.post(f"{ONE}/people/{mallory['peer']}/block", token=host, json={})
    assert blocked.status_code == 204
    assert problem(speak(web, mallory["token"])) == (403, "blocked")
    for path in ("stage", "people"):  # another name, the same identity
        again = web.post(f"{ONE}/{path}", token=mallory["token"], json={"name": "Nice"})
        assert problem(again) == (403, "blocked")
    known = web.get(f"{ONE}/people", token=host).json()["blocked"]
    assert [who["name"] for who in known] == ["Mallory"]
    path = f"{ONE}/blocked/{known[0]['identity'].replace('#', '%23')}"
    assert web.delete(path, token=host).status_code == 204
    assert web.get(f"{ONE}/people", token=host).json()["blocked"] == []


def test_a_removal_is_not_shaken_off_by_a_token_that_was_drawn_beforehand(web):
    host = create(web, visibility="invite")
    given = web.post(f"{ONE}/tokens", token=host, json={"role": "listener", "name": "Joe"}).json()
    drawn = web.post(f"{ONE}/people", token=given["token"], json={"name": "Joe"}).json()
    further = web.post(f"{ONE}/people", token=drawn["token"], json={"name": "Jo"}).json()
    web.request("PUT", f"{ONE}/hand", token=given["token"])
    assert web.delete(f"{ONE}/speakers/{given['peer']}", token=host).status_code == 204
    for held in (given, drawn, further):
        assert problem(web.get(f"{ONE}/ticket", token=held["token"])) == (403, "removed")
        refused = web.post(f"{ONE}/people", token=held["token"], json={"name": "x"})
        assert problem(refused) == (403, "removed")
    again = web.post(f"{ONE}/tokens", token=host, json={"role": "listener", "name": "Joe"}).json()
    assert web.get(f"{ONE}/ticket", token=again["token"]).status_code == 200


@pytest.mark.parametrize("how", ["block", "remove"])
def test_who_is_sent_away_hears_nothing_by_any_of_their_tokens(web, how):
    host = create(web, visibility="invite")
    wanted = {"role": "listener", "name": "Joe"}
    joe, other = (web.post(f"{ONE}/tokens", token=host, json=wanted).json() for _ in range(2))
    drawn = web.post(f"{ONE}/people", token=joe["token"], json={"name": "Joe"}).json()
    web.request("PUT", f"{ONE}/hand", token=joe["token"])  # the books know nobody else of them
    tickets = [web.get(f"{ONE}/ticket", token=one["token"]).json() for one in (other, drawn, drawn)]
    others, his = (listen_by_ticket(one).connected() for one in tickets[:2])

    def online() -> list[int]:
        wait_for(lambda: len(web.engine.online("demo")) == web.engine.stats("demo").listeners)
        return sorted(web.engine.online("demo"))

    wait_for(lambda: online() == sorted([other["peer"], drawn["peer"]]))
    if how == "block":
        web.post(f"{ONE}/people/{joe['peer']}/block", token=host, json={})
    else:
        web.delete(f"{ONE}/speakers/{joe['peer']}", token=host)
    wait_for(lambda: online() == [other["peer"]])
    late = listen_by_ticket(tickets[2]).connected()
    wait_for(lambda: online() == [other["peer"]])
    for each in (others, his, late):
        each.leave()


def test_a_link_for_one_opens_once(web):
    host = create(web)
    made = web.post(f"{ONE}/links", token=host, json={"name": "Grace", "ttl": 60}).json()
    assert made["link"] == f"http://rooms.test/s/demo#invite={made['code']}"
    used = web.post(f"{ONE}/links/use", json={"code": made["code"], "name": "x"})
    assert (used.status_code, used.json()["name"]) == (201, "Grace")
    assert speak(web, used.json()["token"]).status_code == 201
    replayed = web.post(f"{ONE}/links/use", json={"code": made["code"]})
    assert problem(replayed) == (403, "forbidden")
    assert problem(web.post(f"{ONE}/links/use", json={"code": "x"})) == (403, "forbidden")
    links = web.get(f"{ONE}/people", token=host).json()["links"]
    assert [(link["used"], link["uses"]) for link in links] == [(1, 1)]
    assert made["code"] not in str(links)
    assert web.delete(f"{ONE}/links/{made['id']}", token=host).status_code == 204


def test_the_host_is_handed_over_and_cannot_take_it_back(web):
    host = create(web)
    ada = web.post(f"{ONE}/tokens", token=host, json={"name": "Ada"}).json()
    speak(web, ada["token"])
    done = web.request("PUT", f"{ONE}/host", token=host, json={"peer": ada["peer"]})
    assert done.json()["role"] == "host"
    assert web.get(f"{ONE}/me", token=host).json()["role"] == "cohost"
    assert problem(web.delete(ONE, token=host)) == (403, "forbidden")
    assert web.delete(ONE, token=ada["token"]).status_code == 204


def test_everybody_is_muted_at_once(web):
    host = create(web)
    ada = web.post(f"{ONE}/tokens", token=host, json={"name": "Ada"}).json()
    speak(web, ada["token"])
    assert web.post(f"{ONE}/mute", token=host).json() == {"muted": [ada["peer"]]}
    assert problem(web.post(f"{ONE}/mute", token=ada["token"])) == (403, "forbidden")


def test_the_stage_is_full_at_its_limit(web):
    host = create(web, max_speakers=1)
    ada, bob = (web.post(f"{ONE}/tokens", token=host, json={}).json() for _ in range(2))
    assert speak(web, ada["token"]).status_code == 201
    assert problem(speak(web, bob["token"])) == (409, "stage-full")


def test_no_host_makes_a_host_and_no_cohost_a_cohost(web):
    host = create(web)
    for path in ("tokens", "links"):
        refused = web.post(f"{ONE}/{path}", token=host, json={"role": "host"})
        assert problem(refused) == (403, "forbidden")
    cohost = web.post(f"{ONE}/tokens", token=host, json={"role": "cohost"}).json()["token"]
    for path in ("tokens", "links"):
        refused = web.post(f"{ONE}/{path}", token=cohost, json={"role": "cohost"})
        assert problem(refused) == (403, "forbidden")


# How long tokens are good.


DAY = 86_400


@pytest.fixture
def night(web):
    """Set the time, to so many seconds from now."""
    began = web.desk.clock()

    def at(seconds: float) -> None:
        web.desk.clock = web.desk.office.clock = lambda: began + seconds

    at(0)
    return at


def starts_in(web: Web, seconds: float) -> int:
    return int(web.desk.clock() + seconds)


@pytest.mark.parametrize("days", [7, 40, 360])
def test_who_was_invited_long_before_comes_in_on_the_night(web, night, days):
    host = create(web, starts=starts_in(web, days * DAY))
    ada = web.post(f"{ONE}/tokens", token=host, json={"role": "speaker"}).json()
    brief = web.post(f"{ONE}/tokens", token=host, json={"role": "speaker", "ttl": 600}).json()
    code = web.post(f"{ONE}/links", token=host, json={}).json()["code"]
    night(days * DAY + 300)
    assert web.post(f"{ONE}/open", token=host).status_code == 200
    assert speak(web, ada["token"]).status_code == 201
    assert speak(web, brief["token"]).status_code == 201
    assert web.post(f"{ONE}/links/use", json={"code": code}).status_code == 201
    night(days * DAY + 700)
    assert problem(web.get(f"{ONE}/me", token=brief["token"])) == (401, "unauthenticated")
    night(days * DAY + DAY / 2)
    assert web.get(f"{ONE}/me", token=ada["token"]).json()["role"] == "speaker"


def test_a_draft_is_opened_days_later_and_a_space_at_another_time(web, night):
    draft = create(web, draft=True)
    night(20 * DAY)
    assert web.post(f"{ONE}/open", token=draft).status_code == 200
    web.delete(ONE, token=draft)
    moved = create(web, starts=starts_in(web, DAY))
    ada = web.post(f"{ONE}/tokens", token=moved, json={"role": "speaker"}).json()
    changes = {"starts": starts_in(web, 8 * DAY)}
    assert web.request("PATCH", ONE, token=moved, json=changes).status_code == 200
    night(28 * DAY)
    assert web.post(f"{ONE}/open", token=moved).status_code == 200
    assert speak(web, ada["token"]).status_code == 201


def test_a_listener_who_was_handed_the_space_keeps_it_while_their_page_is_open(web, night):
    host = create(web)
    speak(web, host)
    joe = introduce(web, "Joe")
    web.request("PUT", f"{ONE}/hand", token=joe["token"])
    web.post(f"{ONE}/people/{joe['peer']}/offer", token=host)
    web.request("PUT", f"{ONE}/host", token=host, json={"peer": joe["peer"]})
    token = joe["token"]
    for hours in range(0, 60, 4):
        night(hours * 3_600)
        me = web.get(f"{ONE}/me", token=token).json()
        token = me.get("token", token)
        assert me["expires"] == web.desk.keys.verify(token, now=web.desk.clock()).expires
    assert token != joe["token"]
    assert web.post(f"{ONE}/mute", token=token).status_code == 200
    assert web.delete(ONE, token=token).status_code == 204


def test_every_token_comes_with_its_end(web):
    planned = {"space": "demo", "starts": starts_in(web, DAY)}
    made = web.post("/api/spaces", token=OPERATOR_KEY, json=planned).json()
    host, now = made["host_token"], web.desk.clock()
    given = web.post(f"{ONE}/tokens", token=host, json={}).json()
    for token, expires in ((host, made["host_expires"]), (given["token"], given["expires"])):
        assert web.desk.keys.verify(token, now=now).expires == expires
        assert web.get(f"{ONE}/me", token=token).json()["expires"] == expires


# A planned space.


def test_a_planned_space_counts_down_shows_itself_to_calendars_and_opens(web):
    starts = int(web.desk.clock()) + 3600
    about = "Bring questions; and, well, \\ time.\n" + "Ö" * 100
    host = create(web, starts=starts, title="Launch; day", description=about, topics=["a,b"])
    state = web.get(f"{ONE}/state.json").json()
    assert (state["phase"], state["starts"]) == ("planned", starts)
    assert 3590 < state["starts_in"] <= 3600
    assert web.get("/s/demo").status_code == 200
    assert [one["space"] for one in web.get("/api/spaces").json()["upcoming"]] == ["demo"]
    response = web.get(f"{ONE}/calendar.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert all(len(line.encode()) <= 75 for line in response.text.split("\r\n"))
    (event,) = icalendar.Calendar.from_ical(response.text).walk("VEVENT")
    assert int(event.decoded("DTSTART").timestamp()) == starts
    assert event["SUMMARY"] == "Launch; day"
    assert about.strip() in event["DESCRIPTION"]
    assert problem(web.get(f"{ONE}/ticket")) == (404, "unknown-space")
    assert web.post(f"{ONE}/open", token=host).json()["phase"] == "open"
    assert web.get(f"{ONE}/ticket").status_code == 200


def test_a_space_is_edited_by_those_who_keep_it(web):
    host = create(web)
    changed = web.request("PATCH", ONE, token=host, json={"title": "New", "language": "de"})
    assert (changed.json()["title"], changed.json()["language"]) == ("New", "de")
    assert web.get(f"{ONE}/state.json").json()["title"] == "New"
    for wrong in ({"topics": [5]}, {"visibility": "secret"}, {"max_speakers": 0}, {"starts": "x"}):
        refused = web.request("PATCH", ONE, token=host, json=wrong)
        assert problem(refused) == (400, "invalid-request")
    eve = introduce(web, "Eve")["token"]
    assert problem(web.request("PATCH", ONE, token=eve, json={}))[0] == 403


def test_the_state_is_not_sent_again_when_it_is_known(web):
    create(web)
    begin = web.desk.clock()
    web.desk.clock = web.desk.office.clock = lambda: begin
    first = web.get(f"{ONE}/state.json")
    known = {"If-None-Match": first.headers["etag"]}
    web.desk.clock = web.desk.office.clock = lambda: begin + 20
    again = web.get(f"{ONE}/state.json", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert web.get(f"{ONE}/state.json").json()["time"] == int(begin + 20)
    assert len(first.content) < 500
    web.request("PATCH", ONE, token=OPERATOR_KEY, json={"title": "Another"})
    assert web.get(f"{ONE}/state.json", headers=known).status_code == 200


def test_a_countdown_alone_is_no_news(web):
    begin = web.desk.clock()
    web.desk.clock = web.desk.office.clock = lambda: begin
    create(web, starts=int(begin) + 7_200)
    first = web.get(f"{ONE}/state.json")
    web.desk.clock = web.desk.office.clock = lambda: begin + 20
    again = web.get(f"{ONE}/state.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    left = [answer.json()["starts_in"] for answer in (first, web.get(f"{ONE}/state.json"))]
    assert left[0] - left[1] == 20


# By invitation.


def test_a_space_by_invitation_shows_itself_to_nobody_without_a_token(web):
    host = create(web, visibility="invite")
    assert web.get("/api/spaces").json()["spaces"] == []
    for path in ("", "/state.json", "/ticket"):
        assert problem(web.get(f"{ONE}{path}")) == (401, "unauthenticated")
    headers = {"Content-Type": "application/sdp"}
    assert problem(web.post("/whep/demo", content=LISTEN, headers=headers))[0] == 401
    guest = web.post(f"{ONE}/tokens", token=host, json={"role": "listener"}).json()["token"]
    own = web.get(f"{ONE}/ticket", token=guest)
    assert own.headers["cache-control"] == "no-store"
    assert own.json()["ticket"] != web.get(f"{ONE}/ticket", token=host).json()["ticket"]
    heard = web.post("/whep/demo", token=guest, content=LISTEN, headers=headers)
    assert heard.status_code == 201


def test_a_space_that_becomes_by_invitation_is_closed_to_whoever_has_none(web):
    host = create(web)
    given = web.post(f"{ONE}/tokens", token=host, json={"role": "listener"}).json()
    everybodys = web.get(f"{ONE}/ticket").json()
    stranger = listen_by_ticket(everybodys).connected()
    headers = {"Content-Type": "application/sdp"}
    key = web.post("/whep/demo", content=LISTEN, headers=headers).headers["Location"]
    assert web.request("PATCH", ONE, token=host, json={"visibility": "invite"}).status_code == 200
    wait_for(lambda: web.engine.stats("demo").listeners == 0)
    assert problem(web.delete(key)) == (404, "unknown-session")
    friend = listen_by_ticket(web.get(f"{ONE}/ticket", token=given["token"]).json()).connected()
    again = listen_by_ticket(everybodys)
    wait_for(lambda: web.engine.counters()["dropped_not_invited"])
    assert web.engine.stats("demo").listeners == 1
    web.request("PATCH", ONE, token=host, json={"visibility": "unlisted"})
    again.connected()
    for each in (stranger, friend, again):
        each.leave()


def test_a_ticket_of_an_earlier_space_opens_none_by_invitation(web):
    host = create(web)
    everybodys = web.get(f"{ONE}/ticket").json()
    web.delete(ONE, token=host)
    create(web, visibility="invite")
    listener = listen_by_ticket(everybodys)
    wait_for(lambda: web.engine.counters()["dropped_not_invited"])
    listener.leave()


def test_an_unlisted_space_is_open_to_who_knows_it(web):
    create(web, visibility="unlisted")
    assert web.get("/api/spaces").json()["spaces"] == []
    assert web.get(f"{ONE}/ticket").status_code == 200


def test_an_introduction_needs_an_invitation_too(web):
    create(web, visibility="invite")
    assert problem(web.post(f"{ONE}/people", json={"name": "x"})) == (401, "unauthenticated")


# Tokens that will not do.


def test_forged_expired_and_foreign_tokens_open_nothing(web):
    create(web)
    now = int(web.desk.clock())
    grant = Grant("demo", Role.HOST, 9, "x", now + 60)
    forged = KeyRing(["another operator's key"]).issue(grant, now=now)
    expired = web.keys.issue(Grant("demo", Role.HOST, 9, "x", now - 60), now=now - 120)
    for token in (forged, expired, "e30.e30.", forged[:-2]):
        assert problem(web.delete(ONE, token=token)) == (401, "unauthenticated")
        assert problem(web.request("PUT", f"{ONE}/hand", token=token))[0] == 401
    mute = Grant("demo", Role.SPEAKER, 10, "x", now + 60, can_publish=False)
    assert problem(speak(web, web.keys.issue(mute, now=now))) == (403, "forbidden")


def test_acts_are_logged_with_who_did_them_and_without_secrets(web):
    with capture_logs() as logs:
        host = create(web)
        made = web.post(f"{ONE}/links", token=host, json={}).json()
        web.post(f"{ONE}/links/use", json={"code": made["code"]})
        eve = introduce(web, "Eve")
        web.request("PUT", f"{ONE}/hand", token=eve["token"])
    events = [line["event"] for line in logs]
    assert events == ["created", "host named", "opened", "link made", "link used", "hand raised"]
    for secret in (OPERATOR_KEY, host, made["code"], eve["token"]):
        assert secret not in str(logs)


def test_the_operator_is_nobody_in_a_space(web):
    create(web)
    assert problem(web.get(f"{ONE}/me", token=OPERATOR_KEY)) == (401, "unauthenticated")
    assert problem(web.request("PUT", f"{ONE}/hand", token=OPERATOR_KEY)) == (403, "forbidden")


def test_who_acts_faster_than_people_do_is_slowed_down_and_nobody_else(web):
    create(web)
    now = web.desk.clock()
    web.desk.clock = lambda: now
    eve, joe = introduce(web, "Eve"), introduce(web, "Joe")
    for _ in range(10):
        web.request("PUT", f"{ONE}/hand", token=eve["token"])
        web.delete(f"{ONE}/hand", token=eve["token"])
    response = web.request("PUT", f"{ONE}/hand", token=eve["token"])
    assert problem(response) == (429, "too-many-requests")
    assert response.headers["retry-after"] == "1"
    assert web.request("PUT", f"{ONE}/hand", token=joe["token"]).status_code == 200


def test_a_store_that_refuses_is_a_clear_503_and_the_state_is_still_told(web, monkeypatch):
    host = create(web)

    def fail(*args):
        raise StoreError("Nothing can be stored now (disk full); please try again.")

    for name in ("append", "living"):
        monkeypatch.setattr(web.desk.office.backplane.store, name, fail)
    refused = web.delete(ONE, token=host)
    assert problem(refused) == (503, "not-stored")
    assert "retry-after" in refused.headers
    web.desk.office._looked = 0.0
    assert web.get(f"{ONE}/state.json").json()["phase"] == "open"
    assert web.get(f"{ONE}/ticket").status_code == 200


def test_an_identity_of_another_backend_may_have_slashes_and_is_found(web):
    answer = web.delete(f"{ONE}/blocked/org%2Falice", token=OPERATOR_KEY)
    assert problem(answer)[1] != "http"  # a route there is; nobody of that name is blocked


def test_pinned_links_are_shown_to_everybody(web):
    host = create(web)
    pins = [{"title": "Slides", "url": "https://example.org/slides"}]
    done = web.request("PUT", f"{ONE}/pins", token=host, json={"pins": pins})
    assert (done.status_code, done.json()) == (200, {"pins": pins})
    for body in ({"pins": [{"url": "http://x"}]}, {"pins": "x"}, {"pins": ["x"]}, {}):
        refused = web.request("PUT", f"{ONE}/pins", token=host, json=body)
        assert problem(refused) == (400, "invalid-request")
    assert web.get(f"{ONE}/state.json").json()["pins"] == pins
    assert problem(web.request("PUT", f"{ONE}/pins", json={"pins": []})) == (401, "unauthenticated")


def test_who_was_blocked_does_not_come_back_as_a_stranger_with_another_name(engine):
    web = Web(engine, proxies=Proxies(["127.0.0.1"]))
    host = create(web, open_stage=True)

    def come(address: str, token: str = "", door: str = "stage"):
        headers = {"X-Forwarded-For": address}
        return web.post(f"{ONE}/{door}", json={"name": "X"}, headers=headers, token=token)

    troll, friend = come("198.51.100.1").json(), come("198.51.100.1").json()
    web.request("PUT", f"{ONE}/hand", token=troll["token"])
    speak(web, troll["token"])
    blocked = web.post(f"{ONE}/people/{troll['peer']}/block", token=host, json={})
    assert blocked.status_code == 204
    for door in ("stage", "people"):
        assert problem(come("198.51.100.1", door=door))[0] == 403
    assert come("198.51.100.1", token=friend["token"]).status_code == 201
    assert come("198.51.100.2").status_code == 201
    assert web.get("/api/spaces/demo/ticket").status_code == 200
    later = web.desk.clock() + 3_601
    web.desk.clock = lambda: later
    assert come("198.51.100.1").status_code == 201


def shunned(engine) -> tuple[Web, str, int]:
    """A space whose host has blocked somebody on an open stage: the host's token, and whom."""
    web = Web(engine)
    host = create(web, open_stage=True)
    troll = introduce(web, "Troll")
    web.request("PUT", f"{ONE}/hand", token=troll["token"])
    web.post(f"{ONE}/people/{troll['peer']}/block", token=host, json={})
    assert problem(web.post(f"{ONE}/stage", json={}))[0] == 403
    return web, host, troll["peer"]


def test_to_unblock_somebody_is_to_unblock_their_network(engine):
    web, host, peer = shunned(engine)
    identity = f"%23{peer}"
    assert web.delete(f"{ONE}/blocked/{identity}", token=host).status_code == 204
    assert web.post(f"{ONE}/stage", json={}).status_code == 201


def test_who_was_blocked_is_no_reason_to_shun_their_network_in_the_next_space_of_that_name(engine):
    web, host, _ = shunned(engine)
    web.delete(ONE, token=host)
    create(web, open_stage=True)
    assert web.post(f"{ONE}/stage", json={}).status_code == 201
