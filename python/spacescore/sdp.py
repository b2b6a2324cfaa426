"""SDP as far as an audio room needs it: read an offer, write its answer.

An offer is read line by line under hard limits (Janus and PJSIP each had overflows and
endless loops here), and nothing of it is copied into the answer but tokens that a pattern
or a closed list has passed. What a space can serve is narrow: one Opus track over
DTLS-SRTP, bundled, with RTCP on the same port. A section that the offer itself has turned
off (port 0, RFC 3264 section 6) is mirrored as refused. So is video offered to a listener:
generic WHEP players always offer to receive it. A publisher's second or video track
refuses the whole offer instead (RFC 9725 sections 4.4.2 and 4.4.3).

The server is ICE-lite and DTLS-passive, and puts all its candidates into the answer; it
needs none of the client's, so trickled ones are read for their form only (RFC 8840).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spacescore.errors import InvalidOfferError, UnusableOfferError

__all__ = [
    "MAX_SDP_BYTES",
    "Candidate",
    "Direction",
    "Fragment",
    "Local",
    "Offer",
    "parse_fragment",
    "parse_offer",
    "write_answer",
]

MAX_SDP_BYTES = 64 * 1024
MAX_LINES = 1_500  # a Chromium offer of audio and video has about 250
MAX_LINE_CHARS = 2_048  # the longest honest line, a candidate or fmtp, has about 250
MAX_SECTIONS = 16

_PROTOCOLS = ("UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP")  # RFC 9429 5.1.2
_KINDS = ("audio", "video", "application", "text", "message", "image")
_PAYLOAD_TYPES = frozenset((*range(35, 64), *range(96, 128)))  # dynamic, clear of RTCP: RFC 5761

_LINE = re.compile(r"[a-z]=[^\x00-\x08\x0a-\x1f\x7f]*")
_MEDIA = re.compile(r"([a-z]{1,16}) ([0-9]{1,5})(?:/[0-9]{1,5})? ([A-Za-z/]{1,32}) (\S.*)")
_OPUS = re.compile(r"([0-9]{1,3}) opus/48000/2", re.ASCII | re.IGNORECASE)
_RED = re.compile(r"([0-9]{1,3}) red/48000/2", re.ASCII | re.IGNORECASE)
_EXTENSION = re.compile(r"([0-9]{1,2})(?:/[a-z]{8,8})? (\S+).*")
_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
_FORMAT = re.compile(r"[0-9]{1,3}|webrtc-datachannel")
_MID = re.compile(r"[!#$%&'*+\-.^_`{|}~0-9A-Za-z]{1,16}")  # RFC 8843 9.1: short tokens
_UFRAG = re.compile(r"[A-Za-z0-9+/=_-]{4,256}")  # RFC 8839 5.4, with the = _ - of old Chromium
_PASSWORD = re.compile(r"[A-Za-z0-9+/=_-]{22,256}")
_SHA256 = re.compile(r"sha-256 ([0-9A-F]{2}(?::[0-9A-F]{2}){31})", re.ASCII | re.IGNORECASE)


class Direction(StrEnum):
    """Who sends, seen from whoever writes the attribute."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether the writer wants to send."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Whether the writer wants to receive."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)


_DIRECTIONS = frozenset(Direction)


@dataclass(frozen=True, slots=True)
class MediaLine:
    """One m= section of the offer, as far as its answer must mirror it."""

    kind: str
    protocol: str
    format: str
    mid: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that a space can serve."""

    media: tuple[MediaLine, ...]
    audio: int  # which of `media` is the track; the others are refused
    payload_type: int  # of Opus
    red_payload_type: int  # of Opus with redundant copies (RFC 2198), or 0
    level_extension: int  # where a publisher says how loud it is (RFC 6464), or 0
    answer: Direction  # ours
    fingerprint: bytes  # SHA-256 of the client's certificate, 32 bytes
    ufrag: str  # the client's; tells an ICE restart from trickling
    bundle: bool
    rtcp_mux_only: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """Where the server listens."""

    ip: str
    port: int
    protocol: str = "udp"


@dataclass(frozen=True, slots=True)
class Local:
    """The server's side of an answer."""

    ufrag: str
    password: str
    fingerprint: str  # "AB:CD:...", SHA-256
    candidates: Sequence[Candidate]  # best first
    ssrc: int
    cname: str
    music: bool = False  # stereo, and sound rather than words


