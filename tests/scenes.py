"""Every page in every state worth looking at, its service played by the test."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, Route, expect

from spacescore.pulse import COLUMNS

ORIGIN = "http://localhost"
NOW = 1_800_000_000
HOUR = 3600


def jwt(role: str, peer: int, name: str) -> str:
    """A token as far as a page can read one."""
    grant = {"space_grant": {"space": "demo", "role": role, "peer": peer, "name": name}}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(grant).encode()).decode().rstrip('=')}.x"


def speaker(peer: int, name: str, role: str = "speaker", **more: Any) -> dict[str, Any]:
    """Somebody on stage, as state.json tells of them."""
    shown = {"muted": False, "audible": False, "level": 127}
    return {"peer": peer, "name": name, "role": role, **shown, **more}


def person(peer: int, name: str, role: str, **more: Any) -> dict[str, Any]:
    """Somebody known by name, as hosts see them."""
    shown = {"muted": False, "on_stage": True, "connected": True, "since": NOW - 90}
    return {"peer": peer, "identity": f"#{peer}", "name": name, "role": role, **shown, **more}


ROOM = {
    "space": "demo",
    "phase": "open",
    "title": "The long evening of radio",
    "live": True,
    "listeners": 1284,
    "speakers": [
        speaker(11, "Ada Lovelace", "host", audible=True, level=20),
        speaker(12, "Grace Hopper", "cohost"),
        speaker(13, "Nikola Tesla", muted=True),
        speaker(14, "Hedy Lamarr"),
    ],
    "hands": 2,
    "open_stage": False,
    "recording": True,
    "moving": None,
    "admit": {"cohorts": 1000, "mode": "open", "rate": 0},
    "started": NOW - HOUR,
    "time": NOW,
    "pins": [{"title": "Programme of the night", "url": "https://example.org/programme"}],
    "sample": [
        {"peer": 21, "name": "Emmy Noether"},
        {"peer": 22, "name": "Alan Turing"},
        {"peer": 31, "name": "Mary Jackson"},
        {"peer": 32, "name": "Edsger Dijkstra"},
    ],
    "called": [],
    "pace": 2.5,
}
IN_LINE = ROOM | {"admit": {"cohorts": 41, "mode": "auto", "rate": 8.3}}
SHUT = ROOM | {"admit": {"cohorts": 0, "mode": "closed", "rate": 0}, "speakers": [], "live": False}
PLANNED = ROOM | {
    "phase": "planned",
    "live": False,
    "speakers": [],
    "recording": False,
    "hands": 0,
    "pins": [],
    "sample": [],
    "starts": NOW + 26 * HOUR,
}
ABOUT = {
    "title": "The long evening of radio",
    "description": "How the wireless came home.",
    "topics": ["history"],
    "visibility": "public",
    "open_stage": False,
    "max_speakers": 13,
    "grace": 60,
    "keep_days": 0,
    "show_names": True,
    "auto_open": False,
}
PEOPLE = {
    "stage": [
        person(11, "Ada Lovelace", "host"),
        person(12, "Grace Hopper", "cohost"),
        person(13, "Nikola Tesla", "speaker", muted=True),
        person(14, "Hedy Lamarr", "speaker", connected=False),
    ],
    "hands": [person(21, "Emmy Noether", "listener"), person(22, "Alan Turing", "listener")],
    "offers": [person(31, "Mary Jackson", "listener")],
    "audience": [person(32, "Edsger Dijkstra", "listener")],
    "blocked": [{"identity": "#9", "name": "Mallory"}],
    "links": [
        {"id": "l1", "role": "speaker", "name": "", "expires": NOW + HOUR, "uses": 10, "used": 3}
    ],
}
HOME = {
    "spaces": [ROOM | {"topics": ["history"], "speakers": 4}],
    "upcoming": [
        {"space": "c", "title": "By candlelight", "topics": ["books"], "starts": NOW + 50 * HOUR}
    ],
    "past": [
        {"space": "e", "title": "The first hour", "started": NOW - 30 * HOUR, "ended": NOW - HOUR},
        {
            "space": "f",
            "title": "Sound check",
            "started": NOW - 60 * HOUR,
            "ended": NOW - 59 * HOUR,
        },
    ],
}
REPLAY = {
    "recording": "demo-2026-11-22T19-00-00Z",
    "space": "e",
    "title": "The first hour",
    "began": NOW - 30 * HOUR,
    "seconds": 3475.3,
    "published": True,
    "yours": True,
    "captioned": False,
    "link": f"{ORIGIN}/r/demo-2026-11-22T19-00-00Z",
    "lanes": [
        {"peer": 11, "name": "Ada Lovelace", "spans": [[0, 900], [1400, 2600]]},
        {"peer": 12, "name": "Grace Hopper", "spans": [[900, 1400], [2600, 3475]]},
    ],
    "chapters": [
        {"from": 0, "to": 900, "name": "Ada Lovelace"},
        {"from": 900, "to": 1400, "name": "Grace Hopper"},
    ],
}
FINDING = {
    "group": "Network",
    "name": "receive buffer",
    "level": "warning",
    "text": "A socket holds 256 small datagrams.",
    "fix": "sudo sysctl -w net.core.rmem_max=8388608",
}


def pulse(rows: int = 120, **last: Any) -> dict[str, Any]:
    """What a node of two workers says of its latest seconds; `last`: of the very last."""
    told = []
    for second in range(rows):
        listeners = min(900, 12 * second)
        values = dict.fromkeys(COLUMNS, 0) | {
            "at": NOW - rows + second,
            "joins": 12 if listeners < 900 else 0,
            "listeners_20ms": listeners,
            "listeners_60ms": 300,
            "speakers": 4,
            "spaces": 2,
            "late_p50": 0.5,
            "late_p99": 1 + second % 5,
            "cpu_workers": [0.31, 0.12],
            "cpu_rest": 0.05,
            "memory": 134_500_000,
        }
        told.append(values)
    told[-1] |= last
    door = {"cohorts": 430, "mode": "paced", "rate": 5.0}
    demo = {"space": "demo", "title": ROOM["title"], "listeners": 1180, "speakers": 4}
    return {
        "node": "stage-1",
        "version": "0.1.0",
        "began": NOW - 7_300,
        "time": NOW,
        "draining": False,
        "max_listeners": 100_000,
        "kept": 900,
        "number": rows,
        "columns": list(COLUMNS),
        "rows": [[row[name] for name in COLUMNS] for row in told],
        "spaces": [
            demo | {"live": True, "opened": NOW - HOUR, "recorded": True, "admission": door}
        ],
        "drops": {"bad_ticket": 12_345, "forged_rtp": 7},
    }


NAMES = {
    *("stage-1 · 0.1.0", "bad ticket", "forged rtp", FINDING["fix"], "spacescore pass"),
    f"{FINDING['name']}: {FINDING['text']}",
    *("Ada Lovelace", "Grace Hopper", "Nikola Tesla", "Hedy Lamarr", "Emmy Noether", "AL", "GH"),
    *("Alan Turing", "Mary Jackson", "Edsger Dijkstra", "Mallory", "NT", "HL", "spacescore"),
    *("EN", "AT", "MJ", "ED"),
    *("The long evening of radio", "Programme of the night", "How the wireless came home."),
    *("history", "books", "By candlelight", "The first hour", "Sound check", "de", "Deutsch"),
}


def me(role: str, peer: int = 11, **more: Any) -> dict[str, Any]:
    """What the service says of a token's holder."""
    rest = {"open": True, "hand": 0, "offered": False, "on_stage": False, "muted": False}
    return {"peer": peer, "name": "Ada Lovelace", "role": role, **rest, **more}


