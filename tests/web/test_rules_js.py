"""The page's pure rules: words, controls, announcements, polling, tokens."""

import base64
import json
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
        (499, {"cohorts": 400, "rate": 10}, {"before": 0.1, "seconds": 10}),
        (0, {"cohorts": 0, "rate": 0}, {"before": 0.001, "seconds": None}),
    ],
)
def test_the_wait_is_what_lies_between_cohort_and_cursor(
    run: Run, cohort: int, admit: dict[str, int], wait: Any
) -> None:
    assert run("dock.js", "return m.waitFor(args[0], args[1])", cohort, admit) == wait


@pytest.mark.parametrize(
    ("wait", "words"),
    [
        ({"before": 0.125, "seconds": 40}, "About 40 s · 13 % of the crowd go before you"),
        ({"before": 0.5, "seconds": 300}, "About 5 min · 50 % of the crowd go before you"),
        ({"before": 1, "seconds": None}, "The doors are not open yet."),
    ],
)
def test_who_is_in_line_is_told_how_long_and_may_leave(
    run: Run, wait: dict[str, Any], words: str
) -> None:
    situation = {**IDLE, "mode": "line", "wait": wait}
    assert run("dock.js", "return m.detailsOf(args[0], null)", situation).startswith(words)
    assert run("dock.js", "return m.statusOf(args[0])", situation) == ["busy", "You are in line"]
    assert run("dock.js", "return m.controlsOf(args[0])", situation) == ["speak", "leave"]


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
    assert run("planned.js", "return m.partsOf(args[0])", seconds) == parts


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
            ["visibility", "unlisted"],
        ],
    )
    starts = run("plan.js", "return Date.parse('2027-01-15T20:00') / 1000")
    assert wish == {
        "title": "Radio",
        "space": "radio",
        "host": "Ada",
        "starts": starts,
        "topics": ["a", "b", "c"],
        "record": True,
        "open_stage": False,
        "visibility": "unlisted",
        "description": "",
        "language": "",
    }