@dataclass(frozen=True, slots=True)
class Fragment:
    """A trickle-ice-sdpfrag: the client's ICE generation. Its candidates are of no use here."""

    ufrag: str
    password: str


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines from one m= to the next, or those above the first."""

    media: str
    attributes: Sequence[tuple[str, str]]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def has(self, name: str) -> bool:
        return any(key == name for key, _ in self.attributes)


def parse_offer(sdp: bytes | str, *, publishing: bool) -> Offer:
    """Read an offer of somebody who publishes (WHIP), or who only listens (WHEP).

    Raises InvalidOfferError when it is no SDP, UnusableOfferError when a space cannot serve it.
    """
    session, *sections = _sections(_lines(sdp, first="v=0"))
    media = tuple(_media_line(section) for section in sections)
    audio = _choose(sections, media, publishing)
    track = sections[audio]
    bundle = _bundle(session, media[audio].mid)
    tagged = [s for s, line in zip(sections, media, strict=True) if bundle[:1] == [line.mid]]
    scope = [track, session, *tagged]  # a bundle-only section has its transport in the tagged one
    _require_transport(track, scope)
    return Offer(
        media=media,
        audio=audio,
        payload_type=_opus(track),
        red_payload_type=_payload_type(_RED, track),
        level_extension=_extension(_LEVEL, track) if publishing else 0,
        answer=_answer_to(_direction(session, track), publishing),
        fingerprint=_fingerprint(scope),
        ufrag=_credential(_UFRAG, "ice-ufrag", scope),
        bundle=bool(bundle),
        rtcp_mux_only=track.has("rtcp-mux-only"),
    )


def parse_fragment(sdp: bytes | str) -> Fragment:
    """Read a trickle-ice-sdpfrag (RFC 8840 section 9). Raises InvalidOfferError."""
    session, *sections = _sections(_lines(sdp))
    scope = [*sections[:1], session]
    return Fragment(
        ufrag=_credential(_UFRAG, "ice-ufrag", scope),
        password=_credential(_PASSWORD, "ice-pwd", scope),
    )


def write_answer(offer: Offer, local: Local) -> str:
    """Write the answer: one section per offered one, the track accepted, the rest refused."""
    lines = ["v=0", f"o=- {local.ssrc} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite"]
    lines += ["a=ice-options:trickle ice2"]
    if offer.bundle:
        lines += [f"a=group:BUNDLE {offer.media[offer.audio].mid}"]
    for index, media in enumerate(offer.media):
        lines += _accepted(offer, local) if index == offer.audio else _refused(media)
    return "".join(f"{line}\r\n" for line in lines)


def _lines(sdp: bytes | str, first: str = "") -> list[str]:
    try:
        data = sdp.encode() if isinstance(sdp, str) else sdp
        if len(data) > MAX_SDP_BYTES:
            raise InvalidOfferError(f"The SDP is longer than {MAX_SDP_BYTES} bytes.")
        lines = data.decode().split("\n")
    except UnicodeError:
        raise InvalidOfferError("The SDP is not UTF-8.") from None
    lines = [line.removesuffix("\r") for line in lines]
    if lines[-1] == "":
        del lines[-1]
    _require_lines(lines, first)
    return lines


def _require_lines(lines: Sequence[str], first: str) -> None:
    if not lines:
        raise InvalidOfferError("The SDP is empty.")
    if first and lines[0] != first:
        raise InvalidOfferError(f"The SDP does not begin with {first}.")
    if len(lines) > MAX_LINES:
        raise InvalidOfferError(f"The SDP has more than {MAX_LINES} lines.")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_CHARS:
            raise InvalidOfferError(f"Line {number} is longer than {MAX_LINE_CHARS} characters.")
        if not _LINE.fullmatch(line):
            raise InvalidOfferError(f"Line {number} is not of the form x=value.")


def _sections(lines: Iterable[str]) -> list[_Section]:
    sections: list[tuple[str, list[tuple[str, str]]]] = [("", [])]
    for line in lines:
        if line.startswith("m="):
            sections.append((line[2:], []))
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            sections[-1][1].append((name, value.strip()))
    if len(sections) - 1 > MAX_SECTIONS:
        raise InvalidOfferError(f"The SDP has more than {MAX_SECTIONS} media sections.")
    return [_Section(media, attributes) for media, attributes in sections]


def _media_line(section: _Section) -> MediaLine:
    match = _MEDIA.fullmatch(section.media)
    if not match or match[1] not in _KINDS or int(match[2]) > 65535:
        raise InvalidOfferError("A media section does not begin with a well-formed m= line.")
    first_format = match[4].split()[0]
    mid = next(iter(section.all("mid")), "")
    if not _FORMAT.fullmatch(first_format) or (mid and not _MID.fullmatch(mid)):
        raise InvalidOfferError("A media section has a malformed format or mid.")
    return MediaLine(match[1], match[3], first_format, mid)


def _is_on(section: _Section) -> bool:
    """Port 0 turns a section off, except in a bundle (RFC 9143 section 6)."""
    return section.media.split()[1] != "0" or section.has("bundle-only")


def _choose(sections: Sequence[_Section], media: Sequence[MediaLine], publishing: bool) -> int:
    on = [index for index, section in enumerate(sections) if _is_on(section)]
    tracks = [index for index in on if media[index].kind == "audio"]
    others = sorted({media[index].kind for index in on} - {"audio"})
    if publishing and others:
        raise UnusableOfferError(f"A space carries audio only: offer no {others[0]} section.")
    if not tracks:
        raise UnusableOfferError("The offer has no audio section.")
    if len(tracks) > 1:
        raise UnusableOfferError(f"One audio track is taken, not {len(tracks)}.")
    mids = [line.mid for line in media if line.mid]
    if len(set(mids)) != len(mids):
        raise InvalidOfferError("Two media sections have the same mid.")
    return tracks[0]


def _require_transport(track: _Section, scope: Iterable[_Section]) -> None:
    if track.media.split()[2] not in _PROTOCOLS:
        raise UnusableOfferError("Media is taken over DTLS-SRTP (UDP/TLS/RTP/SAVPF) only.")
    if not track.has("rtcp-mux"):
        raise UnusableOfferError("The audio section must offer rtcp-mux.")
    if any(section.has("ice-lite") for section in scope):
        raise UnusableOfferError("The server is ICE-lite: the client must be a full ICE agent.")
    if _first("setup", scope) not in ("actpass", "active"):
        raise UnusableOfferError("The client must take the active DTLS role (a=setup:actpass).")


def _opus(track: _Section) -> int:
    found = _payload_type(_OPUS, track)
    if not found:
        raise UnusableOfferError("The audio section does not offer Opus (opus/48000/2).")
    return found


def _payload_type(codec: re.Pattern[str], track: _Section) -> int:
    """Return the first that the codec has among the section's formats, or 0."""
    formats = track.media.split()[3:]
    for match in map(codec.fullmatch, track.all("rtpmap")):
        if match and match[1] in formats and int(match[1]) in _PAYLOAD_TYPES:
            return int(match[1])
    return 0


