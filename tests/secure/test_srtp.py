"""SRTP against the vectors of RFC 3711 and RFC 7714, against libsrtp, and against itself."""

import contextlib
import random
import struct
from collections.abc import Callable

import pylibsrtp
import pytest

from spacescore._native import _core

GCM = _core.SrtpProfile.AEAD_AES_128_GCM
COUNTER = _core.SrtpProfile.AES128_CM_SHA1_80
PROFILES = [GCM, COUNTER]
TAG = {GCM: 16, COUNTER: 10}
SSRC = 0x5501A0B2
ROLLOVER = 1 << 16
SIZES = [*range(70), 80, 127, 128, 129, 240, 255, 256, 257, 480, 511, 512, 769, 1023, 1199, 1200]


def engines() -> list[_core.SrtpEngine]:
    """Every backend that runs here, OpenSSL first."""
    found = [_core.SrtpEngine(_core.SrtpBackend.OPENSSL)]
    with contextlib.suppress(RuntimeError):
        found.append(_core.SrtpEngine(_core.SrtpBackend.IPSEC_MB))
    return found


ENGINES = engines()
each_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
each_profile = pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)


def master(profile: _core.SrtpProfile, seed: int = 1) -> _core.SrtpMaster:
    source = random.Random(seed)
    return _core.SrtpMaster(
        profile, source.randbytes(16), source.randbytes(12 if profile == GCM else 14)
    )


def rtp_header(sequence: int, ssrc: int = SSRC, csrcs: int = 0) -> bytes:
    header = struct.pack(
        "!BBHII", 0x80 | csrcs, 111, sequence & 0xFFFF, sequence * 960 % 2**32, ssrc
    )
    return header + bytes(range(4 * csrcs))


def seal(
    engine: _core.SrtpEngine,
    key: _core.SrtpKey,
    index: int,
    payload: bytes = b"twenty bytes of Opus",
) -> bytes:
    [packet] = engine.seal_rtp([(key, rtp_header(index), payload, SSRC, index)])
    return packet


class Stream:
    """A sender and a receiver of one SSRC."""

    def __init__(self, engine: _core.SrtpEngine, profile: _core.SrtpProfile) -> None:
        self.engine, self.key = engine, engine.rtp_key(master(profile))
        self.rtcp_key = engine.rtcp_key(master(profile))
        self.receiver = _core.SrtpReceiver(engine, master(profile))

    def seal(self, index: int) -> bytes:
        return seal(self.engine, self.key, index, b"packet %d" % index)

    def open(self, packet: bytes) -> int:
        """The index of an opened packet; its payload has been compared."""
        sequence = int.from_bytes(packet[2:4], "big")
        payload, index = self.receiver.open_rtp(packet, 12, SSRC, sequence)
        assert payload == b"packet %d" % index
        return index


@pytest.fixture(
    params=[(e, p) for e in ENGINES for p in PROFILES], ids=lambda p: f"{p[0].name}-{p[1].name}"
)
def stream(request: pytest.FixtureRequest) -> Stream:
    return Stream(*request.param)


def drop_of(call: Callable[[], object]) -> str:
    with pytest.raises(_core.Dropped) as caught:
        call()
    return str(caught.value)


# --- vectors


def test_session_keys_agree_with_rfc_3711_appendix_b3() -> None:
    keys = _core.derive_session_keys(
        _core.SrtpMaster(
            COUNTER,
            bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"),
            bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6"),
        ),
        rtcp=False,
    )
    assert keys.cipher.hex() == "c61e7a93744f39ee10734afe3ff7a087"
    assert keys.salt.hex() == "30cbbc08863d8c85d49db34a9ae1"
    assert keys.authentication.hex() == "cebe321f6ff7716b6fd4ab49af256a156d38baa4"


@each_engine
def test_the_keystream_agrees_with_rfc_3711_appendix_b2(engine: _core.SrtpEngine) -> None:
    session = _core.SessionKeys(
        bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"),
        bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
        bytes(20),
    )
    key = engine.expand(COUNTER, session)
    [packet] = engine.seal_rtp([(key, bytes(12), bytes(48), 0, 0)])
    assert packet[12:60].hex() == (
        "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0"
    )


RFC_7714_SESSION = _core.SessionKeys(bytes(range(16)), b"Quid pro quo", bytes(20))


