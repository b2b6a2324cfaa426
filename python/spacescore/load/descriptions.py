"""SDP as the client's side of a session writes and reads it.

No candidates are offered: a server learns where we are from our checks (RFC 8445 section
7.3.1.3), as it does with browsers that hide their addresses.
"""

import re
from dataclasses import dataclass
from typing import Any

from spacescore.errors import InvalidOfferError
from spacescore.load.local import is_server

__all__ = ["Credentials", "Remote", "answer", "offer", "read"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our own side of one session."""

    ufrag: str
    password: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Remote:
    """The server's side: of its answer to our offer, or of its offer."""

    ufrag: str
    password: str
    fingerprint: bytes | None
    candidates: tuple[tuple[str, int], ...]  # UDP, in the server's order
    payload_type: int
    setup: str
    audio: int  # which section; the rest is refused
    sections: tuple[tuple[str, str], ...]  # kind and mid

    @property
    def passive(self) -> bool:
        """Whether the server says hello first."""
        return self.setup == "active"

    def member(self, ours: Credentials, server: tuple[str, int]) -> dict[str, Any]:
        """Return what a `Member` needs to know of both."""
        return {
            "server": server,
            "ufrag": self.ufrag,
            "password": self.password,
            "fingerprint": self.fingerprint,
            "client_ufrag": ours.ufrag,
            "client_password": ours.password,
            "payload_type": self.payload_type,
            "passive": self.passive,
        }


def offer(ours: Credentials, *, speaks: bool, ssrc: int = 1) -> str:
    """Write an offer of one Opus track, to send or to receive."""
    lines = [*_session("0"), *_media(ours, 111, "0", "actpass")]
    lines += ["a=sendonly" if speaks else "a=recvonly"]
    lines += [f"a=msid:load voice{ssrc}", f"a=ssrc:{ssrc} cname:load"] if speaks else []
    return _text(lines)


def answer(remote: Remote, ours: Credentials) -> str:
    """Write the answer to a server's offer: its Opus is taken, all else refused."""
    _, mid = remote.sections[remote.audio]
    lines = _session(mid)
    for index, (kind, its_mid) in enumerate(remote.sections):
        if index == remote.audio:
            lines += [*_media(ours, remote.payload_type, mid, "active"), "a=recvonly"]
        else:
            lines += [f"m={kind} 0 UDP/TLS/RTP/SAVPF 0", "c=IN IP4 0.0.0.0", f"a=mid:{its_mid}"]
            lines += ["a=inactive"]
    return _text(lines)


def read(sdp: str) -> Remote:
    """Read a server's offer or answer. Raises InvalidOfferError."""
    session, *sections = re.split(r"^m=", sdp, flags=re.MULTILINE)
    kinds = [section.partition(" ")[0] for section in sections]
    taken = [index for index, section in enumerate(sections) if _is_opus(section)]
    if not taken:
        raise InvalidOfferError("The server's SDP has no Opus.")
    track = sections[taken[0]]
    mids = [_find(r"^a=mid:(\S+)", section, required=False) for section in sections]
    return Remote(
        ufrag=_find(r"^a=ice-ufrag:(\S+)", track, session),
        password=_find(r"^a=ice-pwd:(\S+)", track, session),
        fingerprint=_fingerprint(track, session),
        candidates=_candidates(track, *sections, session),
        payload_type=int(_find(r"^a=rtpmap:(\d+) opus/48000", track)),
        setup=_find(r"^a=setup:(\w+)", track, session),
        audio=taken[0],
        sections=tuple(zip(kinds, mids, strict=True)),
    )


def _is_opus(section: str) -> bool:
    media = re.match(r"audio (\d+)", section)
    return bool(media and media[1] != "0" and re.search(r"^a=rtpmap:\d+ opus/48000", section, _HOW))


_HOW = re.MULTILINE | re.IGNORECASE


def _find(pattern: str, *scope: str, required: bool = True) -> str:
    for text in scope:
        if found := re.search(pattern, text, _HOW):
            return found[1]
    if required:
        raise InvalidOfferError(f"The server's SDP has no {pattern[3:].partition(':')[0]}.")
    return ""


def _fingerprint(*scope: str) -> bytes | None:
    digits = _find(r"^a=fingerprint:sha-256 (\S+)", *scope, required=False)
    if digits and not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){31}", digits, re.IGNORECASE):
        raise InvalidOfferError("The server's fingerprint is no SHA-256.")
    return bytes.fromhex(digits.replace(":", "")) if digits else None


def _candidates(*scope: str) -> tuple[tuple[str, int], ...]:
    """Of the first section that has some; names, as of mDNS, are of no use to us."""
    for text in scope:
        rows = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ", text, _HOW)
        if found := tuple((ip, int(port)) for ip, port in rows if is_server(ip, int(port))):
            return found
    raise InvalidOfferError("The server's SDP has no UDP candidate with an IP address.")


def _session(mid: str) -> list[str]:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mid}"]
    lines += ["a=ice-options:trickle"]
    return [*lines, "a=msid-semantic: WMS *"]


def _media(ours: Credentials, payload_type: int, mid: str, setup: str) -> list[str]:
    return [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {payload_type}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:sha-256 {ours.fingerprint.hex(':').upper()}",
        f"a=setup:{setup}",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        f"a=rtpmap:{payload_type} opus/48000/2",
        f"a=fmtp:{payload_type} minptime=10;useinbandfec=1",
    ]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