def _extension(name: str, track: _Section) -> int:
    """Return the id of a header extension that the client would send in short form, or 0."""
    for match in map(_EXTENSION.fullmatch, track.all("extmap")):
        if match and match[2] == name and 1 <= int(match[1]) <= 14:
            return int(match[1])
    return 0


def _direction(session: _Section, track: _Section) -> Direction:
    names = [name for name, _ in (*track.attributes, *session.attributes)]
    return next((Direction(name) for name in names if name in _DIRECTIONS), Direction.SENDRECV)


def _answer_to(offered: Direction, publishing: bool) -> Direction:
    if publishing and not offered.sends:
        raise UnusableOfferError("Whoever publishes must offer sendonly or sendrecv.")
    if not publishing and not offered.receives:
        raise UnusableOfferError("Whoever listens must offer recvonly or sendrecv.")
    if not publishing:
        return Direction.SENDONLY
    return Direction.SENDRECV if offered.receives else Direction.RECVONLY


def _fingerprint(scope: Iterable[_Section]) -> bytes:
    """Return the first SHA-256 in the nearest section that has fingerprints (RFC 8122)."""
    values = next(filter(None, (section.all("fingerprint") for section in scope)), [])
    for match in map(_SHA256.fullmatch, values):
        if match:
            return bytes.fromhex(match[1].replace(":", ""))
    raise InvalidOfferError("The offer has no well-formed sha-256 certificate fingerprint.")


