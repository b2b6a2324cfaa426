"""The page's pure rules: words, controls, announcements, polling, tokens."""

import base64
import json
import math
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., Any]
IDLE = {
    "mode": "idle",
    "state": None,
    "muted": False,
    "blocked": False,
    "maySpeak": True,
    "ready": True,
}


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ada Lovelace", "AL"),
        ("Zoë", "Z"),
        ("jean-luc van der Moreau", "JM"),
        ("Dr. Grace  Hopper", "DH"),
        ("林美玲", "林"),
        ("👩🏽‍🚀 Mae", "👩🏽‍🚀M"),
        ("—", ""),
        ("", ""),
    ],
)
def test_initials_are_letters_as_people_see_them(run: Run, name: str, letters: str) -> None:
    assert run("words.js", "return m.initials(args[0])", name) == letters


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0:00"), (0, "0:00"), (59.9, "0:59"), (3599, "59:59"), (3725, "1:02:05")],
)
def test_elapsed_time_reads_like_a_clock(run: Run, seconds: float, words: str) -> None:
    assert run("words.js", "return m.elapsed(args[0])", seconds) == words


@pytest.mark.parametrize(
    ("change", "controls"),
    [
        ({}, ["listen", "speak"]),
        ({"maySpeak": False}, ["listen", "hand"]),
        ({"maySpeak": False, "ready": False}, ["listen", "speak"]),
        ({"mode": "listen"}, ["speak", "leave"]),
        ({"mode": "listen", "maySpeak": False}, ["hand", "leave"]),
        ({"mode": "line", "maySpeak": False}, ["invitation", "leave"]),
        ({"mode": "listen", "blocked": True}, ["play", "leave"]),
        ({"mode": "speak"}, ["mute", "leave"]),
    ],
)
def test_there_are_always_two_controls(
    run: Run, change: dict[str, Any], controls: list[str]
) -> None:
    assert run("dock.js", "return m.controlsOf(args[0])", IDLE | change) == controls


@pytest.mark.parametrize(
    ("change", "tone", "words"),
    [
        ({"ready": False}, "busy", "Opening…"),
        ({}, "calm", "Not joined"),
        ({"mode": "listen", "state": "connecting"}, "busy", "Connecting…"),
        ({"mode": "listen", "state": "playing"}, "good", "Listening"),
        ({"mode": "listen", "state": "reconnecting"}, "busy", "Reconnecting…"),
        ({"mode": "speak", "state": "playing"}, "good", "You are on air"),
        ({"mode": "speak", "state": "playing", "muted": True}, "calm", "You are muted"),
        ({"mode": "speak", "state": "stalled"}, "busy", "The sound has stopped. Waiting…"),
    ],
)
def test_the_status_never_claims_more_than_is(
    run: Run, change: dict[str, Any], tone: str, words: str
) -> None:
    assert run("dock.js", "return m.statusOf(args[0])", IDLE | change) == [tone, words]


def test_a_screen_reader_hears_of_changes_that_last_and_not_too_often(run: Run) -> None:
    said = run(
        "announcer.js",
        """
        const announcer = new m.Announcer();
        return args[0].map(([names, now]) => announcer.hear(names, now));
        """,
        [
            [["Ada"], 0],
            [["Ada"], 1400],
            [["Ada"], 1500],  # lasts: said
            [["Ada"], 9000],  # known
            [["Ada", "Bo"], 9100],
            [["Ada"], 9300],  # an interjection
            [["Bo"], 9400],
            [[], 10_900],
            [["Bo"], 11_000],
            [["Bo"], 12_500],  # said
            [["Ada", "Bo"], 12_600],
            [["Ada", "Bo"], 14_200],  # too soon after the last
            [["Ada", "Bo"], 17_500],  # said
        ],
    )
    assert [words for words in said if words] == [
        "Ada is speaking",
        "Bo is speaking",
        "Ada and Bo are speaking",
    ]
    assert [place for place, words in enumerate(said) if words] == [2, 9, 12]


def test_polling_is_jittered_and_slows_down_while_it_fails(run: Run) -> None:
    waits = run(
        "poll.js", "return [0, 1, 3, 9].flatMap((n) => [0, 1].map((r) => m.pollDelay(n, r)))"
    )
    assert waits == pytest.approx([2000, 3000, 4000, 6000, 16_000, 24_000, 24_000, 36_000])
    slow = run("poll.js", "return [0, 3].map((n) => m.pollDelay(n, 0.5, 60_000))")
    assert slow == [60_000, 60_000]  # failing is no reason to ask sooner


SEAT = {"peer": 12, "role": "speaker"}
HOST = {"peer": 11, "role": "host"}