@dataclass(frozen=True)
class Scene:
    """A page, what its service says, and what is pressed until the picture stands."""

    name: str
    path: str = "/s/demo"
    room: Mapping[str, Any] | int = field(default_factory=lambda: ROOM)
    who: Mapping[str, Any] | str | None = None  # me.json, or the code of a refusal
    place: int | None = None  # in line, of 2 ** 32
    press: tuple[str, ...] = ()  # names of buttons, or selectors that begin with #
    shows: str = "body:not([data-phase=loading])"
    data: frozenset[str] = frozenset(NAMES)

    def __str__(self) -> str:
        return self.name


HOST, GUEST = me("host"), me("listener", 41)
SCENES = [
    Scene("a live space"),
    Scene("listening", press=("Listen",), shows="#leave:visible"),
    Scene(
        "in line", room=IN_LINE, place=3**20, press=("Listen",), shows="#line-countdown b >> nth=1"
    ),
    Scene("in line before a closed door", room=SHUT, press=("Listen",), shows="#line:visible"),
    Scene("asking to speak", press=("Ask to speak",), shows="#speak-dialog[open]"),
    Scene(
        "a hand that is up",
        who=GUEST | {"hand": 2},
        press=("Listen",),
        shows="#hand[aria-pressed=true]",
    ),
    Scene(
        "an invitation to speak",
        room=ROOM | {"called": [11]},
        who=GUEST | {"offered": True},
        shows="#offer:visible",
    ),
    Scene(
        "a stage that is dark", room=ROOM | {"speakers": [], "live": False}, shows="#word:visible"
    ),
    Scene("a host's panel", who=HOST, press=("#console-toggle",), shows="#hands .row >> nth=1"),
    Scene(
        "somebody on stage", who=HOST, press=("Manage Grace Hopper",), shows="#manage-dialog[open]"
    ),
    Scene(
        "a block, confirmed first",
        who=HOST,
        press=("Manage Nikola Tesla", "Block"),
        shows="#confirm-dialog[open]",
    ),
    Scene("an invitation given", who=HOST, press=("#share",), shows="#share-dialog[open]"),
    Scene("another text", who=HOST, room=PLANNED, press=("#change",), shows="#change-dialog[open]"),
    Scene("a planned space", room=PLANNED, shows="#countdown b >> nth=2"),
    Scene("a planned space, for its host", room=PLANNED, who=HOST, shows="#open:visible"),
    Scene("sent away", who="removed", shows="[data-phase=removed]"),
    Scene("blocked", who="blocked", shows="[data-phase=blocked]"),
    Scene("no such space", room=404, shows="[data-phase=unknown]"),
    Scene("no service", room=500, shows="[data-phase=error]"),
    Scene("the front page", path="/", shows="#past .card >> nth=1"),
    Scene("planning", path="/", press=("Plan a space",), shows="#plan-dialog[open]"),
    Scene("a replay", path="/r/demo-2026-11-22T19-00-00Z", shows="#found:visible"),
    Scene("operations", path="/operations", who=HOST, shows=".findings li"),
    Scene("operations, for whom?", path="/operations", shows="#enter:visible"),
    Scene("no replay", path="/r/none", shows="[data-phase=missing]"),
]