@each_engine
def test_rtp_agrees_with_rfc_7714_section_16_1(engine: _core.SrtpEngine) -> None:
    key = engine.expand(GCM, RFC_7714_SESSION)
    header = bytes.fromhex("8040f17b8041f8d35501a0b2")
    payload = b"Gallia est omnis divisa in partes tres"
    sealed = bytes.fromhex(
        "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3a"
        "df8833899d7f27beb16a9152cf765ee4390cce"
    )
    assert engine.seal_rtp([(key, header, payload, SSRC, 0xF17B)]) == [sealed]
    assert engine.open_rtp(key, sealed, 12, SSRC, 0xF17B) == payload


@each_engine
def test_rtcp_agrees_with_rfc_7714_section_17_1(engine: _core.SrtpEngine) -> None:
    key = engine.expand(GCM, RFC_7714_SESSION)
    compound = bytes.fromhex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeef"
        "deadbeefdeadbeef"
    )
    sealed = bytes.fromhex(
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b46"
        "86303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
    )
    assert engine.seal_rtcp(key, compound, 0x5D4) == sealed
    assert engine.open_rtcp(key, sealed) == (compound, 0x5D4)


# --- against each other


@pytest.mark.skipif(len(ENGINES) < 2, reason="this CPU runs one backend only")
@each_profile
def test_backends_seal_alike_whatever_the_size(profile: _core.SrtpProfile) -> None:
    source = random.Random(3711)
    plain = []
    for n, size in enumerate([*range(1201), *SIZES]):
        header = rtp_header(n, csrcs=n % 16)
        plain.append(
            (
                master(profile, n % 50),
                header,
                source.randbytes(size),
                n * 7919,
                source.getrandbits(48),
            )
        )
    sealed = [
        engine.seal_rtp([(engine.rtp_key(m), *rest) for m, *rest in plain]) for engine in ENGINES
    ]
    assert sealed[0] == sealed[1]
    for engine, packets in zip(ENGINES, reversed(sealed), strict=True):
        for packet, (m, header, payload, ssrc, index) in zip(packets, plain, strict=True):
            assert engine.open_rtp(engine.rtp_key(m), packet, len(header), ssrc, index) == payload


@each_engine
def test_a_batch_of_both_profiles_is_sealed_as_one_by_one(engine: _core.SrtpEngine) -> None:
    source = random.Random(5764)
    requests = []
    for n in range(300):
        key = engine.rtp_key(master(source.choice(PROFILES), n % 7))
        requests.append((key, rtp_header(n), source.randbytes(source.choice(SIZES)), SSRC, n))
    assert engine.seal_rtp(requests) == [engine.seal_rtp([r])[0] for r in requests]
    assert engine.seal_rtp([]) == []


@pytest.mark.skipif(len(ENGINES) < 2, reason="this CPU runs one backend only")
@each_profile
def test_backends_seal_rtcp_alike_whatever_the_size(profile: _core.SrtpProfile) -> None:
    source = random.Random(3550)
    keys = [engine.rtcp_key(master(profile)) for engine in ENGINES]
    for size in [8, 9, 12, 28, *range(32, 200, 4), 1200]:
        compound, index = source.randbytes(size), source.getrandbits(31)
        sealed = [e.seal_rtcp(k, compound, index) for e, k in zip(ENGINES, keys, strict=True)]
        assert sealed[0] == sealed[1]
        assert len(sealed[0]) == size + TAG[profile] + 4
        for engine, key in zip(ENGINES, keys, strict=True):
            assert engine.open_rtcp(key, sealed[0]) == (compound, index)


# --- against libsrtp


def libsrtp(profile: _core.SrtpProfile, inbound: bool) -> pylibsrtp.Session:
    secret = master(profile)
    direction = pylibsrtp.Policy.SSRC_ANY_INBOUND if inbound else pylibsrtp.Policy.SSRC_ANY_OUTBOUND
    numbers = {
        GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        COUNTER: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    }
    return pylibsrtp.Session(
        pylibsrtp.Policy(
            key=secret.key + secret.salt, ssrc_type=direction, srtp_profile=numbers[profile]
        )
    )


@each_engine
@each_profile
def test_libsrtp_opens_what_we_seal(engine: _core.SrtpEngine, profile: _core.SrtpProfile) -> None:
    peer = libsrtp(profile, inbound=True)
    key, rtcp_key = engine.rtp_key(master(profile)), engine.rtcp_key(master(profile))
    source = random.Random(1)
    for index, size in enumerate(SIZES, start=ROLLOVER - 40):
        payload = source.randbytes(size)
        assert peer.unprotect(seal(engine, key, index, payload)) == rtp_header(index) + payload
    for index in range(20):
        compound = report(SSRC, words=index)
        assert peer.unprotect_rtcp(engine.seal_rtcp(rtcp_key, compound, index)) == compound


