"""join.js and the modules under it, run in Chromium: ufrag, offer, answer, watchdog."""

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from spacescore._native import _core

TICKET = {
    "ticket": "Ticket+/" + "x" * 58,
    "password": "p" * 32,
    "fingerprint": ":".join(f"{byte:02X}" for byte in hashlib.sha256(b"node").digest()),
    "candidates": [
        {"ip": "192.0.2.7", "port": 7881, "protocol": "udp"},
        {"ip": "2001:db8::7", "port": 7881},
        {"ip": "192.0.2.7", "port": 443, "protocol": "tcp"},
    ],
    "ssrc": 0xFEDCBA98,
    "cname": "demo",
    "expiry": 2_000_000_000,
}
FIREFOX_OFFER = "\r\n".join(
    [
        "v=0",
        "a=fingerprint:sha-256 " + ":".join(["0F"] * 32),
        "m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8",
        "a=mid:0",
        "a=rtpmap:9 G722/8000/1",
        "a=rtpmap:109 opus/48000/2",
        "",
    ]
)
Run = Callable[..., Any]
ICE_CHARS = re.compile(r"[A-Za-z0-9+/]+")


@pytest.mark.parametrize("payload_type", [35, 63, 96, 109, 111, 127])
def test_the_page_builds_the_ufrag_that_the_core_builds(run: Run, payload_type: int) -> None:
    keys = _core.TicketKeys()
    keys.add(key_id=1, key=bytes(32))
    ticket = keys.mint(space=1, role="listener", expiry=2_000_000_000)
    session, digest = bytes(range(12)), hashlib.sha256(b"page").digest()
    nonce = base64.b64encode(session).decode()
    ours = run(
        "ticket.js",
        "const [fp, ...rest] = args; const red = [undefined, 63];"
        "return [...red.map((type) => m.makeUfrag(...rest, type)),"
        "        ...red.map((type) => m.makeUfrag(...rest, type, fp))]",
        digest.hex(":").upper(),
        ticket,
        nonce,
        payload_type,
    )
    theirs = [
        _core.make_ufrag(ticket, session, payload_type, fingerprint, red)
        for fingerprint in (None, digest)
        for red in (0, 63)
    ]
    assert ours == theirs
    assert [len(ufrag) for ufrag in ours] == [85, 87, 107, 109]


def test_nonces_are_96_bits_in_ice_characters_and_never_the_same(run: Run) -> None:
    nonces = run("ticket.js", "return Array.from({length: 1000}, m.drawNonce)")
    assert all(ICE_CHARS.fullmatch(nonce) and len(nonce) == 16 for nonce in nonces)
    assert len(set(nonces)) == 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ticket", "short"),
        ("ticket", "x" * 65 + "-"),
        ("password", "p" * 21),
        ("password", "p" * 32 + "\r\na=x"),
        ("fingerprint", "AB:CD"),
        ("cname", "demo\r\na=inactive"),
        ("cname", ""),
        ("ssrc", 0),
        ("ssrc", 2**32),
        ("ssrc", "1"),
        ("candidates", []),
        ("candidates", [{"ip": "192.0.2.7\r\n", "port": 7881}]),
        ("candidates", [{"ip": "192.0.2.7", "port": 0}]),
        ("candidates", [{"ip": "192.0.2.7", "port": 7881, "protocol": "sctp"}]),
        ("candidates", [{"ip": "192.0.2.7", "port": 7881, "priority": "1\r\n"}]),
    ],
)
def test_a_malformed_ticket_is_refused_by_the_name_of_its_field(
    run: Run, field: str, value: object
) -> None:
    code, message = run(
        "ticket.js",
        "try { m.checkTicket(args[0]); return ['accepted', '']; }"
        "catch (error) { return [error.code, error.message]; }",
        TICKET | {field: value},
    )
    assert code == "bad-ticket"
    assert field in message


def test_chromiums_own_offer_is_read(run: Run) -> None:
    offer = run(
        "answer.js",
        "const pc = new RTCPeerConnection(); pc.addTransceiver('audio', {direction: 'recvonly'});"
        "await pc.setLocalDescription(); return m.readOffer(pc.localDescription.sdp)",
    )
    assert offer["mid"] == "0"
    assert (offer["payloadType"], offer["redPayloadType"]) == (111, 63)
    assert re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", offer["fingerprint"])


def test_firefoxes_payload_type_is_found_among_others(run: Run) -> None:
    assert run("answer.js", "return m.readOffer(args[0])", FIREFOX_OFFER) == {
        "mid": "0",
        "payloadType": 109,
        "fingerprint": ":".join(["0F"] * 32),
    }


def test_an_offer_without_opus_is_refused(run: Run) -> None:
    sdp = FIREFOX_OFFER.replace("opus", "PCMU")
    code = run("answer.js", "try { m.readOffer(args[0]) } catch (e) { return e.code }", sdp)
    assert code == "unsupported"


def test_the_answer_lists_candidates_best_first_and_tcp_last(run: Run) -> None:
    offer = {"mid": "audio", "payloadType": 109}
    ticket = TICKET | {
        "candidates": [*TICKET["candidates"], {"ip": "::1", "port": 9, "priority": 7}]
    }
    sdp = run("answer.js", "return m.writeAnswer(...args)", offer, ticket, "u" * 85)
    lines = sdp.split("\r\n")
    candidates = [line.split() for line in lines if line.startswith("a=candidate:")]
    ranks = [int(words[3]) for words in candidates]
    assert [words[4] for words in candidates] == ["192.0.2.7", "2001:db8::7", "192.0.2.7", "::1"]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[3] == 7
    assert candidates[2][-2:] == ["tcptype", "passive"]
    assert {"a=mid:audio", "a=group:BUNDLE audio", "a=rtpmap:109 opus/48000/2"} <= set(lines)
    assert not [line for line in lines if "extmap" in line or "rtcp-fb" in line]
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 109" in lines