@pytest.mark.parametrize(
    ("before", "now", "concerns"),
    [
        ({}, {"listeners": 12, "speakers": [HOST, SEAT, {"peer": 13, "role": "speaker"}]}, False),
        ({}, {"speakers": [HOST, SEAT | {"muted": True}]}, False),
        ({}, {"speakers": [HOST, SEAT | {"role": "cohost"}]}, True),
        ({}, {"speakers": [HOST]}, True),
        ({}, {"speakers": [SEAT]}, True),
        ({}, {"queue": []}, True),  # one keeps order now
        ({"queue": [], "seats": []}, {"queue": [], "seats": [SEAT]}, True),
    ],
)
def test_what_the_feed_shows_of_oneself_is_a_reason_to_ask(
    run: Run, before: dict[str, Any], now: dict[str, Any], concerns: bool
) -> None:
    rooms = [{"speakers": [HOST, SEAT]} | before, {"speakers": [HOST, SEAT]} | now]
    traces = run("me.js", "return args[0].map((room) => m.traceOf(room, 12))", rooms)
    assert (traces[0] != traces[1]) == concerns


def jwt(grant: object) -> str:
    """A token as far as a page can read one."""
    payload = json.dumps({"space_grant": grant}, ensure_ascii=False).encode()
    return f"e30.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.c2ln"


def test_a_grant_is_read_whatever_script_its_name_is_in(run: Run) -> None:
    grant = {"space": "demo", "role": "host", "peer": 7, "name": "مريم ??>>"}
    assert run("visit.js", "return m.readGrant(args[0])", jwt(grant)) == grant


@pytest.mark.parametrize("token", ["", "a.b", "e30.e30.x", "e30.%%%.x", "..", "e30.bnVsbA.x"])
def test_what_is_no_token_is_no_grant(run: Run, token: str) -> None:
    assert run("visit.js", "return m.readGrant(args[0])", token) is None


@pytest.mark.parametrize("path", ["/s/demo", "/s/demo/", "/rooms/s/demo"])
def test_the_slug_is_the_last_part_of_the_path(run: Run, path: str) -> None:
    assert run("visit.js", "return m.slugOf(args[0])", path) == "demo"


@pytest.mark.parametrize(
    ("before", "now", "flown"),
    [
        ({"👏": 5}, {"👏": 7, "🎉": 1}, {"👏": 2, "🎉": 1}),
        ({"👏": 5}, {"👏": 5}, {}),
        ({"👏": 5}, {"👏": 0}, {}),  # the server began anew
        ({}, {"👏": 3_000, "🎉": 1_000}, {"👏": 9, "🎉": 3}),
    ],
)
def test_applause_is_what_came_since_and_thinned_out_in_a_storm(
    run: Run, before: dict[str, int], now: dict[str, int], flown: dict[str, int]
) -> None:
    found = run("companion.js", "return m.arrivals(args[0], args[1])", before, now)
    assert {one: found.count(one) for one in found} == flown


@pytest.mark.parametrize(
    ("place", "cohort"), [(0, 0), (2**31, 500), (2**32 - 1, 999), (4_294_968, 1)]
)
def test_a_place_in_line_belongs_to_the_cohort_that_the_core_reads(
    run: Run, place: int, cohort: int
) -> None:
    assert run("ticket.js", "return m.cohortOf(args[0])", place) == cohort
    nonce = run("ticket.js", "return m.drawNonce(args[0])", place)
    assert base64.b64decode(nonce)[:4] == place.to_bytes(4)


@pytest.mark.parametrize(
    ("cohort", "admit", "wait"),
    [
        (0, {"cohorts": 1, "rate": 0}, None),
        (999, {"cohorts": 1000, "rate": 0}, None),
        (
            *(499, {"cohorts": 400, "rate": 10}),
            {"group": 500, "before": 99, "rate": 10, "seconds": 10},
        ),
        (
            *(0, {"cohorts": 0, "rate": 0}),
            {"group": 1, "before": 0, "rate": 0, "seconds": None},
        ),
    ],
)
def test_the_wait_is_what_lies_between_cohort_and_cursor(
    run: Run, cohort: int, admit: dict[str, int], wait: Any
) -> None:
    assert run("line.js", "return m.waitFor(args[0], args[1])", cohort, admit) == wait


def test_who_is_in_line_may_leave_it(run: Run) -> None:
    situation = {**IDLE, "mode": "line"}
    assert run("dock.js", "return m.statusOf(args[0])", situation) == ["busy", "You are in line"]
    assert run("dock.js", "return m.controlsOf(args[0])", situation) == ["speak", "leave"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "About 1 second"), (89, "About 89 seconds"), (95, "About 2 minutes")],
)
def test_a_wait_is_said_in_the_unit_that_fits(run: Run, seconds: int, words: str) -> None:
    assert run("line.js", "return m.about(args[0])", seconds) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0, "Nobody yet"),
        (1, "1 group a second"),
        (8.333, "8.3 groups a second"),
        (0.5, "30 groups a minute"),
    ],
)
def test_the_rate_is_what_the_door_says(run: Run, rate: float, words: str) -> None:
    assert run("line.js", "return m.paceOf(args[0])", rate) == words


