"""A virtual browser made by hand: what `_core.VirtualClient` does, and all it never would."""

import itertools
import random
from collections import deque
from typing import Any

from spacescore._native import _core

__all__ = ["LEVEL_ID", "HandmadeClient", "sealed_check"]

CHECK_US, CONSENT_US = 50_000, 2_500_000
LEVEL_ID = 1  # of the header extension that has a speaker's level


def sealed_check(ufrag: str, password: str, transaction: bytes, *, nominates: bool = True) -> bytes:
    """An ICE check (RFC 8445 section 7.2.2) of a controlling agent."""
    request = _core.write_binding_request(
        transaction=transaction,
        username=f"{ufrag}:hand",
        priority=1,
        tie_breaker=1,
        use_candidate=nominates,
    )
    return _core.seal_stun(request, password)


class HandmadeClient:
    """Driven like `_core.VirtualClient`; its keys are open, so any RTP and RTCP can be sealed."""

    def __init__(
        self,
        context: Any,
        srtp: Any,
        *,
        server_ufrag: str,
        server_password: str,
        ssrc: int,
        payload_type: int,
        **_: Any,
    ):
        self._context, self._srtp = context, srtp
        self._credentials = server_ufrag, server_password
        self.ssrc, self.payload_type = ssrc, payload_type
        self._outbox: deque[bytes] = deque()
        self._check_us = 0
        self._random = random.Random(ssrc)
        self._dtls: Any = None
        self._rtcp_index = itertools.count()
        self.index, self.timestamp = 1_000, 0
        self.level: int | None = None  # -dBov, to be told in each packet
        self.red: int | None = None  # payload type of packets with a copy of the one before
        self._said: tuple[int, bytes] | None = None
        self.compounds: list[tuple[int, list[Any]]] = []  # (time, packets) of RTCP received
        self.state = "checking"

    @property
    def next_timeout(self) -> int | None:
        timers = [self._check_us, self._dtls.next_timeout if self._dtls else None]
        return min(timer for timer in timers if timer is not None)

    def handle_timeout(self, now_us: int) -> None:
        if now_us >= self._check_us:
            self._outbox.append(self.check())
            self._check_us = now_us + (CHECK_US if self._dtls is None else CONSENT_US)
        if self._dtls is not None:
            self._dtls.handle_timeout(now_us)
            self._pump()

    def check(self, *, nominates: bool = True) -> bytes:
        return sealed_check(*self._credentials, self._random.randbytes(12), nominates=nominates)

    def handle_datagram(self, now_us: int, datagram: bytes) -> None:
        if datagram[0] < 4:
            if self._dtls is None:
                self._dtls = _core.DtlsSession(self._context, role="client", now_us=now_us)
        elif datagram[0] < 64:
            self._dtls.handle_datagram(now_us, datagram)
        elif self.state == "connected" and _core.is_rtcp(datagram):
            compound, _ = self._srtp.open_rtcp(self._remote_rtcp, datagram)
            self.compounds.append((now_us, _core.parse_rtcp(compound)))
        self._pump()

    def _pump(self) -> None:
        while (datagram := self._dtls.poll_transmit()) is not None:
            self._outbox.append(datagram)
        if self.state != "connected" and self._dtls.state == "connected":
            keys = self._dtls.keys()
            local, remote = (
                _core.SrtpMaster(_core.SrtpProfile(keys.profile), secret[:16], secret[16:])
                for secret in (keys.local, keys.remote)
            )
            self._rtp, self._rtcp = self._srtp.rtp_key(local), self._srtp.rtcp_key(local)
            self._remote_rtcp = self._srtp.rtcp_key(remote)
            self._receiver = _core.SrtpReceiver(self._srtp, remote)
            self.state = "connected"

    def poll_transmit(self) -> bytes | None:
        return self._outbox.popleft() if self._outbox else None

    def poll_audio(self) -> None:
        return None

    def rtp(self, opus: bytes, *, index: int | None = None, **header: Any) -> bytes:
        """A sealed packet; its index is that of the next one, unless given."""
        index = self.index if index is None else index
        fields = {"payload_type": self.payload_type, "timestamp": self.timestamp}
        fields |= {"ssrc": self.ssrc, "sequence": index & 0xFFFF} | header
        plain = self.extended(_core.write_rtp_header(**fields))
        return self._srtp.seal_rtp([(self._rtp, plain, opus, fields["ssrc"], index)])[0]

    def redundant(self, opus: bytes) -> bytes:
        """A sealed packet with a copy of the one before (RFC 2198)."""
        copies = []
        if self._said is not None:
            offset = self.timestamp - self._said[0] & 0xFFFFFFFF
            copies = [(self.payload_type, offset, self._said[1])]
        payload = _core.write_red(copies, self.payload_type, opus)
        return self.rtp(payload, payload_type=self.red)

    def extended(self, header: bytes) -> bytes:
        """A header with the speaker's level in it (RFC 6464, one-byte form of RFC 8285)."""
        if self.level is None:
            return header
        body = bytes([LEVEL_ID << 4, 0x80 | self.level, 0, 0])
        return bytes([header[0] | 0x10]) + header[1:] + b"\xbe\xde\x00\x01" + body

    def opened(self, datagram: bytes) -> Any:
        """An RTP packet that came, in plain."""
        sealed = _core.parse_rtp(datagram)
        payload, _ = self._receiver.open_rtp(
            datagram, sealed.header_size, sealed.ssrc, sealed.sequence
        )
        return _core.parse_rtp(datagram[: sealed.header_size] + payload)

    def rtcp(self, *packets: bytes, index: int | None = None) -> bytes:
        """A sealed compound."""
        index = next(self._rtcp_index) if index is None else index
        return self._srtp.seal_rtcp(self._rtcp, b"".join(packets), index)

    def send(self, datagram: bytes) -> None:
        self._outbox.append(datagram)

    def send_audio(self, now_us: int, opus: bytes, samples: int) -> bool:
        if self.state != "connected":
            return False
        self.send(self.rtp(opus) if self.red is None else self.redundant(opus))
        self._said = self.timestamp, opus
        self.index += 1
        self.timestamp = self.timestamp + samples & 0xFFFFFFFF
        return True

    def skip_audio(self, samples: int) -> None:
        self.timestamp = self.timestamp + samples & 0xFFFFFFFF

    def close(self) -> None:
        """Says nothing: no check follows either."""
        self._check_us = 1 << 62