def answer(route: Route, scene: Scene) -> None:
    """Plays the service."""
    path = route.request.url.removeprefix(f"{ORIGIN}/api/").partition("?")[0]
    refused = {"status": 403, "json": {"code": scene.who, "detail": "No."}}
    told: dict[str, Any] = {
        "spaces": {"json": HOME},
        "operations": {"json": pulse()},
        "operations/findings": {"json": {"findings": [FINDING]}},
        "recordings": {"json": {"recordings": [REPLAY]}},
        "recordings/demo-2026-11-22T19-00-00Z": {"json": REPLAY},
        "recordings/none": {"status": 404, "json": {"code": "unknown-recording", "detail": "No."}},
        "spaces/demo": {"json": ABOUT},
        "spaces/demo/people": {"json": PEOPLE},
        "spaces/demo/me": refused if isinstance(scene.who, str) else {"json": scene.who},
        "spaces/demo/state.json": {"status": scene.room, "json": {}}
        if isinstance(scene.room, int)
        else {"json": scene.room},
    }
    route.fulfill(**told.get(path, {"status": 503, "json": {}}))


def play(page: Page, scene: Scene, press: Callable[[str], str] = str) -> None:
    """Opens the page and presses what is to be pressed; `press`: a button's name as it is shown."""
    page.clock.set_fixed_time(NOW)
    page.route("**/api/**", lambda route: answer(route, scene))
    role = scene.who["role"] if isinstance(scene.who, Mapping) else "speaker"
    fragment = f"#token={jwt(role, 11, 'Ada Lovelace')}" if scene.who else ""
    if scene.place is not None:
        keep = f"sessionStorage.setItem('spacescore.place.demo', '{scene.place}')"
        page.add_init_script(keep)
    page.goto(f"{ORIGIN}{scene.path}{fragment}")
    for name in scene.press:
        if name.startswith("#"):
            page.click(name)
        else:
            verb = re.match(r"(Manage) (.*)", name)
            shown = press(name if not verb else "Manage {name}").replace(
                "{name}", verb[2] if verb else ""
            )
            page.get_by_role("button", name=shown, exact=True).first.click()
    expect(page.locator(scene.shows).first).to_be_attached()
