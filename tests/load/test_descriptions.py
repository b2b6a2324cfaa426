import pytest

from offers import offer as sdp_of
from spacescore.errors import InvalidOfferError
from spacescore.load.descriptions import Credentials, answer, offer, read
from spacescore.sdp import Direction, parse_offer

OURS = Credentials("ours", "a+password/of+twenty+two", bytes(range(32)))

JANUS = """v=0\r
o=- 1 1 IN IP4 192.0.2.2\r
s=Mountpoint 1\r
t=0 0\r
a=group:BUNDLE v a\r
a=ice-options:trickle\r
a=fingerprint:sha-256 {digits}\r
m=video 9 UDP/TLS/RTP/SAVPF 100\r
a=mid:v\r
a=setup:actpass\r
a=rtpmap:100 VP8/90000\r
m=audio 9 UDP/TLS/RTP/SAVPF 96\r
a=mid:a\r
a=sendonly\r
a=rtcp-mux\r
a=ice-ufrag:1ZMa\r
a=ice-pwd:iP4N7Ivg901H/jqfVDUq60\r
a=setup:actpass\r
a=rtpmap:96 opus/48000/2\r
a=candidate:1 1 tcp 2015363327 192.0.2.2 9 typ host tcptype active\r
a=candidate:1 1 udp 2015363327 192.0.2.2 32301 typ host\r
a=candidate:1 2 udp 2015363327 192.0.2.2 32302 typ host\r
a=candidate:2 1 UDP 2015363327 fd00::2 32303 typ host\r
a=candidate:3 1 udp 2015363327 some-name.local 32304 typ host\r
a=end-of-candidates\r
""".format(digits=":".join(["AB"] * 32))


@pytest.mark.parametrize("speaks", [False, True])
def test_a_space_can_serve_our_offer(speaks):
    parsed = parse_offer(offer(OURS, speaks=speaks, ssrc=7), publishing=speaks)
    assert (parsed.payload_type, parsed.fingerprint, parsed.ufrag) == (
        111,
        bytes(range(32)),
        "ours",
    )
    assert parsed.answer is (Direction.RECVONLY if speaks else Direction.SENDONLY)


def test_a_servers_offer_is_read_whatever_section_it_uses():
    remote = read(JANUS)
    assert (remote.ufrag, remote.password) == ("1ZMa", "iP4N7Ivg901H/jqfVDUq60")
    assert remote.fingerprint == b"\xab" * 32
    assert remote.candidates == (("192.0.2.2", 32301), ("fd00::2", 32303))
    assert (remote.payload_type, remote.setup, remote.passive) == (96, "actpass", False)


def test_our_answer_takes_the_opus_and_refuses_the_rest():
    sections = answer(read(JANUS), OURS).split("m=")[1:]
    video, audio = (section.splitlines() for section in sections)
    assert video[0] == "video 0 UDP/TLS/RTP/SAVPF 0"
    assert "a=mid:v" in video
    assert audio[0] == "audio 9 UDP/TLS/RTP/SAVPF 96"
    assert {"a=mid:a", "a=setup:active", "a=recvonly", "a=ice-ufrag:ours"} <= set(audio)


def test_a_server_that_says_hello_itself_finds_us_passive():
    assert read(JANUS.replace("a=setup:actpass", "a=setup:active")).passive


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("opus/48000", "PCMU/8000", "Opus"),
        ("m=audio 9", "m=audio 0", "Opus"),
        ("a=ice-ufrag", "a=x", "ice-ufrag"),
        ("a=ice-pwd", "a=x", "ice-pwd"),
        ("a=setup", "a=x", "setup"),
        ("a=candidate", "a=x", "candidate"),
    ],
)
def test_what_is_missing_is_named(old, new, reason):
    with pytest.raises(InvalidOfferError, match=reason):
        read(JANUS.replace(old, new))


def test_a_description_without_fingerprint_trusts_whoever_answers():
    assert read(JANUS.replace("sha-256", "sha-1")).fingerprint is None


@pytest.mark.parametrize("name", ["chromium_speak", "firefox_talkback"])
def test_browsers_write_what_can_be_read(name):
    text = sdp_of(name) + "a=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n"
    assert read(text).payload_type in (109, 111)