def test_redundancy_is_answered_after_opus_where_it_was_offered(run: Run) -> None:
    offer = {"mid": "0", "payloadType": 111, "redPayloadType": 63}
    sdp = run("answer.js", "return m.writeAnswer(...args)", offer, TICKET, "u" * 87)
    lines = sdp.split("\r\n")
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 63" in lines
    assert {"a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"} <= set(lines)


def test_chromium_accepts_the_fabricated_answer_whole(run: Run) -> None:
    got = run(
        "join.js",
        """
        let pc;
        window.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(options) { super(options); pc = this; }
        };
        const session = new m.ListenSession({ ticket: args[0], steady: 300 });
        session.open().catch(() => {});
        while (pc?.signalingState !== 'stable' || !pc.remoteDescription)
          await new Promise((resolve) => setTimeout(resolve, 1));
        const [transceiver] = pc.getTransceivers();
        const got = {
          sdp: pc.remoteDescription.sdp,
          direction: transceiver.currentDirection,
          steady: transceiver.receiver.jitterBufferTarget,
          state: session.state,
        };
        session.close();
        await new Promise((resolve) => setTimeout(resolve));
        return { ...got, closed: [session.state, pc.connectionState] };
        """,
        TICKET,
    )
    (ufrag,) = re.findall(r"a=ice-ufrag:(\S+)", got["sdp"])
    assert len(ufrag) == 87
    assert ICE_CHARS.fullmatch(ufrag)
    assert ufrag.startswith("1" + TICKET["ticket"])
    assert ufrag.endswith("BvA/")  # 111 = 1 * 64 + 47, and 63 for RED
    assert f"a=ssrc:{TICKET['ssrc']} cname:demo" in got["sdp"]
    assert (got["direction"], got["steady"]) == ("recvonly", 300)
    assert got["state"] == "connecting"
    assert got["closed"] == ["closed", "closed"]


def test_a_private_ticket_names_the_pages_certificate(run: Run) -> None:
    ufrag, fingerprint = run(
        "join.js",
        """
        let pc;
        window.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(options) { super(options); pc = this; }
        };
        const session = new m.ListenSession({ ticket: args[0] });
        session.open().catch(() => {});
        while (!pc?.remoteDescription) await new Promise((resolve) => setTimeout(resolve, 1));
        const found = [
          pc.remoteDescription.sdp.match(/ice-ufrag:(\\S+)/)[1],
          pc.localDescription.sdp.match(/fingerprint:sha-256 (\\S+)/)[1],
        ];
        session.close();
        return found;
        """,
        TICKET | {"requires_certificate": True},
    )
    digest = bytes.fromhex(fingerprint.replace(":", ""))
    assert len(ufrag) == 109
    assert base64.b64decode(ufrag[87:] + "==") == digest[:16]


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthorized"), (403, "forbidden"), (404, "unknown-space"), (410, "unknown-space")],
)
def test_a_ticket_that_is_refused_ends_the_session_with_the_reason(
    run: Run, page: Page, status: int, code: str
) -> None:
    page.route("**/api/ticket", lambda route: route.fulfill(status=status, json={"title": "no"}))
    got = run(
        "join.js",
        "return m.listen({ ticket: '/api/ticket' })"
        ".catch((e) => [e instanceof m.JoinError, e.code])",
    )
    assert got == [True, code]


def test_a_busy_ticket_service_is_asked_again(run: Run, page: Page) -> None:
    replies = [503, 429, 200, 404]
    page.route("**/api/ticket", lambda route: route.fulfill(status=replies.pop(0), json={}))
    code = run(
        "join.js",
        "Math.random = () => 0; return m.listen({ ticket: '/api/ticket' }).catch((e) => e.code)",
    )
    assert code == "bad-ticket"  # the third reply, an empty object
    assert replies == [404]


def test_the_watchdog_believes_marks_and_not_timers(run: Run) -> None:
    seen = run(
        "watchdog.js",
        """
        const dog = new m.Watchdog(0);
        const seen = [dog.isStalled(1999), dog.isStalled(2000)];
        seen.push(dog.look(undefined, 100), dog.look(7, 3000), dog.look(7, 4000));
        seen.push(dog.isStalled(4999), dog.isStalled(5000));
        // Asleep for an hour; on the first look a packet has come: no stall.
        seen.push(dog.look(8, 3_600_000), dog.isStalled(3_600_000));
        return seen;
        """,
    )
    assert seen == [False, True, False, True, False, False, True, True, False]


def test_backoff_doubles_up_to_its_cap_and_is_fully_jittered(run: Run) -> None:
    waits = run(
        "watchdog.js",
        "return [0, 1, 2, 5, 50].flatMap((n) => [m.backoff(n, 0), m.backoff(n, 0.5)])",
    )
    assert waits == [0, 250, 0, 500, 0, 1000, 0, 7500, 0, 7500]


def test_the_relays_that_a_ticket_names_are_used(run: Run) -> None:
    relay = {"urls": "turn:192.0.2.9", "username": "u", "credential": "c"}
    used = run(
        "join.js",
        """
        let used;
        window.RTCPeerConnection = class extends RTCPeerConnection {
          constructor(options) { super(options); used = this.getConfiguration().iceServers; }
        };
        const session = new m.ListenSession({ ticket: args[0] });
        session.open().catch(() => {});
        while (!used) await new Promise((resolve) => setTimeout(resolve, 1));
        session.close();
        return used;
        """,
        TICKET | {"ice_servers": [relay]},
    )
    assert [server["urls"] for server in used] in (["turn:192.0.2.9"], [["turn:192.0.2.9"]])