def test_an_estimate_counts_down_and_stays_calm_while_others_come_and_go(run: Run) -> None:
    left = run(
        "line.js",
        """
        const estimate = new m.Estimate();
        return args[0].map(([seconds, now]) => {
          if (seconds !== undefined) estimate.take(seconds, now);
          return estimate.left(now);
        });
        """,
        [
            [100, 0],
            [98, 1_000],  # a second less, and a second has passed
            [99, 4_000],  # 3 s off
            [60, 10_000],  # 30 s off: news
            [None, 20_000],  # the door was closed
            [10, 30_000],
            [10, 45_000],  # 15 s off: news
        ],
    )
    assert left == [100, 99, 96, 60, None, 10, 10]


def test_what_is_left_is_said_aloud_at_milestones_alone(run: Run) -> None:
    said = run("line.js", "return args[0].map((one) => m.milestoneOf(one))", [700, 600, 61, 30, 0])
    assert said == [math.inf, 600, 120, 30, 30]


@pytest.mark.parametrize(
    ("names", "count", "words"),
    [
        (["Ada"], 1, "Ada listens"),
        (["Ada", "Bo"], 2, "Ada and Bo listen"),
        (["Ada", "Bo", "Cy"], 3, "Ada, Bo, and Cy listen"),
        (["Ada", "Bo", "Cy"], 12_347, "Ada, Bo, and 12,345 others listen"),
        (["Ada"], 2, "Ada and 1 other listen"),
        (["Ada", "Bo"], 0, "Ada and Bo listen"),  # the count is a second old
    ],
)
def test_an_audience_is_some_names_and_a_number(
    run: Run, names: list[str], count: int, words: str
) -> None:
    sample = [{"peer": place, "name": name} for place, name in enumerate(names)]
    assert run("crowd.js", "return m.whoListens(args[0], args[1])", sample, count) == words


ME = {"role": "listener", "hand": 0, "offered": False, "on_stage": False, "muted": False}


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (None, {"role": "listener"}, None),  # nothing is known of before
        ({}, {}, None),
        ({}, {"hand": 3}, None),
        ({"hand": 3}, {"hand": 1}, None),
        ({"hand": 1}, {"hand": 0}, "dismissed"),
        ({"hand": 1}, {"hand": 0, "role": "speaker"}, "granted"),
        ({}, {"offered": True}, None),  # shown, not told
        ({"offered": True}, {}, "offer.over"),
        ({"offered": True}, {"role": "speaker"}, "granted"),
        ({"role": "speaker"}, {"role": "listener"}, "moved"),
        ({"role": "cohost"}, {"role": "listener"}, "moved"),
        ({"role": "speaker"}, {"role": "cohost"}, "cohost"),
        ({"role": "cohost"}, {"role": "speaker"}, "speaker"),
        ({"role": "cohost"}, {"role": "host"}, "host"),
        ({"role": "host"}, {"role": "cohost"}, "cohost"),
    ],
)
def test_what_others_do_to_one_is_news(run: Run, before: Any, now: Any, news: str | None) -> None:
    was = None if before is None else ME | before
    assert run("me.js", "return m.newsOf(args[0], args[1])", was, ME | now) == news


@pytest.mark.parametrize(
    ("seconds", "parts"),
    [
        (93_784, [["day", 1], ["hour", 2], ["minute", 3]]),
        (3_725, [["hour", 1], ["minute", 2], ["second", 5]]),
        (59.2, [["hour", 0], ["minute", 1], ["second", 0]]),
        (-3, [["hour", 0], ["minute", 0], ["second", 0]]),
    ],
)
def test_a_countdown_says_what_matters(run: Run, seconds: float, parts: Any) -> None:
    assert run("countdown.js", "return m.partsOf(args[0])", seconds) == parts


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("An evening of radio", "an-evening-of-radio"),
        ("  Grüße, Welt!  ", "gruesse-welt"),
        ("Café Zoë", "cafe-zoe"),
        ("—", ""),
        ("x" * 60, "x" * 48),
    ],
)
def test_a_title_suggests_an_address(run: Run, title: str, slug: str) -> None:
    assert run("plan.js", "return m.slugFor(args[0])", title) == slug


def test_a_plan_asks_for_what_was_filled_in(run: Run) -> None:
    wish = run(
        "plan.js",
        """
        const form = new FormData();
        for (const [name, value] of args[0]) form.append(name, value);
        return m.wishOf(form);
        """,
        [
            *(["title", " Radio "], ["space", "radio"], ["when", "later"], ["host", "Ada"]),
            *(["starts", "2027-01-15T20:00"], ["topics", "a, b ,, c"], ["record", "on"]),
            *(["visibility", "unlisted"], ["max_speakers", "20"]),
            *(["grace", "90"], ["auto_open", "on"], ["keep_days", ""]),
        ],
    )
    starts = run("plan.js", "return Date.parse('2027-01-15T20:00') / 1000")
    assert wish == {
        "title": "Radio",
        "space": "radio",
        "host": "Ada",
        "starts": starts,
        "topics": ["a", "b", "c"],
        "max_speakers": 20,
        "grace": 90,
        "keep_days": 0,
        "show_names": False,
        "auto_open": True,
        "record": True,
        "open_stage": False,
        "visibility": "unlisted",
        "description": "",
        "language": "",
    }
