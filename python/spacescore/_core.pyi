"""
The compiled core of spacescore. Use it through the spacescore package.
"""

from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing

__all__: list[str] = [
    "Audience",
    "AutoTier",
    "Certificate",
    "ClientStats",
    "Crowd",
    "DecodeGate",
    "Dropped",
    "DtlsContext",
    "DtlsKeys",
    "DtlsSession",
    "Engine",
    "Event",
    "FATES",
    "Feedback",
    "FlatIndex",
    "FloorDatagrams",
    "FloorHandshakes",
    "FloorKeys",
    "JitterBuffer",
    "JitterStats",
    "JoinTimes",
    "LISTENER_ROW_BYTES",
    "Ladder",
    "Limiter",
    "Member",
    "Mesh",
    "Mixer",
    "NextHopReader",
    "NextHops",
    "Node",
    "OggOpusWriter",
    "OpenedUfrag",
    "OpusDecoder",
    "OpusEncoder",
    "Pace",
    "PacketSender",
    "PayloadSlab",
    "Playlist",
    "Playout",
    "Pop",
    "Push",
    "ReceivedAudio",
    "Recorder",
    "Repacketizer",
    "ReplayWindow",
    "ReportBlock",
    "ReportSampler",
    "RtcpPacket",
    "RtpPacket",
    "SenderInfo",
    "SessionKeys",
    "SpaceStats",
    "SpeakerRanking",
    "SpeakerStats",
    "SpscBytes",
    "SrtpBackend",
    "SrtpEngine",
    "SrtpKey",
    "SrtpMaster",
    "SrtpProfile",
    "SrtpReceiver",
    "StunMessage",
    "Swarm",
    "TicketKeys",
    "TransmitRing",
    "UdpSocket",
    "VirtualClient",
    "Voice",
    "VoiceStats",
    "add_voice",
    "append_fingerprint",
    "derive_session_keys",
    "drop_names",
    "equal_in_constant_time",
    "floor_checks",
    "floor_ring",
    "floor_seal",
    "hmac_sha1",
    "hmac_sha256",
    "is_due",
    "is_rtcp",
    "level_dbov",
    "make_ufrag",
    "ntp_time",
    "opus_has_fec",
    "opus_samples",
    "parse_red",
    "parse_rtcp",
    "parse_rtp",
    "parse_stun",
    "random_bytes",
    "relieved",
    "seal_stun",
    "sha256",
    "subtract_voice",
    "unwrap",
    "unwrap_timestamp",
    "verify_integrity",
    "with_red_payload_type",
    "worker_share",
    "write_binding_request",
    "write_binding_success",
    "write_bye",
    "write_receiver_report",
    "write_red",
    "write_rtp_header",
    "write_sdes_cname",
    "write_sender_report",
]

class Dropped(ValueError):
    pass

