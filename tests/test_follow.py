"""The feed of a space: who hears what over a WebSocket, how often, and how it ends."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import trio
import trio.testing

from spacescore.feed import MAX_OF_ONE, PACE_SECONDS
from spacescore.follow import GREETING_SECONDS, MAX_HANDS_SHOWN, STILL_SECONDS
from spacescore.limits import Limit
from spacescore.policy import OPERATOR, Grant, Role
from spacescore.rooms.commands import (
    Block,
    End,
    EnterStage,
    GiveRole,
    Open,
    PinLinks,
    RaiseHand,
)
from spacescore.rooms.facts import Details, Pin
from web_client import OPERATOR_KEY, Web


class Follower:
    """A client of the ASGI application, by its messages."""

    def __init__(self, web: Web, token: Any, space: str = "demo") -> None:
        self._web, self._space = web, space
        first = token if isinstance(token, str) else json.dumps({"token": token[0]})
        self._say, self._hear = trio.open_memory_channel[dict](100)
        self._say.send_nowait({"type": "websocket.connect"})
        if token != "":
            self.say(first)
        self.heard: list[tuple[float, dict]] = []
        self.code = 0
        self.blocked = False

    def say(self, text: str) -> None:
        self._say.send_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self._say.send_nowait({"type": "websocket.disconnect", "code": 1000})

    async def run(self) -> None:
        scope = {
            "type": "websocket",
            "path": f"/live/{self._space}",
            "query_string": b"",
            "headers": [(b"host", b"rooms.test")],
            "client": ("198.51.100.1", 5),
            "subprotocols": [],
        }
        await self._web.app(scope, self._hear.receive, self._send)

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            if self.blocked:
                await trio.sleep_forever()
            self.heard.append((trio.current_time(), json.loads(message["text"])))
        elif message["type"] == "websocket.close":
            self.code = message["code"]

    @property
    def rooms(self) -> list[dict]:
        return [message["room"] for _, message in self.heard if message["type"] == "room"]


class Scene:
    """An application on a clock that jumps, with a space and some people."""

    def __init__(self, engine) -> None:
        self.web = Web(engine)
        self.office = self.web.desk.office
        start = self.web.desk.clock()
        self.office.clock = self.web.desk.clock = lambda: start + self._passed()
        self.people = {
            role: Grant("demo", role, n, f"{role} {n}", int(start) + 9_000, issued=start)
            for n, role in enumerate(Role, 1)
        }

    def _passed(self) -> float:
        try:
            return trio.current_time()
        except RuntimeError:
            return 0.0

    def follower(self, role: Role) -> Follower:
        return Follower(self.web, (self.web.token_of(self.people[role]),))

    def play(self, main: Callable[[trio.Nursery], Awaitable[None]]) -> None:
        async def run() -> None:
            host = self.people[Role.HOST]
            await self.office.create("demo", Details("Demo", record=False), OPERATOR, host=host)
            await self.office.do("demo", Open(), OPERATOR)
            async with trio.open_nursery() as nursery:
                await main(nursery)
                nursery.cancel_scope.cancel()

        trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.fixture
def scene(engine) -> Scene:
    return Scene(engine)


def test_a_host_hears_the_room_at_once_and_what_changes_in_it(scene):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await trio.sleep(5)
        assert len(host.rooms) == 1
        await scene.office.do("demo", RaiseHand(), scene.people[Role.LISTENER])
        await trio.sleep(0.1)
        at, message = host.heard[-1]
        assert at == pytest.approx(5, abs=0.2)
        assert [who["name"] for who in message["room"]["queue"]] == ["listener 1"]
        (who,) = message["room"]["queue"]
        assert who["since"] == pytest.approx(scene.web.desk.clock(), abs=2)
        assert who["muted"] is False
        assert message["version"] > host.heard[0][1]["version"]
        await scene.office.do("demo", PinLinks((Pin("x", "https://example.org"),)), OPERATOR)
        await trio.sleep(2)
        assert host.rooms[-1]["pins"] == [{"title": "x", "url": "https://example.org"}]

    scene.play(main)


def test_speakers_hear_no_more_than_everybody_but_at_once(scene):
    async def main(nursery) -> None:
        speaker = scene.follower(Role.SPEAKER)
        nursery.start_soon(speaker.run)
        await trio.sleep(5)
        await scene.office.do("demo", RaiseHand(), scene.people[Role.LISTENER])
        await trio.sleep(2)
        assert speaker.rooms[-1]["hands"] == 1
        assert not {"queue", "offers", "seats"} & speaker.rooms[-1].keys()
        assert not {"time", "called", "pace"} & speaker.rooms[-1].keys(), "they need not ask"

    scene.play(main)


def test_however_much_happens_there_is_one_message_a_second(scene):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        for number in range(100):
            await trio.sleep(0.1)
            pin = Pin(str(number), "https://example.org")
            await scene.office.do("demo", PinLinks((pin,)), OPERATOR)
        await trio.sleep(2)
        times = [at for at, _ in host.heard]
        assert len(times) <= 13
        assert all(b - a >= PACE_SECONDS - 1e-6 for a, b in pairwise(times))
        assert host.rooms[-1]["pins"][0]["title"] == "99"

    scene.play(main)


def test_all_who_follow_hear_the_same_and_it_is_made_once(scene, monkeypatch):
    from spacescore import follow

    made, real = [], follow.shown_room

    async def counted(*arguments):
        made.append(trio.current_time())
        return await real(*arguments)

    monkeypatch.setattr(follow, "shown_room", counted)

    async def main(nursery) -> None:
        followers = [scene.follower(role) for role in (Role.HOST, Role.COHOST)]
        followers += [Follower(scene.web, (OPERATOR_KEY,)) for _ in range(MAX_OF_ONE)]
        for one in followers:
            nursery.start_soon(one.run)
            await trio.sleep(0.13)
        for number in range(30):
            await trio.sleep(0.37)
            pin = Pin(str(number), "https://example.org")
            await scene.office.do("demo", PinLinks((pin,)), OPERATOR)
        await trio.sleep(3)
        assert {one.rooms[-1]["pins"][0]["title"] for one in followers} == {"29"}
        assert len(made) <= trio.current_time() + 2

    scene.play(main)


def test_a_room_that_is_still_says_so_now_and_then(scene):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await trio.sleep(3 * STILL_SECONDS + 3)
        assert [message["type"] for _, message in host.heard] == ["room", *["still"] * 3]

    scene.play(main)


def test_a_host_hears_that_the_node_goes_away(scene):
    from spacescore.drain import Farewell

    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await trio.sleep(2)
        scene.web.desk.farewell = Farewell(scene.web.desk.clock() + 60, "https://b.example")
        await trio.sleep(3)
        assert host.rooms[-1]["moving"]["to"] == "https://b.example/s/demo"

    scene.play(main)


def test_who_has_the_word_is_told_while_they_are_there(scene, monkeypatch):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        scene.web.desk.feed.has_the_word("demo", 99)
        await trio.sleep(3)
        assert host.rooms[-1]["dominant"] is None  # they have left again

    scene.play(main)


@pytest.mark.parametrize(
    "first", ["", "hello", "[]", '{"token": 5}', '{"token": "x.y.z"}', '{"token":' * 900]
)
def test_who_does_not_greet_with_a_token_is_sent_away(scene, first):
    async def main(nursery) -> None:
        stranger = Follower(scene.web, first)
        nursery.start_soon(stranger.run)
        await trio.sleep(GREETING_SECONDS + 1)
        assert (stranger.code, stranger.heard) == (4401, [])

    scene.play(main)


def test_listeners_and_strangers_to_the_space_are_refused(scene):
    async def main(nursery) -> None:
        elsewhere = Grant("other", Role.HOST, 9, "x", int(scene.web.desk.clock()) + 99)
        listener = scene.follower(Role.LISTENER)
        other = Follower(scene.web, (scene.web.token_of(elsewhere),))
        nowhere = Follower(scene.web, (OPERATOR_KEY,), "nowhere")
        operator = Follower(scene.web, (OPERATOR_KEY,))
        for one in (listener, other, nowhere, operator):
            nursery.start_soon(one.run)
        await trio.sleep(1)
        assert [one.code for one in (listener, other, nowhere)] == [4403, 4403, 4404]
        assert len(operator.rooms) == 1

    scene.play(main)


def test_who_is_blocked_or_demoted_hears_no_more(scene):
    async def main(nursery) -> None:
        speaker, cohost = scene.people[Role.SPEAKER], scene.people[Role.COHOST]
        followers = [scene.follower(Role.SPEAKER), scene.follower(Role.COHOST)]
        for who in (speaker, cohost):
            await scene.office.do("demo", EnterStage(), who)
        for one in followers:
            nursery.start_soon(one.run)
        await trio.sleep(2)
        host = scene.people[Role.HOST]
        await scene.office.do("demo", Block(speaker.peer), host)
        await scene.office.do("demo", GiveRole(cohost.peer, Role.SPEAKER), host)
        await scene.office.do("demo", GiveRole(cohost.peer, Role.LISTENER), host)
        await trio.sleep(2)
        assert [one.code for one in followers] == [4403, 4403]

    scene.play(main)


def test_the_end_is_told(scene):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await trio.sleep(1)
        await scene.office.do("demo", End(), scene.people[Role.HOST])
        await trio.sleep(2)
        assert (host.heard[-1][1], host.code) == ({"type": "ended"}, 1000)

    scene.play(main)


def test_who_follows_the_next_space_of_a_name_hears_nothing_of_the_one_before(scene):
    async def main(nursery) -> None:
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await scene.office.do("demo", RaiseHand(), scene.people[Role.LISTENER])
        await trio.sleep(1)
        host.leave()
        await trio.sleep(0.1)
        await scene.office.do("demo", End(), OPERATOR)
        assert scene.web.desk.feed._made == {}
        later = replace(scene.people[Role.HOST], issued=scene.office.clock() + 1)
        await scene.office.create("demo", Details("Next"), OPERATOR, host=later)
        heir = Follower(scene.web, (scene.web.token_of(later),))
        nursery.start_soon(heir.run)
        await trio.sleep(0.1)
        assert (heir.rooms[0]["title"], heir.rooms[0]["queue"]) == ("Next", [])

    scene.play(main)


def test_who_leaves_or_does_not_read_is_forgotten(scene):
    async def main(nursery) -> None:
        leaver, sleeper = scene.follower(Role.HOST), scene.follower(Role.COHOST)
        for one in (leaver, sleeper):
            nursery.start_soon(one.run)
        await trio.sleep(1)
        leaver.leave()
        sleeper.blocked = True
        await trio.sleep(2 * STILL_SECONDS)
        assert scene.web.desk.feed._of == {}
        assert scene.web.desk.feed._waiting == {}

    scene.play(main)


def test_one_person_has_a_few_connections_and_an_address_its_pace(scene):
    async def main(nursery) -> None:
        many = [scene.follower(Role.HOST) for _ in range(MAX_OF_ONE + 1)]
        for one in many:
            nursery.start_soon(one.run)
            await trio.sleep(0.01)
        await trio.sleep(1)
        assert [one.code for one in many] == [0] * MAX_OF_ONE + [4429]
        scene.web.desk.strangers = Limit(0.1, 1.0)
        late = [Follower(scene.web, "x") for _ in range(2)]
        for one in late:
            nursery.start_soon(one.run)
        await trio.sleep(1)
        assert sorted(one.code for one in late) == [4401, 4429]

    scene.play(main)


def test_of_very_many_hands_the_first_are_shown(scene):
    async def main(nursery) -> None:
        start = scene.web.desk.clock()
        for peer in range(100, 100 + MAX_HANDS_SHOWN + 10):
            who = Grant("demo", Role.LISTENER, peer, str(peer), int(start) + 99, issued=start)
            await scene.office.do("demo", RaiseHand(), who)
        host = scene.follower(Role.HOST)
        nursery.start_soon(host.run)
        await trio.sleep(1)
        assert len(host.rooms[-1]["queue"]) == MAX_HANDS_SHOWN
        assert host.rooms[-1]["hands"] == MAX_HANDS_SHOWN + 10

    scene.play(main)
