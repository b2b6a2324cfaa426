"""Offers as browsers really write them, and as attackers would."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spacescore.errors import InvalidOfferError, UnusableOfferError
from spacescore.sdp import (
    MAX_LINE_CHARS,
    MAX_LINES,
    MAX_SDP_BYTES,
    MAX_SECTIONS,
    Candidate,
    Direction,
    Local,
    parse_fragment,
    parse_offer,
    write_answer,
)

DATA = Path(__file__).parent / "data" / "sdp"
OFFERS = {path.stem: path.read_bytes() for path in sorted(DATA.glob("*.sdp"))}
LISTENING = ["chromium_listen", "firefox_listen", "aiortc_listen", "chromium_talkback"]
SPEAKING = ["chromium_speak", "firefox_speak", "chromium_talkback", "firefox_talkback"]
LOCAL = Local(
    ufrag="1" + "A" * 84,
    password="p" * 32,
    fingerprint=":".join(["AB"] * 32),
    candidates=[Candidate("192.0.2.1", 7881), Candidate("2001:db8::1", 7881)],
    ssrc=0xDEADBEEF,
    cname="demo",
)
LISTEN = OFFERS["chromium_listen"].decode()
SPEAK = OFFERS["chromium_speak"].decode()


def lines_of(answer: str) -> list[str]:
    assert answer.endswith("\r\n")
    return answer.removesuffix("\r\n").split("\r\n")


def without(offer: str, prefix: str) -> str:
    return "".join(line for line in offer.splitlines(True) if not line.startswith(prefix))


@pytest.mark.parametrize(
    ("name", "formats"),
    [("chromium_listen", "111 63"), ("firefox_listen", "109"), ("aiortc_listen", "96")],
)
def test_the_payload_type_of_opus_follows_the_offer(name, formats):
    offer = parse_offer(OFFERS[name], publishing=False)
    assert offer.payload_type == int(formats.split()[0])
    assert f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}" in lines_of(write_answer(offer, LOCAL))


def test_redundancy_is_for_listeners_who_offer_it():
    listening = parse_offer(OFFERS["chromium_listen"], publishing=False)
    assert listening.red_payload_type == 63
    answer = lines_of(write_answer(listening, LOCAL))
    assert {"a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"} <= set(answer)
    assert parse_offer(without(LISTEN, "a=rtpmap:63"), publishing=False).red_payload_type == 0


@pytest.mark.parametrize("name", ["chromium_speak", "chromium_talkback"])
def test_a_speaker_who_can_is_asked_for_redundancy(name):
    """Browsers send the first format of the answer."""
    offer = parse_offer(OFFERS[name], publishing=True)
    answer = lines_of(write_answer(offer, LOCAL))
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 63 111" in answer
    assert {"a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"} <= set(answer)
    plain = without(OFFERS[name].decode(), "a=rtpmap:63")
    answer = lines_of(write_answer(parse_offer(plain, publishing=True), LOCAL))
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111" in answer


LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


@pytest.mark.parametrize("name", SPEAKING)
def test_a_speaker_is_asked_for_levels_and_nothing_else(name):
    offer = parse_offer(OFFERS[name], publishing=True)
    assert offer.level_extension == 1
    answer = lines_of(write_answer(offer, LOCAL))
    extensions = [line for line in answer if line.startswith("a=extmap")]
    assert extensions == [f"a=extmap:1 {LEVEL}"]


def test_a_listener_is_asked_for_no_levels():
    offer = parse_offer(OFFERS["chromium_listen"], publishing=False)
    assert offer.level_extension == 0
    assert "extmap" not in write_answer(offer, LOCAL)


@pytest.mark.parametrize(
    ("extmap", "number"),
    [
        (f"7 {LEVEL}", 7),
        (f"14/sendrecv {LEVEL} vad=on", 14),
        (f"15 {LEVEL}", 0),  # two-byte headers, which the server would have to offer
        (f"0 {LEVEL}", 0),
        (f"4096 {LEVEL}", 0),
        (f"x {LEVEL}", 0),
        (LEVEL, 0),
        (f"3 {LEVEL}s", 0),
        ("3 urn:ietf:params:rtp-hdrext:encrypt " + LEVEL, 0),  # RFC 6904
    ],
)
def test_levels_have_the_id_that_the_offer_gives_them(extmap, number):
    speak = without(SPEAK, "a=extmap") + f"a=extmap:{extmap}\r\n"
    assert parse_offer(speak, publishing=True).level_extension == number


def test_music_is_asked_for_and_announced_in_stereo():
    music = replace(LOCAL, music=True)
    talkback = write_answer(parse_offer(OFFERS["chromium_talkback"], publishing=True), music)
    assert ";stereo=1;maxaveragebitrate=128000;" in talkback
    assert ";sprop-stereo=1\r\n" in talkback
    listen = write_answer(parse_offer(LISTEN, publishing=False), music)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1\r\n" in listen


@pytest.mark.parametrize("name", LISTENING)
def test_a_listener_is_sent_to_and_never_received_from(name):
    answer = lines_of(write_answer(parse_offer(OFFERS[name], publishing=False), LOCAL))
    assert "a=sendonly" in answer
    assert "a=ssrc:3735928559 cname:demo" in answer


@pytest.mark.parametrize("name", SPEAKING)
def test_a_speaker_who_can_hear_gets_the_mix_back(name):
    offer = parse_offer(OFFERS[name], publishing=True)
    talkback = name.endswith("talkback")
    assert offer.answer is (Direction.SENDRECV if talkback else Direction.RECVONLY)
    assert ("a=msid:demo mix" in lines_of(write_answer(offer, LOCAL))) is talkback


def test_the_answer_says_what_the_page_needs_and_no_more():
    answer = lines_of(write_answer(parse_offer(LISTEN, publishing=False), LOCAL))
    assert answer == [
        "v=0",
        "o=- 3735928559 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=ice-options:trickle ice2",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:passive",
        "a=msid:demo mix",
        "a=ssrc:3735928559 cname:demo",
        "a=ice-ufrag:1" + "A" * 84,
        "a=ice-pwd:" + "p" * 32,
        "a=candidate:1 1 udp 2130706431 192.0.2.1 7881 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::1 7881 typ host",
        "a=end-of-candidates",
    ]


@pytest.mark.parametrize("name", ["chromium_player", "firefox_player"])
def test_a_players_video_is_refused_and_its_audio_served(name):
    offer = parse_offer(OFFERS[name], publishing=False)
    answer = lines_of(write_answer(offer, LOCAL))
    sections = [line for line in answer if line.startswith("m=")]
    assert sections[0].startswith("m=audio 9 ")
    assert sections[1].startswith("m=video 0 UDP/TLS/RTP/SAVPF ")
    assert "a=group:BUNDLE 0" in answer
    assert answer[-2:] == ["a=mid:1", "a=inactive"]


@pytest.mark.parametrize("name", ["chromium_data", "firefox_data"])
def test_a_data_channel_is_refused_beside_the_audio(name):
    answer = lines_of(write_answer(parse_offer(OFFERS[name], publishing=False), LOCAL))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in answer


@pytest.mark.parametrize("name", ["chromium_player", "chromium_data"])
def test_who_publishes_more_than_audio_is_refused_whole(name):
    offer = OFFERS[name].replace(b"a=recvonly", b"a=sendonly")
    with pytest.raises(UnusableOfferError, match="audio only"):
        parse_offer(offer, publishing=True)


def test_two_audio_tracks_are_too_many():
    head, _, section = SPEAK.partition("m=audio")
    twice = f"{head}m=audio{section}m=audio{section.replace('a=mid:0', 'a=mid:1')}"
    with pytest.raises(UnusableOfferError, match="not 2"):
        parse_offer(twice, publishing=True)


def test_a_section_the_client_turned_off_is_mirrored_in_its_place():
    head, _, section = SPEAK.partition("m=audio")
    off = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=inactive\r\n"
    offer = parse_offer(f"{head}{off}m=audio{section}", publishing=True)
    answer = lines_of(write_answer(offer, LOCAL))
    kinds = [line.split()[:2] for line in answer if line.startswith("m=")]
    assert kinds == [["m=video", "0"], ["m=audio", "9"]]


def test_a_bundle_only_section_has_its_transport_in_the_tagged_one():
    transport = [
        line for line in LISTEN.splitlines(True) if re.match("a=(ice-|fingerprint|setup)", line)
    ]
    head, _, audio = LISTEN.replace("BUNDLE 0", "BUNDLE v 0").partition("m=audio 9")
    for line in transport:
        audio = audio.replace(line, "")
    video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\na=recvonly\r\n" + "".join(transport)
    offer = parse_offer(f"{head}{video}m=audio 0{audio}a=bundle-only\r\n", publishing=False)
    assert offer.audio == 1
    assert len(offer.fingerprint) == 32


def test_session_level_attributes_count_where_the_section_has_none():
    fingerprint = re.search(r"a=fingerprint.*\r\n", LISTEN)[0]
    offer = LISTEN.replace(fingerprint, "").replace("t=0 0\r\n", "t=0 0\r\n" + fingerprint)
    expected = parse_offer(LISTEN, publishing=False).fingerprint
    assert parse_offer(offer, publishing=False).fingerprint == expected


def test_a_section_without_mid_or_bundle_is_answered_without_them():
    offer = without(without(LISTEN, "a=mid"), "a=group")
    answer = write_answer(parse_offer(offer, publishing=False), LOCAL)
    assert "BUNDLE" not in answer
    assert "a=mid" not in answer


def test_line_ends_may_be_bare_newlines():
    offer = parse_offer(LISTEN.replace("\r\n", "\n"), publishing=False)
    assert offer == parse_offer(LISTEN, publishing=False)


@pytest.mark.parametrize("payload_type", [35, 63, 96, 127])
def test_every_dynamic_payload_type_is_taken(payload_type):
    offer = without(LISTEN, "a=rtpmap:63").replace("111", str(payload_type))
    assert parse_offer(offer, publishing=False).payload_type == payload_type


@pytest.mark.parametrize("payload_type", [0, 34, 64, 72, 95, 128, 255, 999])
def test_a_payload_type_that_rtp_cannot_carry_beside_rtcp_is_no_opus(payload_type):
    with pytest.raises(UnusableOfferError, match="Opus"):
        parse_offer(LISTEN.replace("111", str(payload_type)), publishing=False)


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("no Opus", "opus/48000/2", "G722/8000"),
        ("Opus not among the formats", "SAVPF 111 ", "SAVPF "),
        ("no rtcp-mux", "a=rtcp-mux\r\n", ""),
        ("plain RTP", "UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("a client that wants to be the DTLS server", "setup:actpass", "setup:passive"),
        ("no DTLS role", "a=setup:actpass\r\n", ""),
        ("another lite agent", "t=0 0\r\n", "t=0 0\r\na=ice-lite\r\n"),
        ("inactive", "a=recvonly", "a=inactive"),
        ("only sending", "a=recvonly", "a=sendonly"),
        ("no audio", "m=audio 9", "m=text 9"),
        ("audio turned off", "m=audio 9", "m=audio 0"),
    ],
)
def test_a_correct_offer_that_no_space_can_serve_is_unusable(what, old, new):
    assert old in LISTEN
    with pytest.raises(UnusableOfferError):
        parse_offer(LISTEN.replace(old, new), publishing=False)


def test_who_publishes_must_send():
    with pytest.raises(UnusableOfferError, match="sendonly or sendrecv"):
        parse_offer(LISTEN, publishing=True)


@pytest.mark.parametrize(
    ("what", "old", "new"),
    [
        ("no fingerprint", "a=fingerprint", "a=nothing"),
        ("another hash", "sha-256", "sha-1"),
        ("a short fingerprint", "a=fingerprint:sha-256 ", "a=fingerprint:sha-256 AB:"),
        ("no ufrag", "a=ice-ufrag", "a=nothing"),
        ("a ufrag with a space", "a=ice-ufrag:", "a=ice-ufrag:x y"),
        ("a mid with a quote", "a=mid:0", 'a=mid:"0'),
        ("a mid of 17 characters", "a=mid:0", "a=mid:" + "0" * 17),
        ("another version", "v=0", "v=1"),
        ("no type", "s=-", "-"),
        ("an upper case type", "s=-", "S=-"),
        ("an escape character", "s=-", "s=\x1b[31m"),
        ("a NUL", "s=-", "s=\x00"),
        ("a bare CR", "s=-", "s=a\rb"),
        ("an empty line", "s=-", ""),
        ("an unknown kind", "m=audio", "m=smell"),
        ("a port beyond 65535", "m=audio 9", "m=audio 65536"),
        ("no formats", re.search(r"SAVPF (.*)\r", LISTEN)[1], ""),
        ("a first format that is no number", "SAVPF 111", "SAVPF x 111"),
        ("digits that are not ASCII", "SAVPF 111", "SAVPF \u0661\u0661\u0661"),
        ("a port in such digits", "m=audio 9", "m=audio \u0669"),
        ("an odd protocol", "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVPF\t<b>"),
    ],
)
def test_a_broken_offer_is_invalid(what, old, new):
    assert old in LISTEN
    with pytest.raises(InvalidOfferError):
        parse_offer(LISTEN.replace(old, new), publishing=False)


def test_two_sections_of_one_mid_are_invalid():
    head, _, section = LISTEN.partition("m=audio")
    off = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n"
    with pytest.raises(InvalidOfferError, match="same mid"):
        parse_offer(f"{head}m=audio{section}{off}", publishing=False)


@pytest.mark.parametrize("nothing", [b"", b"\r\n", b"\xff\xfe", "\udc80", b"hello"])
def test_what_is_no_sdp_is_invalid(nothing):
    with pytest.raises(InvalidOfferError):
        parse_offer(nothing, publishing=False)


def padded(size: int) -> str:
    """An offer of exactly `size` bytes, in lines of the greatest allowed length."""
    missing = size - len(LISTEN)
    padding = ""
    while missing:
        chars = missing if missing <= MAX_LINE_CHARS + 1 else min(MAX_LINE_CHARS + 1, missing - 4)
        padding += "a=" + "x" * (chars - 3) + "\n"
        missing -= chars
    return LISTEN + padding


def test_the_limits_hold_to_the_byte():
    parse_offer(padded(MAX_SDP_BYTES), publishing=False)
    with pytest.raises(InvalidOfferError, match="65536 bytes"):
        parse_offer(padded(MAX_SDP_BYTES + 1), publishing=False)

    spare = MAX_LINES - LISTEN.count("\n")
    parse_offer(LISTEN + "a=x\n" * spare, publishing=False)
    with pytest.raises(InvalidOfferError, match="1500 lines"):
        parse_offer(LISTEN + "a=x\n" * (spare + 1), publishing=False)

    parse_offer(LISTEN + "a=" + "x" * (MAX_LINE_CHARS - 2), publishing=False)
    with pytest.raises(InvalidOfferError, match="2048 characters"):
        parse_offer(LISTEN + "a=" + "x" * (MAX_LINE_CHARS - 1), publishing=False)

    off = "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    parse_offer(LISTEN + off * (MAX_SECTIONS - 1), publishing=False)
    with pytest.raises(InvalidOfferError, match="16 media"):
        parse_offer(LISTEN + off * MAX_SECTIONS, publishing=False)


def test_text_is_measured_in_bytes():
    with pytest.raises(InvalidOfferError, match="bytes"):
        parse_offer("é" * (MAX_SDP_BYTES // 2 + 1), publishing=False)


ANSWER_LINE = re.compile(r"[vostcma]=[A-Za-z0-9 .:;=/+*-]*")


def assert_clean(answer: str) -> None:
    """An answer holds nothing but our template and checked tokens."""
    for line in lines_of(answer):
        mid = re.fullmatch(r"a=(mid:|group:BUNDLE )[!#$%&'*+\-.^_`{|}~0-9A-Za-z]+", line)
        assert mid or ANSWER_LINE.fullmatch(line), line


@pytest.mark.parametrize("name", OFFERS)
@pytest.mark.parametrize("publishing", [False, True])
def test_damaged_offers_are_answered_cleanly_or_refused(name, publishing):
    draw = random.Random(7)
    offer = OFFERS[name]
    for _ in range(400):
        damaged = bytearray(offer)
        for _ in range(draw.randrange(1, 6)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            parsed = parse_offer(bytes(damaged), publishing=publishing)
        except (InvalidOfferError, UnusableOfferError):
            continue
        assert_clean(write_answer(parsed, LOCAL))


def test_every_truncation_is_answered_cleanly_or_refused():
    offer = OFFERS["firefox_listen"]
    for cut in range(len(offer)):
        try:
            parsed = parse_offer(offer[:cut], publishing=False)
        except (InvalidOfferError, UnusableOfferError):
            continue
        assert_clean(write_answer(parsed, LOCAL))


OFFER_LINES = st.lists(
    st.one_of(
        st.sampled_from(sorted({line for sdp in OFFERS.values() for line in sdp.splitlines()})),
        st.binary(max_size=40),
        st.from_regex(rb"a=[a-z-]{1,12}:[^\r\n]{0,30}", fullmatch=True),
        st.from_regex(rb"m=(audio|video) \d{1,5} [A-Z/]{1,20} \d{1,3}", fullmatch=True),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(lines=OFFER_LINES, publishing=st.booleans())
def test_any_lines_are_answered_cleanly_or_refused(lines, publishing):
    try:
        parsed = parse_offer(b"v=0\r\n" + b"\r\n".join(lines), publishing=publishing)
    except (InvalidOfferError, UnusableOfferError):
        return
    assert_clean(write_answer(parsed, LOCAL))


TRICKLE = (
    "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw\r\n"
    "a=end-of-candidates\r\n"
)


def test_a_fragment_tells_the_ice_generation():
    assert parse_fragment(TRICKLE).ufrag == "EsAw"
    above = "a=ice-ufrag:Abcd\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=candidate:whatever\r\n"
    assert parse_fragment(above).ufrag == "Abcd"


@pytest.mark.parametrize("missing", ["a=ice-ufrag", "a=ice-pwd"])
def test_a_fragment_without_credentials_is_invalid(missing):
    with pytest.raises(InvalidOfferError):
        parse_fragment(without(TRICKLE, missing))