@each_engine
@each_profile
def test_we_open_what_libsrtp_seals(engine: _core.SrtpEngine, profile: _core.SrtpProfile) -> None:
    peer = libsrtp(profile, inbound=False)
    receiver = _core.SrtpReceiver(engine, master(profile))
    source = random.Random(2)
    for index, size in enumerate(SIZES, start=ROLLOVER - 40):
        payload = source.randbytes(size)
        packet = peer.protect(rtp_header(index) + payload)
        assert receiver.open_rtp(packet, 12, SSRC, index % ROLLOVER) == (payload, index)
    for words in range(20):
        compound = report(SSRC, words)
        assert receiver.open_rtcp(peer.protect_rtcp(compound)) == compound


# --- the receiver


def test_the_rollover_counter_follows_the_wrap_and_steps_back_for_latecomers(
    stream: Stream,
) -> None:
    order = [65530, 65534, ROLLOVER + 1, 65535, ROLLOVER, 65531, ROLLOVER + 2, 65533]
    assert [stream.open(stream.seal(index)) for index in order] == order
    assert stream.receiver.newest == ROLLOVER + 2


def test_a_stream_may_start_anywhere_and_wrap_many_times(stream: Stream) -> None:
    indices = [30_000 * n for n in range(1, 30)]
    assert [stream.open(stream.seal(index)) for index in indices] == indices


def test_a_replayed_packet_is_dropped_within_and_beyond_the_window(stream: Stream) -> None:
    packets = [stream.seal(index) for index in range(65_400, 65_700)]
    for packet in packets:
        stream.open(packet)
    assert {drop_of(lambda p=packet: stream.open(p)) for packet in packets} == {"replayed_rtp"}
    assert stream.open(stream.seal(65_700)) == 65_700


def test_an_unseen_packet_opens_at_the_edge_of_the_window_and_not_beyond(stream: Stream) -> None:
    assert stream.open(stream.seal(1000)) == 1000
    assert stream.open(stream.seal(1000 - 127)) == 1000 - 127
    assert drop_of(lambda: stream.open(stream.seal(1000 - 128))) == "replayed_rtp"


def test_a_forged_packet_moves_neither_window_nor_rollover(stream: Stream) -> None:
    stream.open(stream.seal(65_000))
    for sequence in (65_001, 65_100, 32_200, 1, 64_950):
        forged = rtp_header(sequence) + bytes(40)
        assert drop_of(lambda p=forged: stream.open(p)) == "forged_rtp"
    assert stream.receiver.newest == 65_000
    order = [65_001, 64_950, 65_100, ROLLOVER + 1]
    assert [stream.open(stream.seal(index)) for index in order] == order


def test_a_forged_first_packet_names_no_ssrc(stream: Stream) -> None:
    forged = rtp_header(5, ssrc=7) + bytes(40)
    assert drop_of(lambda: stream.receiver.open_rtp(forged, 12, 7, 5)) == "forged_rtp"
    assert stream.open(stream.seal(40_000)) == 40_000


def test_a_peer_may_change_its_ssrc_a_few_times(stream: Stream) -> None:
    """Each SSRC counts from where it likes, and what was heard of it cannot be replayed."""
    packets = [
        stream.engine.seal_rtp([(stream.key, rtp_header(seq, ssrc=ssrc), b"x", ssrc, seq)])[0]
        for ssrc, seq in enumerate((9, 60_000, 1, 30_000, 9))
    ]
    for ssrc, seq in enumerate((9, 60_000, 1, 30_000)):
        assert stream.receiver.open_rtp(packets[ssrc], 12, ssrc, seq) == (b"x", seq)
        assert stream.receiver.newest == seq
    assert drop_of(lambda: stream.receiver.open_rtp(packets[0], 12, 0, 9)) == "replayed_rtp"
    assert drop_of(lambda: stream.receiver.open_rtp(packets[4], 12, 4, 9)) == "unexpected_media"


def test_a_resumed_receiver_goes_on_where_the_other_stopped(stream: Stream) -> None:
    newest = 5 * ROLLOVER + 65_535
    stream.receiver.resume(SSRC, newest)
    assert drop_of(lambda: stream.open(stream.seal(newest - 3))) == "replayed_rtp"
    assert stream.open(stream.seal(newest + 1)) == 6 * ROLLOVER