def _credential(pattern: re.Pattern[str], name: str, scope: Iterable[_Section]) -> str:
    value = _first(name, scope)
    if not pattern.fullmatch(value):
        raise InvalidOfferError(f"The SDP has no well-formed {name}.")
    return value


def _first(name: str, scope: Iterable[_Section]) -> str:
    """Return the nearest section's value, or nothing."""
    return next((value for section in scope for value in section.all(name)), "")


def _bundle(session: _Section, mid: str) -> list[str]:
    """Return the mids bundled with `mid`, the tagged one first; empty where it is in none."""
    groups = (value.split() for value in session.all("group"))
    return next((g[1:] for g in groups if mid and g[:1] == ["BUNDLE"] and mid in g[1:]), [])


def _accepted(offer: Offer, local: Local) -> list[str]:
    media = offer.media[offer.audio]
    pt, red = offer.payload_type, offer.red_payload_type
    back = offer.answer
    # The first is what the receiver wants: of speakers redundancy, from listeners nothing.
    formats = [f"{red}", f"{pt}"] if back.receives else [f"{pt}", f"{red}"]
    formats = formats if red else [f"{pt}"]
    lines = [f"m=audio 9 {media.protocol} {' '.join(formats)}", "c=IN IP4 0.0.0.0"]
    lines += [f"a=mid:{media.mid}"] if media.mid else []
    level = offer.level_extension
    lines += [f"a=extmap:{level} {_LEVEL}"] if level else []
    lines += [f"a={back}", "a=rtcp-mux"]
    lines += ["a=rtcp-mux-only"] if offer.rtcp_mux_only else []
    lines += [f"a=rtpmap:{pt} opus/48000/2", f"a=fmtp:{pt} {_fmtp(back, local)}"]
    lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {pt}/{pt}"] if red else []
    lines += ["a=ptime:20", "a=maxptime:60"] if back.receives else []
    lines += [f"a=fingerprint:sha-256 {local.fingerprint}", "a=setup:passive"]
    if back.sends:  # without the SSRC Chromium ignores jitterBufferTarget
        lines += [f"a=msid:{local.cname} mix", f"a=ssrc:{local.ssrc} cname:{local.cname}"]
    return lines + _ice(local)


# A speaker's voice is decoded and encoded once more, hence 48 kbit/s instead of the 32 that would
# do for one generation; mono, because the mix is. With redundancy a speaker sends twice that.
_VOICE = "stereo=0;maxaveragebitrate=48000;maxplaybackrate=48000"
_MUSIC = "stereo=1;maxaveragebitrate=128000;maxplaybackrate=48000"


def _fmtp(back: Direction, local: Local) -> str:
    """Say what we would like to receive, and what we send (RFC 7587 section 7)."""
    parts = ["minptime=10;useinbandfec=1"]
    parts += [_MUSIC if local.music else _VOICE] if back.receives else []
    parts += ["sprop-stereo=1"] if local.music and back.sends else []
    return ";".join(parts)


def _ice(local: Local) -> list[str]:
    lines = [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    for place, candidate in enumerate(local.candidates):
        priority = (126 << 24) + ((65535 - place) << 8) + 255  # RFC 8445 5.1.2.1, host, component 1
        address = f"{candidate.ip} {candidate.port} typ host"
        lines.append(f"a=candidate:{place + 1} 1 {candidate.protocol} {priority} {address}")
    return [*lines, "a=end-of-candidates"]


def _refused(media: MediaLine) -> list[str]:
    lines = [f"m={media.kind} 0 {media.protocol} {media.format}", "c=IN IP4 0.0.0.0"]
    return [*lines, f"a=mid:{media.mid}", "a=inactive"] if media.mid else [*lines, "a=inactive"]
