"""whip.js, whep.js, microphone.js: the HTTP doors, and why a microphone may be refused."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

from spacescore.sdp import Candidate, Local, parse_offer, write_answer

Run = Callable[..., Any]
LOCATION = "/api/session/0123456789ab"
LOCAL = Local(
    ufrag="u" * 85,
    password="p" * 32,
    fingerprint=":".join(["AB"] * 32),
    candidates=[Candidate("192.0.2.7", 9)],
    ssrc=7,
    cname="demo",
)


def serve(page: Page) -> list[Request]:
    """Answers as the service does, with its own SDP; returns the requests as they come."""
    requests: list[Request] = []

    def reply(route: Route) -> None:
        requests.append(route.request)
        if route.request.headers.get("content-type") != "application/sdp":
            route.fulfill(status=200)
            return
        offer = parse_offer(route.request.post_data or "", publishing="whip" in route.request.url)
        headers = {"Content-Type": "application/sdp", "Location": LOCATION}
        route.fulfill(status=201, headers=headers, body=write_answer(offer, LOCAL))

    page.route("**/api/**", reply)
    return requests


SPEAK = """
  let pc;
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(options) { super(options); pc = this; }
  };
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const session = new m.SpeakSession(
    { endpoint: '/api/whip', token: 'secret', muteEndpoint: '/api/mute' }, microphone);
  session.open().catch(() => {});
  while (!pc?.remoteDescription) await new Promise((resolve) => setTimeout(resolve, 1));
"""


def test_a_speaker_offers_sendrecv_with_the_token_and_hangs_up_on_leaving(
    run: Run, page: Page
) -> None:
    requests = serve(page)
    with page.expect_response("**/api/session/*"):
        got = run(
            "whip.js",
            SPEAK
            + """
            const [transceiver] = pc.getTransceivers();
            const direction = transceiver.currentDirection;
            session.close();
            await new Promise((resolve) => setTimeout(resolve));
            return [direction, microphone.getTracks()[0].readyState, pc.connectionState];
            """,
        )
    assert got == ["sendrecv", "ended", "closed"]
    post, delete = requests
    assert post.headers["authorization"] == "Bearer secret"
    assert post.headers["content-type"] == "application/sdp"
    assert (delete.method, delete.headers["authorization"]) == ("DELETE", "Bearer secret")
    assert delete.url.endswith(LOCATION)


def test_muting_silences_the_track_and_tells_the_others(run: Run, page: Page) -> None:
    requests = serve(page)
    got = run(
        "whip.js",
        SPEAK
        + """
        const [track] = microphone.getTracks();
        await session.mute(true);
        const muted = [session.muted, track.enabled, session.inputLevel()];
        await session.mute(false);
        const unmuted = [session.muted, track.enabled];
        session.close();
        return [muted, unmuted];
        """,
    )
    assert got == [[True, False, 0], [False, True]]
    told = [request.post_data for request in requests if request.url.endswith("/mute")]
    assert told == ['{"muted":true}', '{"muted":false}']


def test_a_whep_listener_offers_recvonly_and_needs_no_token(run: Run, page: Page) -> None:
    requests = serve(page)
    with page.expect_response("**/api/session/*"):
        run(
            "whep.js",
            """
            let pc;
            window.RTCPeerConnection = class extends RTCPeerConnection {
              constructor(options) { super(options); pc = this; }
            };
            const session = new m.WhepSession({ endpoint: '/api/whep' });
            session.open().catch(() => {});
            while (!pc?.remoteDescription) await new Promise((resolve) => setTimeout(resolve, 1));
            session.close();
            await new Promise((resolve) => setTimeout(resolve));
            """,
        )
    assert "a=recvonly" in (requests[0].post_data or "")
    assert "authorization" not in requests[0].headers
    assert [request.method for request in requests] == ["POST", "DELETE"]


@pytest.mark.parametrize(
    ("status", "code"), [(401, "unauthorized"), (403, "forbidden"), (404, "unknown-space")]
)
def test_a_closed_stage_is_said_in_the_services_words(
    run: Run, page: Page, status: int, code: str
) -> None:
    problem = {"detail": "You were asked to leave."}
    page.route("**/api/**", lambda route: route.fulfill(status=status, json=problem))
    got = run(
        "whip.js",
        """
        return m.speak({ endpoint: '/api/whip', token: 'x' })
          .catch((error) => [error.code, error.message, error.fatal]);
        """,
    )
    assert got == [code, "You were asked to leave.", True]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NotAllowedError", "denied"),
        ("NotFoundError", "no-microphone"),
        ("NotReadableError", "microphone-busy"),
        ("AbortError", "no-microphone"),
    ],
)
def test_a_refused_microphone_says_what_to_do(run: Run, name: str, code: str) -> None:
    got, message = run(
        "microphone.js",
        """
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', args[0]); };
        return m.openMicrophone(false).catch((error) => [error.code, error.message]);
        """,
        name,
    )
    assert got == code
    assert "icrophone" in message


def test_an_insecure_page_is_told_to_use_https(page: Page, run: Run) -> None:
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    code, message = run(
        "microphone.js",
        "return m.openMicrophone(false).catch((error) => [error.code, error.message])",
    )
    assert code == "insecure"
    assert "https://" in message


def test_original_sound_turns_the_browsers_voice_processing_off(run: Run) -> None:
    voice, original = run("microphone.js", "return [m.constraints(false), m.constraints(true)]")
    switches = ("echoCancellation", "noiseSuppression", "autoGainControl")
    assert [voice[switch] for switch in switches] == [True] * 3
    assert [original[switch] for switch in switches] == [False] * 3