def test_no_index_follows_the_last_of_a_key(stream: Stream) -> None:
    last = (1 << 48) - 1
    stream.receiver.resume(SSRC, last - 1)
    assert stream.open(stream.seal(last)) == last
    assert drop_of(lambda: stream.open(rtp_header(0) + bytes(40))) == "replayed_rtp"


def test_every_truncation_is_dropped(stream: Stream) -> None:
    packet = stream.seal(1)
    reasons = {
        drop_of(lambda c=cut: stream.receiver.open_rtp(packet[:c], 12, SSRC, 1))
        for cut in range(len(packet))
    }
    assert reasons == {"malformed_rtp", "forged_rtp"}
    assert stream.open(packet) == 1


def test_every_flipped_bit_is_dropped(stream: Stream) -> None:
    packet = stream.seal(1)
    for bit in range(8 * len(packet)):
        flipped = bytearray(packet)
        flipped[bit // 8] ^= 1 << bit % 8
        datagram = bytes(flipped)
        assert drop_of(lambda d=datagram: stream.receiver.open_rtp(d, 12, SSRC, 1)) == "forged_rtp"
    assert stream.open(packet) == 1


def test_a_storm_of_damaged_packets_opens_nothing_and_harms_nothing(stream: Stream) -> None:
    source = random.Random(20)
    packets = [stream.seal(index) for index in range(100, 200)]
    stream.open(packets[0])
    for _ in range(25_000):
        damaged = bytearray(source.choice(packets))
        for _ in range(source.randrange(1, 4)):
            damaged[source.randrange(4, len(damaged))] ^= source.randrange(1, 256)
        datagram, sequence = bytes(damaged), int.from_bytes(damaged[2:4], "big")
        if datagram in packets:
            continue
        with pytest.raises(_core.Dropped, match=r"forged_rtp|replayed_rtp"):
            stream.receiver.open_rtp(datagram, 12, SSRC, sequence)
    assert [stream.open(packet) for packet in packets[1:]] == list(range(101, 200))


# --- RTCP


def report(ssrc: int, words: int = 6) -> bytes:
    return struct.pack("!BBHI", 0x80, 200, words + 1, ssrc) + bytes(4 * words)


def test_a_replayed_report_is_dropped_and_each_ssrc_counts_for_itself(stream: Stream) -> None:
    first, second = (stream.engine.seal_rtcp(stream.rtcp_key, report(s), 1) for s in (1, SSRC))
    assert stream.receiver.open_rtcp(first) == report(1)
    assert stream.receiver.open_rtcp(second) == report(SSRC)
    assert drop_of(lambda: stream.receiver.open_rtcp(first)) == "replayed_rtcp"
    assert drop_of(lambda: stream.receiver.open_rtcp(second)) == "replayed_rtcp"


def test_reports_of_more_than_a_few_ssrcs_are_refused(stream: Stream) -> None:
    sealed = [stream.engine.seal_rtcp(stream.rtcp_key, report(ssrc), 1) for ssrc in range(5)]
    for ssrc, packet in enumerate(sealed[:4]):
        assert stream.receiver.open_rtcp(packet) == report(ssrc)
    assert drop_of(lambda: stream.receiver.open_rtcp(sealed[4])) == "unexpected_media"


def test_every_truncation_and_flipped_bit_of_a_report_is_dropped(stream: Stream) -> None:
    sealed = stream.engine.seal_rtcp(stream.rtcp_key, report(SSRC), 77)
    damaged = [sealed[:cut] for cut in range(len(sealed))]
    for bit in range(8 * len(sealed)):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        damaged.append(bytes(flipped))
    reasons = {drop_of(lambda d=d: stream.receiver.open_rtcp(d)) for d in damaged}
    assert reasons == {"malformed_rtcp", "forged_rtcp"}
    assert stream.receiver.open_rtcp(sealed) == report(SSRC)


@each_engine
@each_profile
def test_a_report_without_header_is_not_sealed(
    engine: _core.SrtpEngine, profile: _core.SrtpProfile
) -> None:
    assert engine.seal_rtcp(engine.rtcp_key(master(profile)), bytes(7), 1) == b""


def test_a_salt_of_the_other_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        _core.SrtpMaster(GCM, bytes(16), bytes(14))
