"""An ICE-lite, DTLS and SRTP server of a few lines, wired by hand from the single pieces: the
virtual client is held against it, not against the engine it is later used to test.
"""

from spacescore._native import _core

__all__ = ["PASSWORD", "UFRAG", "MiniServer"]

UFRAG, PASSWORD = "server+ufrag/", "a+password/of+the+server"
FRAME_US, FRAME_SAMPLES = 20_000, 960
SENDER_REPORT_EVERY = 50  # frames


class MiniServer:
    """Sends `frames` packets of audio once connected; a peer for `netem.run`."""

    def __init__(
        self,
        *,
        frames: int = 0,
        first_sequence: int = 0,
        csrc: tuple[int, ...] = (),
        payload_type: int = 111,
        asks_certificate: bool = False,
    ):
        self.certificate = _core.Certificate.generate()
        self.context = _core.DtlsContext(self.certificate)
        self.engine = _core.SrtpEngine()
        self.frames, self.index, self.csrc = frames, first_sequence, csrc
        self.first_sequence, self.payload_type = first_sequence, payload_type
        self.asks_certificate = asks_certificate
        self.answers_checks = True
        self.checks: list[tuple[int, _core.StunMessage]] = []
        self.received: list[tuple[_core.RtpPacket, bytes, int]] = []
        self.reports: list[tuple[int, _core.RtcpPacket]] = []
        self.dtls: _core.DtlsSession | None = None
        self._keys = None
        self._next_frame: int | None = None
        self._out: list[bytes] = []
        self._rtcp_index = 0

    @property
    def closed(self) -> bool:
        return self.dtls is not None and self.dtls.peer_closed

    @property
    def next_timeout(self) -> int | None:
        dtls = self.dtls.next_timeout if self.dtls else None
        return min((when for when in (dtls, self._next_frame) if when is not None), default=None)

    def handle_datagram(self, now_us: int, datagram: bytes) -> None:
        if datagram[0] < 4:
            self._check(now_us, datagram)
        elif datagram[0] < 64:
            self._handshake(now_us, datagram)
        elif _core.is_rtcp(datagram):
            compound = _core.parse_rtcp(self._receiver.open_rtcp(datagram))
            self.reports += [(now_us, packet) for packet in compound]
        else:
            self._media(datagram)

    def handle_timeout(self, now_us: int) -> None:
        if self.dtls and self.dtls.next_timeout is not None:
            self.dtls.handle_timeout(now_us)
            self._pump()
        if self._next_frame is not None and now_us >= self._next_frame:
            self._send_frame(now_us)

    def poll_transmit(self) -> bytes | None:
        return self._out.pop(0) if self._out else None

    def send_rtcp(self, compound: bytes) -> None:
        _, rtcp = self._keys
        self._out.append(self.engine.seal_rtcp(rtcp, compound, self._rtcp_index))
        self._rtcp_index += 1

    def _check(self, now_us: int, datagram: bytes) -> None:
        request = _core.parse_stun(datagram)
        assert _core.verify_integrity(datagram, PASSWORD)
        self.checks.append((now_us, request))
        if self.answers_checks:
            answer = _core.write_binding_success(request.transaction, ("192.0.2.7", 5000))
            self._out.append(_core.seal_stun(answer, PASSWORD))

    def _handshake(self, now_us: int, datagram: bytes) -> None:
        if self.dtls is None:
            self.dtls = _core.DtlsSession(
                self.context,
                role="server",
                client_certificate=self.asks_certificate,
                now_us=now_us,
            )
        self.dtls.handle_datagram(now_us, datagram)
        self._pump()
        if self.dtls.state == "connected" and self._keys is None:
            self._connect(now_us)

    def _pump(self) -> None:
        while (datagram := self.dtls.poll_transmit()) is not None:
            self._out.append(datagram)

    def _connect(self, now_us: int) -> None:
        keys = self.dtls.keys()
        profile = _core.SrtpProfile(keys.profile)
        local, remote = (
            _core.SrtpMaster(profile, text[:16], text[16:]) for text in (keys.local, keys.remote)
        )
        self._keys = self.engine.rtp_key(local), self.engine.rtcp_key(local)
        self._receiver = _core.SrtpReceiver(self.engine, remote)
        self._next_frame = now_us + FRAME_US if self.frames else None

    def _media(self, datagram: bytes) -> None:
        rtp = _core.parse_rtp(datagram)
        payload, index = self._receiver.open_rtp(datagram, rtp.header_size, rtp.ssrc, rtp.sequence)
        self.received.append((rtp, payload, index))

    def _send_frame(self, now_us: int) -> None:
        sent = self.index - self.first_sequence
        header = _core.write_rtp_header(
            payload_type=self.payload_type,
            sequence=self.index & 0xFFFF,
            timestamp=sent * FRAME_SAMPLES & 0xFFFFFFFF,
            ssrc=7,
            csrc=list(self.csrc),
        )
        rtp, _ = self._keys
        payload = b"frame %d" % sent
        self._out += self.engine.seal_rtp([(rtp, header, payload, 7, self.index)])
        if sent % SENDER_REPORT_EVERY == 0:
            info = _core.SenderInfo(
                ntp=_core.ntp_time(now_us), rtp_timestamp=0, packets=sent, octets=0
            )
            self.send_rtcp(_core.write_sender_report(7, info))
        self.index += 1
        self._next_frame = now_us + FRAME_US if sent + 1 < self.frames else None