class FlatIndex:
    def __init__(self, capacity: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __len__(self) -> int: ...
    def erase(self, key: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
    def find(self, key: typing.SupportsInt | typing.SupportsIndex) -> int | None: ...
    def set(
        self,
        key: typing.SupportsInt | typing.SupportsIndex,
        value: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool: ...

class SpscBytes:
    def __init__(self, capacity: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __len__(self) -> int: ...
    def pop(self) -> bytes | None: ...
    def push(self, string: bytes) -> bool: ...

class RtpPacket:
    def audio_level(self, id: typing.SupportsInt | typing.SupportsIndex) -> tuple[int, bool] | None:
        """
        (level in -dBov, voice), or None.
        """
    def find_extension(self, id: typing.SupportsInt | typing.SupportsIndex) -> bytes | None: ...
    def strip_padding(self) -> bytes: ...
    @property
    def csrc(self) -> list[int]: ...
    @property
    def extension(self) -> bytes: ...
    @property
    def extension_profile(self) -> int: ...
    @property
    def header_size(self) -> int: ...
    @property
    def marker(self) -> bool: ...
    @property
    def padding(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def payload_type(self) -> int: ...
    @property
    def sequence(self) -> int: ...
    @property
    def ssrc(self) -> int: ...
    @property
    def timestamp(self) -> int: ...

class ReportBlock:
    def __init__(
        self,
        *,
        ssrc: typing.SupportsInt | typing.SupportsIndex,
        fraction_lost: typing.SupportsInt | typing.SupportsIndex = 0,
        packets_lost: typing.SupportsInt | typing.SupportsIndex = 0,
        highest_sequence: typing.SupportsInt | typing.SupportsIndex = 0,
        jitter: typing.SupportsInt | typing.SupportsIndex = 0,
        last_sr: typing.SupportsInt | typing.SupportsIndex = 0,
        delay_since_sr: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    @property
    def delay_since_sr(self) -> int: ...
    @property
    def fraction_lost(self) -> int: ...
    @property
    def highest_sequence(self) -> int: ...
    @property
    def jitter(self) -> int: ...
    @property
    def last_sr(self) -> int: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def ssrc(self) -> int: ...

class SenderInfo:
    def __init__(
        self,
        *,
        ntp: typing.SupportsInt | typing.SupportsIndex,
        rtp_timestamp: typing.SupportsInt | typing.SupportsIndex,
        packets: typing.SupportsInt | typing.SupportsIndex,
        octets: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @property
    def ntp(self) -> int: ...
    @property
    def octets(self) -> int: ...
    @property
    def packets(self) -> int: ...
    @property
    def rtp_timestamp(self) -> int: ...

class RtcpPacket:
    @property
    def body(self) -> bytes: ...
    @property
    def count(self) -> int: ...
    @property
    def info(self) -> SenderInfo | None: ...
    @property
    def reports(self) -> list[ReportBlock]: ...
    @property
    def sender(self) -> int: ...
    @property
    def type(self) -> int: ...

class StunMessage:
    @property
    def controlled(self) -> bool: ...
    @property
    def controlling(self) -> bool: ...
    @property
    def integrity(self) -> bytes: ...
    @property
    def integrity_offset(self) -> int: ...
    @property
    def mapped(self) -> tuple[str, int] | None: ...
    @property
    def priority(self) -> int | None: ...
    @property
    def transaction(self) -> bytes: ...
    @property
    def type(self) -> str: ...
    @property
    def use_candidate(self) -> bool: ...
    @property
    def username(self) -> bytes: ...

class SrtpProfile:
    """
    Members:

      AES128_CM_SHA1_80

      AEAD_AES_128_GCM
    """

    AEAD_AES_128_GCM: typing.ClassVar[SrtpProfile]
    AES128_CM_SHA1_80: typing.ClassVar[SrtpProfile]
    __members__: typing.ClassVar[dict[str, SrtpProfile]]
    @typing.overload
    def __eq__(self, other: SrtpProfile) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: SrtpProfile) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class SrtpBackend:
    """
    Members:

      BEST

      IPSEC_MB

      OPENSSL
    """

    BEST: typing.ClassVar[SrtpBackend]
    IPSEC_MB: typing.ClassVar[SrtpBackend]
    OPENSSL: typing.ClassVar[SrtpBackend]
    __members__: typing.ClassVar[dict[str, SrtpBackend]]
    @typing.overload
    def __eq__(self, other: SrtpBackend) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: SrtpBackend) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class SrtpKey:
    pass

class SrtpMaster:
    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None: ...
    @property
    def key(self) -> bytes: ...
    @property
    def profile(self) -> SrtpProfile: ...
    @property
    def salt(self) -> bytes: ...

class SessionKeys:
    def __init__(self, cipher: bytes, salt: bytes, authentication: bytes) -> None: ...
    @property
    def authentication(self) -> bytes: ...
    @property
    def cipher(self) -> bytes: ...
    @property
    def salt(self) -> bytes: ...

class SrtpEngine:
    def __init__(self, backend: SrtpBackend = SrtpBackend.BEST) -> None: ...
    def expand(self, profile: SrtpProfile, session: SessionKeys) -> SrtpKey: ...
    def open_rtcp(self, key: SrtpKey, packet: bytes) -> tuple[bytes, int] | None: ...
    def open_rtp(
        self,
        key: SrtpKey,
        packet: bytes,
        header_size: typing.SupportsInt | typing.SupportsIndex,
        ssrc: typing.SupportsInt | typing.SupportsIndex,
        index: typing.SupportsInt | typing.SupportsIndex,
    ) -> bytes | None: ...
    def rtcp_key(self, master: SrtpMaster) -> SrtpKey: ...
    def rtp_key(self, master: SrtpMaster) -> SrtpKey: ...
    def seal_rtcp(
        self, key: SrtpKey, compound: bytes, index: typing.SupportsInt | typing.SupportsIndex
    ) -> bytes: ...
    def seal_rtp(
        self,
        requests: collections.abc.Sequence[
            tuple[
                SrtpKey,
                bytes,
                bytes,
                typing.SupportsInt | typing.SupportsIndex,
                typing.SupportsInt | typing.SupportsIndex,
            ]
        ],
    ) -> list[bytes]: ...
    @property
    def name(self) -> str: ...

class ReplayWindow:
    def __init__(self) -> None: ...
    def accepts(self, index: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
    def mark(self, index: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def mark_through(self, index: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class SrtpReceiver:
    def __init__(self, engine: SrtpEngine, remote: SrtpMaster) -> None: ...
    def open_rtcp(self, datagram: bytes) -> bytes: ...
    def open_rtp(
        self,
        datagram: bytes,
        header_size: typing.SupportsInt | typing.SupportsIndex,
        ssrc: typing.SupportsInt | typing.SupportsIndex,
        sequence: typing.SupportsInt | typing.SupportsIndex,
    ) -> tuple[bytes, int]: ...
    def resume(
        self,
        ssrc: typing.SupportsInt | typing.SupportsIndex,
        newest: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @property
    def newest(self) -> int: ...

class FloorKeys:
    def __init__(
        self,
        backend: SrtpBackend,
        profile: SrtpProfile,
        count: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...

class Certificate:
    @staticmethod
    def generate(days: typing.SupportsInt | typing.SupportsIndex = 30) -> Certificate: ...
    def __init__(self, certificate_pem: str, private_key_pem: str) -> None: ...
    @property
    def certificate_pem(self) -> str: ...
    @property
    def private_key_pem(self) -> str: ...

class DtlsContext:
    def __init__(
        self,
        certificate: Certificate,
        only: typing.SupportsInt | typing.SupportsIndex | None = None,
    ) -> None: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def fingerprint_text(self) -> str: ...

class DtlsKeys:
    @property
    def local(self) -> bytes: ...
    @property
    def profile(self) -> int: ...
    @property
    def remote(self) -> bytes: ...

class DtlsSession:
    def __init__(
        self,
        context: DtlsContext,
        *,
        role: str,
        client_certificate: bool = False,
        now_us: typing.SupportsInt | typing.SupportsIndex = 0,
        asks_cookie: bool = False,
    ) -> None: ...
    def handle_datagram(
        self, now_us: typing.SupportsInt | typing.SupportsIndex, datagram: bytes
    ) -> None: ...
    def handle_timeout(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def keys(self) -> DtlsKeys: ...
    def poll_transmit(self) -> bytes | None: ...
    @property
    def last_flight(self) -> bytes: ...
    @property
    def next_timeout(self) -> int | None: ...
    @property
    def peer_closed(self) -> bool: ...
    @property
    def peer_fingerprint(self) -> bytes | None: ...
    @property
    def state(self) -> str: ...

class FloorHandshakes:
    def __init__(
        self, certificate: Certificate, count: typing.SupportsInt | typing.SupportsIndex
    ) -> None: ...
    def answer(self, datagrams: collections.abc.Sequence[bytes]) -> list[bytes]: ...

class OpenedUfrag:
    @property
    def cohort(self) -> int: ...
    @property
    def expiry(self) -> int: ...
    @property
    def fingerprint(self) -> bytes | None: ...
    @property
    def level_extension(self) -> int: ...
    @property
    def password(self) -> str: ...
    @property
    def payload_type(self) -> int: ...
    @property
    def peer(self) -> int: ...
    @property
    def personal(self) -> bool: ...
    @property
    def red_payload_type(self) -> int: ...
    @property
    def requires_certificate(self) -> bool: ...
    @property
    def role(self) -> str: ...
    @property
    def sends_only(self) -> bool: ...
    @property
    def session(self) -> bytes: ...
    @property
    def space(self) -> int: ...

class TicketKeys:
    def __init__(self) -> None: ...
    def add(self, key_id: typing.SupportsInt | typing.SupportsIndex, key: bytes) -> None: ...
    def mint(
        self,
        *,
        space: typing.SupportsInt | typing.SupportsIndex,
        role: str,
        expiry: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex = 0,
        cohort: typing.SupportsInt | typing.SupportsIndex = 0,
        personal: bool = False,
        requires_certificate: bool = False,
        sends_only: bool = False,
    ) -> str: ...
    def open(
        self, ufrag: str, unix_us: typing.SupportsInt | typing.SupportsIndex
    ) -> OpenedUfrag: ...
    def password(self, ticket: str) -> str: ...
    def remove(self, key_id: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class OpusEncoder:
    def __init__(
        self,
        *,
        bitrate: typing.SupportsInt | typing.SupportsIndex = 32000,
        complexity: typing.SupportsInt | typing.SupportsIndex = 5,
        channels: typing.SupportsInt | typing.SupportsIndex = 1,
        dtx: bool = True,
        expected_loss: typing.SupportsInt | typing.SupportsIndex = 10,
        application: str = "voip",
    ) -> None: ...
    def encode(self, frame: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> bytes:
        """
        960 samples per channel in, a packet out.
        """
    def reset(self) -> None: ...
    @property
    def lookahead(self) -> int: ...

class OpusDecoder:
    def __init__(self, channels: typing.SupportsInt | typing.SupportsIndex = 1) -> None: ...
    def conceal(
        self, samples: typing.SupportsInt | typing.SupportsIndex = 960
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def decode(self, packet: bytes) -> numpy.typing.NDArray[numpy.float32]:
        """
        Samples; none if the packet is malformed.
        """
    def decode_fec(
        self, next: bytes, samples: typing.SupportsInt | typing.SupportsIndex = 960
    ) -> numpy.typing.NDArray[numpy.float32]: ...
    def reset(self) -> None: ...

class Limiter:
    def __init__(self) -> None: ...
    def process(
        self, frame: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]
    ) -> numpy.typing.NDArray[numpy.float32]:
        """
        The limited frame, as a new array.
        """

class Mixer:
    def __init__(
        self,
        *,
        bitrate: typing.SupportsInt | typing.SupportsIndex = 32000,
        complexity: typing.SupportsInt | typing.SupportsIndex = 5,
        channels: typing.SupportsInt | typing.SupportsIndex = 1,
        dtx: bool = True,
        expected_loss: typing.SupportsInt | typing.SupportsIndex = 10,
        application: str = "voip",
        encode: bool = True,
    ) -> None: ...
    def add(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def mix(
        self, audible: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    ) -> tuple:
        """
        One tick: the shared packet, and by peer the packets without that peer.
        """
    def read(self, out: numpy.ndarray) -> None:
        """
        The sound of the last mix.
        """
    def read_minus(
        self, peer: typing.SupportsInt | typing.SupportsIndex, out: numpy.ndarray
    ) -> None:
        """
        The same without a peer.
        """
    def remove(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def set_voice(
        self, peer: typing.SupportsInt | typing.SupportsIndex, frame: numpy.ndarray
    ) -> int:
        """
        How loud it was, -dBov.
        """

class JitterStats:
    """
    Counters; names as in W3C getStats where they are there.
    """
    @property
    def concealed_samples(self) -> int: ...
    @property
    def concealment_events(self) -> int: ...
    @property
    def fec_packets_received(self) -> int: ...
    @property
    def inserted_samples_for_deceleration(self) -> int: ...
    @property
    def jitter(self) -> float: ...
    @property
    def jitter_buffer_delay(self) -> float: ...
    @property
    def jitter_buffer_emitted_count(self) -> int: ...
    @property
    def jitter_buffer_target_delay(self) -> float: ...
    @property
    def packets_discarded(self) -> int: ...
    @property
    def packets_duplicated(self) -> int: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def packets_received(self) -> int: ...
    @property
    def packets_repaired(self) -> int: ...
    @property
    def removed_samples_for_acceleration(self) -> int: ...
    @property
    def restarts(self) -> int: ...
    @property
    def silent_concealed_samples(self) -> int: ...
    @property
    def target_delay(self) -> float: ...
    @property
    def total_samples_received(self) -> int: ...

class Push:
    """
    Members:

      stored

      duplicate

      late

      restarted

      held

      overflow
    """

    __members__: typing.ClassVar[dict[str, Push]]
    duplicate: typing.ClassVar[Push]
    held: typing.ClassVar[Push]
    late: typing.ClassVar[Push]
    overflow: typing.ClassVar[Push]
    restarted: typing.ClassVar[Push]
    stored: typing.ClassVar[Push]
    @typing.overload
    def __eq__(self, other: Push) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Push) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Playout:
    """
    Members:

      frame

      fec

      conceal

      dtx

      silence

      hold

      accelerate

      skip
    """

    __members__: typing.ClassVar[dict[str, Playout]]
    accelerate: typing.ClassVar[Playout]
    conceal: typing.ClassVar[Playout]
    dtx: typing.ClassVar[Playout]
    fec: typing.ClassVar[Playout]
    frame: typing.ClassVar[Playout]
    hold: typing.ClassVar[Playout]
    silence: typing.ClassVar[Playout]
    skip: typing.ClassVar[Playout]
    @typing.overload
    def __eq__(self, other: Playout) -> bool: ...
    @typing.overload
    def __eq__(self, other: typing.Any) -> bool: ...
    def __getstate__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __index__(self) -> int: ...
    def __init__(self, value: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __int__(self) -> int: ...
    @typing.overload
    def __ne__(self, other: Playout) -> bool: ...
    @typing.overload
    def __ne__(self, other: typing.Any) -> bool: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, state: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def __str__(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class Pop:
    @property
    def level(self) -> int: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def samples(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def what(self) -> Playout: ...

class PayloadSlab:
    """
    Where payloads wait; jitter buffers of one thread may share it.
    """
    def __init__(self) -> None: ...
    @property
    def bytes(self) -> int: ...

class JitterBuffer:
    """
    The jitter buffer of one decoded stream; times in microseconds.
    """
    def __init__(
        self,
        *,
        late_cost: typing.SupportsFloat | typing.SupportsIndex = 275.0,
        least_us: typing.SupportsInt | typing.SupportsIndex = 10000,
        most_us: typing.SupportsInt | typing.SupportsIndex = 700000,
        slab: PayloadSlab | None = None,
    ) -> None: ...
    def pop(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> Pop:
        """
        The next entry due.
        """
    def push(
        self,
        arrival_us: typing.SupportsInt | typing.SupportsIndex,
        sequence: typing.SupportsInt | typing.SupportsIndex,
        timestamp: typing.SupportsInt | typing.SupportsIndex,
        payload: bytes,
        ssrc: typing.SupportsInt | typing.SupportsIndex = 0,
        samples: typing.SupportsInt | typing.SupportsIndex = 960,
        level: typing.SupportsInt | typing.SupportsIndex = 127,
        copy: bool = False,
    ) -> Push: ...
    def reset(self) -> None: ...
    def stats(self) -> JitterStats: ...

class SpeakerRanking:
    """
    The loudest speakers and the dominant one, by RFC 6464 levels.
    """
    def __init__(self, audible: typing.SupportsInt | typing.SupportsIndex = 3) -> None: ...
    def add(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def audible(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> list[int]: ...
    def remove(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def report(
        self,
        peer: typing.SupportsInt | typing.SupportsIndex,
        level: typing.SupportsInt | typing.SupportsIndex,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        claimed: typing.SupportsInt | typing.SupportsIndex = 127,
    ) -> None: ...
    @property
    def dominant(self) -> int | None: ...

class VoiceStats(JitterStats):
    @property
    def decode_errors(self) -> int: ...
    @property
    def frames_decoded(self) -> int: ...

class Voice:
    def __init__(
        self,
        channels: typing.SupportsInt | typing.SupportsIndex = 1,
        *,
        late_cost: typing.SupportsFloat | typing.SupportsIndex = 275.0,
        least_us: typing.SupportsInt | typing.SupportsIndex = 10000,
        most_us: typing.SupportsInt | typing.SupportsIndex = 700000,
    ) -> None: ...
    def advance(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def frame(self) -> numpy.typing.NDArray[numpy.float32]: ...
    def push(
        self,
        arrival_us: typing.SupportsInt | typing.SupportsIndex,
        sequence: typing.SupportsInt | typing.SupportsIndex,
        timestamp: typing.SupportsInt | typing.SupportsIndex,
        payload: bytes,
        level: typing.SupportsInt | typing.SupportsIndex = 127,
        copy: bool = False,
    ) -> Push: ...
    def read(self, out: numpy.ndarray) -> None:
        """
        The tick's frame, written to `out`.
        """
    def stats(self) -> VoiceStats: ...
    @property
    def claim(self) -> int: ...
    @property
    def leveled(self) -> bool: ...

class DecodeGate:
    def __init__(self, audible: typing.SupportsInt | typing.SupportsIndex = 3) -> None: ...
    def add(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def choose(
        self, mixed: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]
    ) -> list[int]: ...
    def claim(
        self,
        peer: typing.SupportsInt | typing.SupportsIndex,
        level: typing.SupportsInt | typing.SupportsIndex,
        leveled: bool = True,
    ) -> None: ...
    def measure(
        self,
        peer: typing.SupportsInt | typing.SupportsIndex,
        level: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def remove(self, peer: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class Repacketizer:
    def __init__(self) -> None: ...
    def merge(
        self,
        packets: collections.abc.Sequence[bytes],
        room: typing.SupportsInt | typing.SupportsIndex = 61296,
    ) -> bytes | int:
        """
        One packet, or how many of the first packets one can hold.
        """

class OggOpusWriter:
    def __init__(
        self,
        *,
        serial: typing.SupportsInt | typing.SupportsIndex,
        channels: typing.SupportsInt | typing.SupportsIndex = 1,
        title: str = "",
    ) -> None: ...
    def finish(self) -> None: ...
    def flush(self) -> None: ...
    def take(self) -> bytes:
        """
        The bytes made since the last call.
        """
    def write(
        self,
        position: typing.SupportsInt | typing.SupportsIndex,
        packet: bytes,
        samples: typing.SupportsInt | typing.SupportsIndex = 960,
    ) -> None:
        """
        One Opus packet at 48 kHz samples since the start; gaps become silence.
        """
    @property
    def skipped(self) -> int: ...

class UdpSocket:
    def __init__(
        self, host: str = "::", port: typing.SupportsInt | typing.SupportsIndex = 0
    ) -> None: ...
    def fileno(self) -> int: ...
    @property
    def port(self) -> int: ...

class NextHops:
    pass

class NextHopReader:
    def __init__(self, interface: str) -> None: ...
    def read(self) -> NextHops: ...

class PacketSender:
    def __init__(self, interface: str) -> None: ...
    def counters(self) -> dict: ...
    def send(
        self,
        socket: UdpSocket,
        datagrams: collections.abc.Sequence[
            tuple[tuple[str, typing.SupportsInt | typing.SupportsIndex], bytes]
        ],
    ) -> None: ...
    def use(self, next_hops: NextHops) -> None: ...

class TransmitRing:
    def __init__(self, interface: str) -> None: ...

class Audience:
    def __init__(
        self, capacity: typing.SupportsInt | typing.SupportsIndex, backend: str = "best"
    ) -> None: ...
    def __len__(self) -> int: ...
    def add(
        self,
        address: tuple[str, typing.SupportsInt | typing.SupportsIndex],
        key: bytes,
        salt: bytes,
        profile: typing.SupportsInt | typing.SupportsIndex = 7,
        payload_type: typing.SupportsInt | typing.SupportsIndex = 111,
        first_index: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> int: ...
    def fill(
        self,
        count: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex | None = None,
        profile: typing.SupportsInt | typing.SupportsIndex = 7,
    ) -> bytes: ...
    def last_packet(
        self, payload: bytes, timestamp: typing.SupportsInt | typing.SupportsIndex = 0
    ) -> bytes: ...
    def packets(
        self, payload: bytes, timestamp: typing.SupportsInt | typing.SupportsIndex = 0
    ) -> list: ...
    def remove(self, row: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def seal_all(
        self,
        payload: bytes,
        timestamp: typing.SupportsInt | typing.SupportsIndex = 0,
        frames: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> int: ...
    def send_all(
        self,
        socket: UdpSocket,
        payload: bytes,
        timestamp: typing.SupportsInt | typing.SupportsIndex = 0,
        around: PacketSender | None = None,
    ) -> int: ...

class FloorDatagrams:
    def __init__(
        self,
        to: collections.abc.Sequence[tuple[str, typing.SupportsInt | typing.SupportsIndex]],
        size: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def send(self, by: UdpSocket) -> int: ...

class Pace:
    def __init__(self) -> None: ...
    def add(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        brought: typing.SupportsInt | typing.SupportsIndex,
        waiting: typing.SupportsInt | typing.SupportsIndex,
        idle: bool,
    ) -> None: ...
    def due(
        self, now_us: typing.SupportsInt | typing.SupportsIndex, behind: bool = False
    ) -> int: ...
    def next(self) -> int: ...
    def spend(self, packets: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def slipped_us(self) -> int: ...

class Ladder:
    def __init__(
        self,
        ssrc: typing.SupportsInt | typing.SupportsIndex,
        next_timestamp: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def next(
        self, timestamp: typing.SupportsInt | typing.SupportsIndex, red: bool = False
    ) -> tuple[bytes, int] | None:
        """
        An RTP packet from there on, and the timestamp after it; None when nothing is newer.
        """
    def push(
        self,
        timestamp: typing.SupportsInt | typing.SupportsIndex,
        payload: bytes,
        marker: bool = False,
        csrc: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
    ) -> None: ...
    @property
    def next_timestamp(self) -> int: ...
    @property
    def rejects(self) -> int: ...
    @property
    def skips(self) -> int: ...

class AutoTier:
    def __init__(self) -> None: ...
    def update(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        lateness_us: typing.SupportsInt | typing.SupportsIndex,
    ) -> int: ...

class Event:
    @property
    def detail(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def peer(self) -> int: ...
    @property
    def peers(self) -> list[int]: ...
    @property
    def session(self) -> bytes: ...
    @property
    def space(self) -> int: ...

class SpeakerStats:
    @property
    def audible(self) -> bool: ...
    @property
    def concealed_samples(self) -> int: ...
    @property
    def concealment_events(self) -> int: ...
    @property
    def decode_errors(self) -> int: ...
    @property
    def fec_packets_received(self) -> int: ...
    @property
    def frames_decoded(self) -> int: ...
    @property
    def inserted_samples_for_deceleration(self) -> int: ...
    @property
    def jitter(self) -> float: ...
    @property
    def jitter_buffer_delay(self) -> float: ...
    @property
    def jitter_buffer_delay_ms(self) -> float: ...
    @property
    def jitter_buffer_emitted_count(self) -> int: ...
    @property
    def jitter_buffer_target_delay(self) -> float: ...
    @property
    def level(self) -> int: ...
    @property
    def muted(self) -> bool: ...
    @property
    def packets_discarded(self) -> int: ...
    @property
    def packets_duplicated(self) -> int: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def packets_received(self) -> int: ...
    @property
    def packets_repaired(self) -> int: ...
    @property
    def peer(self) -> int: ...
    @property
    def removed_samples_for_acceleration(self) -> int: ...
    @property
    def restarts(self) -> int: ...
    @property
    def silent_concealed_samples(self) -> int: ...
    @property
    def target_delay(self) -> float: ...
    @property
    def target_delay_ms(self) -> float: ...
    @property
    def total_samples_received(self) -> int: ...

class SpaceStats:
    @property
    def frames_mixed(self) -> int: ...
    @property
    def listeners(self) -> int: ...
    @property
    def recorded_samples(self) -> int: ...
    @property
    def speakers(self) -> list[SpeakerStats]: ...
    @property
    def tiers(self) -> typing.Annotated[list[int], "FixedSize(4)"]: ...

class Mesh:
    def __init__(
        self,
        workers: typing.SupportsInt | typing.SupportsIndex,
        seats: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def home(self, space: typing.SupportsInt | typing.SupportsIndex) -> int: ...

class Engine:
    def __init__(
        self,
        *,
        now_us: typing.SupportsInt | typing.SupportsIndex = 0,
        unix_us: typing.SupportsInt | typing.SupportsIndex = 1700000000000000,
        backend: str = "best",
        max_listeners: typing.SupportsInt | typing.SupportsIndex = 1000,
        max_handshakes: typing.SupportsInt | typing.SupportsIndex = 64,
        max_waiting: typing.SupportsInt | typing.SupportsIndex = 1024,
        audible: typing.SupportsInt | typing.SupportsIndex = 3,
        mesh: Mesh | None = None,
        worker: typing.SupportsInt | typing.SupportsIndex = 0,
        certificate_pem: str = "",
        private_key_pem: str = "",
    ) -> None: ...
    def add_ticket_key(
        self, key_id: typing.SupportsInt | typing.SupportsIndex, key: bytes
    ) -> None: ...
    def close_space(self, space: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
    def counters(self) -> dict: ...
    def create_space(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        space: typing.SupportsInt | typing.SupportsIndex,
        recorded: bool = False,
        music: bool = False,
    ) -> None: ...
    def drop_transmits(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        enough: typing.SupportsInt | typing.SupportsIndex = 18446744073709551615,
    ) -> int: ...
    def end_session(
        self, now_us: typing.SupportsInt | typing.SupportsIndex, session: bytes
    ) -> bool: ...
    def handle_backlog(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
    def handle_clock(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        unix_us: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def handle_datagram(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        source: tuple[str, typing.SupportsInt | typing.SupportsIndex],
        datagram: bytes,
    ) -> None: ...
    def handle_mesh(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def handle_timeout(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def hold_handshakes(self) -> None: ...
    def next_timeout(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def poll_events(self) -> list[Event]: ...
    def poll_recorded(self) -> list: ...
    def poll_transmits(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> list: ...
    def refuse_newcomers(self) -> None: ...
    def remove_peer(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool: ...
    def set_admitted(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        cohorts: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool: ...
    def set_invited_only(
        self, space: typing.SupportsInt | typing.SupportsIndex, only: bool
    ) -> bool: ...
    def set_listener_tier(
        self, session: bytes, milliseconds: typing.SupportsInt | typing.SupportsIndex | None
    ) -> bool: ...
    def set_muted(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex,
        muted: bool,
    ) -> bool: ...
    def set_tier(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        milliseconds: typing.SupportsInt | typing.SupportsIndex | None,
    ) -> bool: ...
    def space_stats(self, space: typing.SupportsInt | typing.SupportsIndex) -> SpaceStats: ...
    @property
    def fingerprint(self) -> bytes: ...
    @property
    def handshakes(self) -> int: ...
    @property
    def listeners(self) -> int: ...
    @property
    def relief(self) -> int: ...
    @property
    def speakers(self) -> int: ...

class ReportSampler:
    def __init__(self) -> None: ...
    def takes(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        last_us: typing.SupportsInt | typing.SupportsIndex,
        lossy: bool = False,
    ) -> bool: ...

class Feedback:
    def __init__(
        self,
        engine: Engine,
        space: typing.SupportsInt | typing.SupportsIndex,
        listeners: typing.SupportsInt | typing.SupportsIndex,
        seed: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> None: ...
    def feed(self, engine: Engine, now_us: typing.SupportsInt | typing.SupportsIndex) -> int: ...
    def prepare(
        self,
        checks: typing.SupportsInt | typing.SupportsIndex,
        reports: typing.SupportsInt | typing.SupportsIndex,
        fraction_lost: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> None: ...
    @property
    def check_size(self) -> int: ...
    @property
    def report_size(self) -> int: ...

class Node:
    def __init__(
        self,
        *,
        host: str = "::",
        port: typing.SupportsInt | typing.SupportsIndex = 7881,
        workers: typing.SupportsInt | typing.SupportsIndex = 1,
        backend: str = "best",
        certificate_pem: str = "",
        private_key_pem: str = "",
        max_listeners: typing.SupportsInt | typing.SupportsIndex = 100000,
        max_handshakes: typing.SupportsInt | typing.SupportsIndex = 1024,
        packet_interface: str = "",
    ) -> None: ...
    def add_ticket_key(
        self, key_id: typing.SupportsInt | typing.SupportsIndex, key: bytes
    ) -> None: ...
    def close(self) -> None: ...
    def close_space(self, space: typing.SupportsInt | typing.SupportsIndex) -> bool: ...
    def counters(self) -> list[dict]: ...
    def create_space(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        *,
        title: str = "",
        record_path: str = "",
        music: bool = False,
    ) -> None: ...
    def drain(self) -> list[Event]: ...
    def end_session(self, session: bytes) -> bool: ...
    def fileno(self) -> int: ...
    def mint(
        self,
        *,
        space: typing.SupportsInt | typing.SupportsIndex,
        role: str,
        expiry: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex = 0,
        cohort: typing.SupportsInt | typing.SupportsIndex = 0,
        personal: bool = False,
        requires_certificate: bool = False,
        sends_only: bool = False,
    ) -> str: ...
    def password(self, ticket: str) -> str: ...
    def refuse_newcomers(self) -> None: ...
    def remove_peer(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool: ...
    def set_admitted(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        cohorts: typing.SupportsInt | typing.SupportsIndex,
    ) -> bool: ...
    def set_invited_only(
        self, space: typing.SupportsInt | typing.SupportsIndex, only: bool
    ) -> bool: ...
    def set_listener_tier(
        self, session: bytes, milliseconds: typing.SupportsInt | typing.SupportsIndex | None
    ) -> bool: ...
    def set_muted(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        peer: typing.SupportsInt | typing.SupportsIndex,
        muted: bool,
    ) -> bool: ...
    def set_tier(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        milliseconds: typing.SupportsInt | typing.SupportsIndex | None,
    ) -> bool: ...
    def space_stats(self, space: typing.SupportsInt | typing.SupportsIndex) -> SpaceStats: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def workers(self) -> int: ...

class Recorder:
    max_waiting: typing.ClassVar[int] = 1048576
    def __init__(self) -> None: ...
    def close(self) -> None:
        """
        Writes out what waits, finishes every file.
        """
    def finish(self, space: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def open(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        path: str,
        *,
        title: str = "",
        channels: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> None: ...
    def take_events(self) -> list:
        """
        (kind, detail) since the last call.
        """
    def write(
        self,
        space: typing.SupportsInt | typing.SupportsIndex,
        position: typing.SupportsInt | typing.SupportsIndex,
        packet: bytes,
        samples: typing.SupportsInt | typing.SupportsIndex = 960,
    ) -> None:
        """
        Leaves a packet in the ring; never waits.
        """
    @property
    def lost(self) -> int: ...

class JoinTimes:
    @property
    def answered_us(self) -> int | None: ...
    @property
    def connected_us(self) -> int | None: ...
    @property
    def first_audio_us(self) -> int | None: ...
    @property
    def first_check_us(self) -> int | None: ...

class ClientStats:
    @property
    def bytes_received(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def checks_answered(self) -> int: ...
    @property
    def checks_sent(self) -> int: ...
    @property
    def frames_skipped(self) -> int: ...
    @property
    def jitter_us(self) -> int: ...
    @property
    def packets_duplicated(self) -> int: ...
    @property
    def packets_late(self) -> int: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def packets_received(self) -> int: ...
    @property
    def packets_reordered(self) -> int: ...
    @property
    def packets_sent(self) -> int: ...
    @property
    def remote(self) -> ReportBlock | None: ...
    @property
    def reports_received(self) -> int: ...
    @property
    def reports_sent(self) -> int: ...
    @property
    def round_trip_us(self) -> int: ...

class ReceivedAudio:
    @property
    def csrc(self) -> list[int]: ...
    @property
    def index(self) -> int: ...
    @property
    def marker(self) -> bool: ...
    @property
    def payload(self) -> bytes: ...
    @property
    def ssrc(self) -> int: ...
    @property
    def timestamp(self) -> int: ...

class VirtualClient:
    def __init__(
        self,
        context: DtlsContext,
        engine: SrtpEngine,
        *,
        server_ufrag: str,
        server_password: str,
        client_ufrag: str = "load",
        client_password: str = "",
        server: tuple[str, typing.SupportsInt | typing.SupportsIndex] | None = None,
        controlling: bool = True,
        passive: bool = False,
        server_fingerprint: bytes | None = None,
        shows_certificate: bool = False,
        ssrc: typing.SupportsInt | typing.SupportsIndex = 1,
        payload_type: typing.SupportsInt | typing.SupportsIndex = 111,
        first_sequence: typing.SupportsInt | typing.SupportsIndex = 0,
        first_timestamp: typing.SupportsInt | typing.SupportsIndex = 0,
        consent_interval_us: typing.SupportsInt | typing.SupportsIndex = 2500000,
        nominates_always: bool = True,
    ) -> None: ...
    def close(self) -> None: ...
    def handle_datagram(
        self, now_us: typing.SupportsInt | typing.SupportsIndex, datagram: bytes
    ) -> None: ...
    def handle_timeout(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def poll_audio(self) -> ReceivedAudio | None: ...
    def poll_transmit(self) -> bytes | None: ...
    def send_audio(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        opus: bytes,
        samples: typing.SupportsInt | typing.SupportsIndex = 960,
        marker: bool = False,
    ) -> bool: ...
    def skip_audio(self, samples: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def drops(self) -> dict[str, int]:
        """
        Reason to count, of what was dropped at all.
        """
    @property
    def failure(self) -> str:
        """
        Why it failed; empty when it did not.
        """
    @property
    def next_timeout(self) -> int | None: ...
    @property
    def state(self) -> str: ...
    @property
    def stats(self) -> ClientStats: ...
    @property
    def times(self) -> JoinTimes: ...

class Playlist:
    def __init__(
        self,
        packets: collections.abc.Sequence[tuple[bytes, typing.SupportsInt | typing.SupportsIndex]],
    ) -> None:
        """
        Opus packets and how many samples each lasts; an empty one is silence.
        """
    def __len__(self) -> int: ...

class Member:
    def __init__(
        self,
        *,
        server: tuple[str, typing.SupportsInt | typing.SupportsIndex],
        ufrag: str,
        password: str,
        fingerprint: bytes | None = None,
        client_ufrag: str = "load",
        client_password: str = "",
        start_us: typing.SupportsInt | typing.SupportsIndex = 0,
        asked_us: typing.SupportsInt | typing.SupportsIndex | None = None,
        payload_type: typing.SupportsInt | typing.SupportsIndex = 111,
        ssrc: typing.SupportsInt | typing.SupportsIndex = 1,
        controlling: bool = True,
        passive: bool = False,
        playlist: Playlist | None = None,
        shares_socket: bool = True,
    ) -> None: ...

class Crowd:
    def __init__(
        self,
        context: DtlsContext,
        engine: SrtpEngine,
        *,
        join_timeout_us: typing.SupportsInt | typing.SupportsIndex = 10000000,
        most_joining: typing.SupportsInt | typing.SupportsIndex = 4096,
    ) -> None: ...
    def add(self, members: collections.abc.Sequence[Member]) -> int:
        """
        Adds members in order; returns the first one's number.
        """
    def delays(self) -> dict:
        """
        By how much packets came later than the fastest one of their listener.
        """
    def handle_datagram(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        member: typing.SupportsInt | typing.SupportsIndex,
        datagram: bytes,
    ) -> None: ...
    def handle_timeout(self, now_us: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def heard(self) -> dict:
        """
        When the first packet after each silence came, by member and RTP timestamp.
        """
    def lateness(self) -> dict:
        """
        How late the crowd itself was with timers and starts: how many took less than each end.
        """
    def leave(self) -> None:
        """
        Everybody says goodbye; counting ends.
        """
    def poll_transmit(self) -> tuple[int, bytes] | None: ...
    def results(self) -> dict:
        """
        A NumPy array per column, a row per member.
        """
    def said(self) -> dict:
        """
        The same, of speakers: when it was sent.
        """
    def start(
        self,
        now_us: typing.SupportsInt | typing.SupportsIndex,
        most: typing.SupportsInt | typing.SupportsIndex = 16,
    ) -> None: ...
    def totals(self) -> dict:
        """
        What is known without looking at each.
        """
    @property
    def next_timeout(self) -> int | None: ...

class Swarm:
    def __init__(
        self,
        *,
        members: typing.SupportsInt | typing.SupportsIndex = 1,
        join_timeout_us: typing.SupportsInt | typing.SupportsIndex = 10000000,
        most_joining: typing.SupportsInt | typing.SupportsIndex = 4096,
        punctual: bool = False,
    ) -> None: ...
    def add(self, members: collections.abc.Sequence[Member]) -> int:
        """
        Adds members in order; returns the first one's number.
        """
    def close(self) -> None: ...
    def delays(self) -> dict:
        """
        By how much packets came later than the fastest one of their listener.
        """
    def health(self) -> dict: ...
    def heard(self) -> dict:
        """
        When the first packet after each silence came, by member and RTP timestamp.
        """
    def lateness(self) -> dict:
        """
        How late the crowd itself was with timers and starts: how many took less than each end.
        """
    def leave(self) -> None:
        """
        Everybody says goodbye; counting ends.
        """
    def results(self) -> dict:
        """
        A NumPy array per column, a row per member.
        """
    def said(self) -> dict:
        """
        The same, of speakers: when it was sent.
        """
    def totals(self) -> dict:
        """
        What is known without looking at each.
        """
    @property
    def fingerprint(self) -> bytes:
        """
        SHA-256 of the certificate that speakers show.
        """

def add_voice(
    sum: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    voice: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    from_gain: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    to_gain: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> numpy.typing.NDArray[numpy.float32]:
    """
    sum + voice * gain, as a new array.
    """

def append_fingerprint(message: bytes) -> bytes: ...
def derive_session_keys(master: SrtpMaster, rtcp: bool) -> SessionKeys: ...
def drop_names() -> list: ...
def equal_in_constant_time(a: bytes, b: bytes) -> bool: ...
def floor_checks(
    checks: typing.SupportsInt | typing.SupportsIndex,
    request_size: typing.SupportsInt | typing.SupportsIndex,
    answer_size: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def floor_ring(
    ring: TransmitRing, frame: bytes, times: typing.SupportsInt | typing.SupportsIndex
) -> int: ...
def floor_seal(
    keys: FloorKeys,
    payload_size: typing.SupportsInt | typing.SupportsIndex,
    rounds: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def hmac_sha1(key: bytes, message: bytes) -> bytes: ...
def hmac_sha256(key: bytes, message: bytes) -> bytes: ...
def is_due(
    tier: typing.SupportsInt | typing.SupportsIndex,
    phase: typing.SupportsInt | typing.SupportsIndex,
    tick: typing.SupportsInt | typing.SupportsIndex,
) -> bool: ...
def is_rtcp(datagram: bytes) -> bool: ...
def level_dbov(frame: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> int:
    """
    RFC 6464: 0 (loudest) to 127 (silence).
    """

def make_ufrag(
    ticket: str,
    session: bytes,
    payload_type: typing.SupportsInt | typing.SupportsIndex,
    fingerprint: bytes | None = None,
    red_payload_type: typing.SupportsInt | typing.SupportsIndex = 0,
    level_extension: typing.SupportsInt | typing.SupportsIndex = 0,
) -> str: ...
def ntp_time(unix_us: typing.SupportsInt | typing.SupportsIndex) -> int: ...
def opus_has_fec(packet: bytes) -> bool:
    """
    Whether it carries the frame before it again (LBRR).
    """

def opus_samples(packet: bytes) -> int | None:
    """
    Samples at 48 kHz, or None when malformed.
    """

def parse_red(payload: bytes) -> list[tuple[int, int, bytes]]:
    """
    Blocks as (payload type, timestamp offset, payload), the primary last.
    """

def parse_rtcp(datagram: bytes) -> list[RtcpPacket]: ...
def parse_rtp(datagram: bytes) -> RtpPacket: ...
def parse_stun(datagram: bytes) -> StunMessage: ...
def random_bytes(size: typing.SupportsInt | typing.SupportsIndex) -> bytes: ...
def relieved(
    wish: typing.SupportsInt | typing.SupportsIndex,
    level: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def seal_stun(message: bytes, password: str) -> bytes: ...
def sha256(message: bytes) -> bytes: ...
def subtract_voice(
    sum: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    voice: typing.Annotated[numpy.typing.ArrayLike, numpy.float32],
    from_gain: typing.SupportsFloat | typing.SupportsIndex = 1.0,
    to_gain: typing.SupportsFloat | typing.SupportsIndex = 1.0,
) -> numpy.typing.NDArray[numpy.float32]:
    """
    sum - voice * gain, as a new array.
    """

def unwrap(
    seq: typing.SupportsInt | typing.SupportsIndex,
    reference: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def unwrap_timestamp(
    timestamp: typing.SupportsInt | typing.SupportsIndex,
    reference: typing.SupportsInt | typing.SupportsIndex,
) -> int: ...
def verify_integrity(datagram: bytes, password: str) -> bool: ...
def with_red_payload_type(
    payload: bytes, payload_type: typing.SupportsInt | typing.SupportsIndex
) -> bytes: ...
def worker_share(
    max_listeners: typing.SupportsInt | typing.SupportsIndex,
    workers: typing.SupportsInt | typing.SupportsIndex,
) -> dict: ...
def write_binding_request(
    *,
    transaction: bytes,
    username: str,
    priority: typing.SupportsInt | typing.SupportsIndex,
    tie_breaker: typing.SupportsInt | typing.SupportsIndex,
    controlling: bool = True,
    use_candidate: bool = True,
) -> bytes: ...
def write_binding_success(
    transaction: bytes, mapped: tuple[str, typing.SupportsInt | typing.SupportsIndex]
) -> bytes: ...
def write_bye(source: typing.SupportsInt | typing.SupportsIndex) -> bytes: ...
def write_receiver_report(
    sender: typing.SupportsInt | typing.SupportsIndex,
    reports: collections.abc.Sequence[ReportBlock] = [],
) -> bytes: ...
def write_red(
    copies: collections.abc.Sequence[
        tuple[
            typing.SupportsInt | typing.SupportsIndex,
            typing.SupportsInt | typing.SupportsIndex,
            bytes,
        ]
    ],
    payload_type: typing.SupportsInt | typing.SupportsIndex,
    primary: bytes,
) -> bytes: ...
def write_rtp_header(
    *,
    payload_type: typing.SupportsInt | typing.SupportsIndex,
    sequence: typing.SupportsInt | typing.SupportsIndex,
    timestamp: typing.SupportsInt | typing.SupportsIndex,
    ssrc: typing.SupportsInt | typing.SupportsIndex,
    marker: bool = False,
    csrc: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex] = [],
) -> bytes: ...
def write_sdes_cname(source: typing.SupportsInt | typing.SupportsIndex, cname: str) -> bytes: ...
def write_sender_report(
    sender: typing.SupportsInt | typing.SupportsIndex,
    info: SenderInfo,
    reports: collections.abc.Sequence[ReportBlock] = [],
) -> bytes: ...

FATES: tuple = (
    "waiting",
    "joining",
    "joined",
    "no_answer",
    "handshake_timeout",
    "handshake_failed",
    "wrong_certificate",
    "lost",
    "sent_away",
)
LISTENER_ROW_BYTES: int = 1352
