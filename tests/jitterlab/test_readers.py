"""Traces from files, and what is said of files that are none."""

from __future__ import annotations

import base64
import os
import re
import struct
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pytest

from spacescore.jitterlab import TraceError, play, read_trace
from spacescore.jitterlab.trace import make_trace


def rtp(number: int, *, ssrc: int = 7, kind: int = 0, size: int = 160, step: int = 160) -> bytes:
    return struct.pack(
        ">BBHII", 0x80, kind, (65_500 + number) % 2**16, step * number % 2**32, ssrc
    ) + bytes(size)


def delay_ms(number: int) -> int:
    return number % 3


def rtpdump(count: int = 100, start_ms: int = 0, step: int = 160) -> bytes:
    records = [b"#!rtpplay1.0 127.0.0.1/5000\n", bytes(16)]
    for number in range(count):
        packet = rtp(number, step=step)
        at = start_ms + 20 * number + delay_ms(number)
        records.append(struct.pack(">HHI", len(packet) + 8, len(packet), at) + packet)
    records.append(struct.pack(">HHI", 8 + 28, 0, start_ms + 20 * count) + bytes(28))  # RTCP
    return b"".join(records)


def ipv4(udp: bytes) -> bytes:
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0)
    return head + bytes(8) + udp


def ipv6(*extensions: tuple[int, bytes]) -> Callable[[bytes], bytes]:
    """Extension headers by their numbers, each without its first byte: what comes next."""

    def packet(udp: bytes) -> bytes:
        payload, following = udp, 17
        for number, rest in reversed(extensions):
            payload, following = bytes([following]) + rest + payload, number
        return struct.pack(">IHBB", 6 << 28, len(payload), following, 64) + bytes(32) + payload

    return packet


ETHERNET = bytes(12) + b"\x08\x00"
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
EXTENSIONS = {
    "hop by hop": (HOP_BY_HOP, bytes(7)),
    "routing": (ROUTING, b"\x02" + bytes(22)),
    "the only fragment": (FRAGMENT, b"\xff" + bytes(6)),  # that byte is reserved
    "destination": (DESTINATION, b"\x01" + bytes(14)),
}


def pcap(
    count: int = 100,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    per_ms: int = 1_000,
    kept: int = 65_535,
    ports: Sequence[int] = (2,),
    link: int = 1,
    before: bytes = ETHERNET,
    ip: Callable[[bytes], bytes] = ipv4,
) -> bytes:
    records = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, kept, link)]
    for number, port in product(range(count), ports):
        packet = rtp(number + 3_000 * port)
        frame = before + ip(struct.pack(">HHHH", 1, port, 8 + len(packet), 0) + packet)
        at, held = 20 * number + delay_ms(number), frame[:kept]
        head = struct.pack(order + "IIII", at // 1_000, at % 1_000 * per_ms, len(held), len(frame))
        records.append(head + held)
    return b"".join(records)


def table(count: int = 100) -> bytes:
    lines = [f"{20 * n},{20 * n + delay_ms(n) + 40},160,0" for n in range(count)]
    return "\n".join(["send_ms,arrival_ms,size,marker", *lines, ""]).encode()


def leaping_rtpdump() -> bytes:
    """Its fourth record comes 46 days after the third."""
    packet = rtp(3)
    return rtpdump(3)[:584] + struct.pack(">HHI", len(packet) + 8, len(packet), 4 * 10**9) + packet


FORMATS = {
    "rtpdump": rtpdump(),
    "pcap": pcap(),
    "pcap, big endian": pcap(order=">"),
    "pcap, nanoseconds": pcap(magic=0xA1B23C4D, per_ms=1_000_000),
    "CSV": table(),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_the_same_link(name, tmp_path):
    (path := tmp_path / "trace").write_bytes(FORMATS[name])
    trace = read_trace(path)
    assert trace.sent == len(trace) == 100
    assert trace.frame_us == 20_000
    assert trace.relative_us.tolist() == [1_000 * delay_ms(n) for n in range(100)]
    assert (np.diff(trace.packets["timestamp"].astype(np.int64)) == 960).all()
    assert trace.packets["size"].tolist() == [160] * 100


def test_what_never_came_is_lost(tmp_path):
    (path := tmp_path / "trace.csv").write_text("0,40\n20,\n40,80\n60,lost\n80,120\n")
    trace = read_trace(path)
    assert (trace.sent, len(trace)) == (5, 3)
    assert trace.lost == pytest.approx(0.4)
    assert trace.number.tolist() == [0, 2, 4]


def test_a_sender_with_a_rough_timer_still_counts_whole_frames(tmp_path):
    rng = np.random.default_rng(1)
    lines = [f"{20 * n + rng.uniform(-6, 6):.3f};{20 * n + 50}" for n in range(200)]
    (path := tmp_path / "trace.csv").write_text("\n".join(lines))
    trace = read_trace(path)
    assert (np.diff(trace.packets["timestamp"].astype(np.int64)) == 960).all()


def test_columns_may_be_named_in_any_order(tmp_path):
    (path := tmp_path / "trace.csv").write_text("size,arrival ms,sent ms\n9,50,0\n8,75,20\n")
    trace = read_trace(path)
    assert trace.packets["size"].tolist() == [9, 8]
    assert trace.relative_us.tolist() == [0, 5_000]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "line 1: the file ends after 0 packets"),
        (b"0,10\n20,30\n40,soon\n", "line 3: arrival 'soon' is no number"),
        (b"0,10\n20\n", "line 2: 1 columns, no arrival ms"),
        (b"0,10\n20,30,nan\n", "line 2: size 'nan' is no number"),
        (b"0,10\n1e300,30\n", "line 2: send '1e300' is no number"),
        (b"when,what\n1,2\n", "line 1: no column send"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "offset 0: neither rtpdump nor pcap nor text"),
        (b"RIFF\x00\x10\xff\xfe", "offset 6: neither"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "offset 0: this is pcapng: editcap"),
        (b'{"packets": [' + b"1" * 200_000, "line 1: longer than 4096 bytes"),
        (base64.b64encode(bytes(150_000)), "line 1: longer than 4096 bytes"),
        (b'{"packets": []}', r"line 1: no column send, only '\{\"packets\": \[\]\}'"),
        (b"0,10\n20,30\n40," + b"9" * 3_000, "line 3: arrival '9999.*' is no number$"),
        (b"# taken by me\nwhen,what\n1,2\n", "line 2: no column send"),
        (b"0,10\n20,30\n\xff\n", "offset 11: neither rtpdump nor pcap nor text"),
        (
            b"0,1\n20,1767225600000\n40,41\n",
            "line 2: arrival is 1767225600 s from",
        ),
        (b"0,1\n20,21\n# here\n1e12,41\n", "line 4: send is 1000000000 s from"),
        (leaping_rtpdump(), "offset 584: arrival is 4000000 s from what came before"),
        (rtpdump()[:-30], "offset 18044: the file ends within the header"),
        (rtpdump()[:30], "offset 28: the file ends within the rtpdump header"),
        (rtpdump()[:47], "offset 44: the file ends within the header of a packet"),
        (rtpdump()[:44] + bytes(8), "offset 44: a record of 0 bytes"),
        (b"#!rtpplay1.0 " + b"x" * 300, "offset 0: the first line"),
        (pcap()[:-1], "offset 22810: the file ends within a packet"),
        (pcap()[:20], "offset 0: the file ends within the pcap header"),
        (pcap()[:20] + b"\x93\0\0\0", "offset 20: link type 147"),
        (pcap(0), "offset 24: the file ends without an RTP stream in its 0 datagrams"),
        (pcap(1), "offset 254: the file ends without an RTP stream in its 1 datagrams"),
    ],
)
def test_a_cut_or_foreign_file_is_refused_and_the_place_named(data, said, tmp_path):
    (path := tmp_path / "trace").write_bytes(data)
    with pytest.raises(TraceError, match=said) as refused:
        read_trace(path)
    assert str(path) in str(refused.value)


LINKS = {
    "BSD loopback": (0, b"\2\0\0\0", ipv4),
    "OpenBSD loopback": (108, b"\0\0\0\2", ipv4),
    "raw": (101, b"", ipv4),
    "raw, IPv6": (101, b"", ipv6()),
    "raw IPv4": (228, b"", ipv4),
    "raw IPv6": (229, b"", ipv6()),
    "Linux cooked": (113, bytes(16), ipv4),
    "Linux cooked, version 2": (276, bytes(20), ipv4),
    **{name: (229, b"", ipv6(extension)) for name, extension in EXTENSIONS.items()},
    "all extensions": (229, b"", ipv6(*EXTENSIONS.values())),
}


@pytest.mark.parametrize(("link", "before", "ip"), LINKS.values(), ids=LINKS)
def test_whatever_carries_it_a_capture_tells_the_same_link(link, before, ip, tmp_path):
    (path := tmp_path / "trace").write_bytes(pcap(link=link, before=before, ip=ip))
    trace = read_trace(path)
    assert trace.sent == len(trace) == 100
    assert set(trace.packets["size"]) == {160}


NO_DATAGRAMS = {
    "the first fragment of several": (FRAGMENT, b"\0\0\1" + bytes(4)),
    "the last fragment": (FRAGMENT, b"\0\0\x08" + bytes(4)),
    "longer than the packet": (DESTINATION, b"\xff" + bytes(6)),
    "encrypted": (50, bytes(7)),
}


@pytest.mark.parametrize("extension", NO_DATAGRAMS.values(), ids=NO_DATAGRAMS)
def test_what_is_no_whole_datagram_is_left_out(extension, tmp_path):
    data = pcap(link=101, before=b"", ip=ipv6(extension))
    (path := tmp_path / "trace").write_bytes(data)
    with pytest.raises(TraceError, match="without an RTP stream in its 0 datagrams"):
        read_trace(path)


@pytest.mark.parametrize("kept", [54, 96])
def test_a_capture_of_headers_alone_tells_the_same_link(kept, tmp_path):
    (path := tmp_path / "trace").write_bytes(pcap(kept=kept))
    trace = read_trace(path)
    assert trace.sent == len(trace) == 100
    assert set(trace.packets["size"]) == {160}


def test_of_one_stream_to_many_listeners_a_trace_is_what_one_of_them_got(tmp_path):
    (path := tmp_path / "trace").write_bytes(pcap(ports=range(2, 12)))
    trace = read_trace(path)
    assert trace.sent == len(trace) == 100


def test_a_sender_that_begins_anew_keeps_its_clock(tmp_path):
    (path := tmp_path / "trace").write_bytes(rtpdump(40, step=960) + rtpdump(40, 60_000, 960)[44:])
    assert set(read_trace(path).packets["samples"]) == {960}


def test_what_another_stream_does_is_no_leap_of_this_one(tmp_path):
    stranger = rtp(3, ssrc=8)
    record = struct.pack(">HHI", len(stranger) + 8, len(stranger), 4 * 10**9) + stranger
    (path := tmp_path / "trace").write_bytes(rtpdump(9) + record)
    assert len(read_trace(path)) == 9


def test_comments_and_empty_lines_may_stand_anywhere(tmp_path):
    text = '# taken on a tram\n\n"send";"arrival"\n0;40\n # a tunnel, here\n20;65\r\n'
    (path := tmp_path / "trace.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_trace(path).relative_us.tolist() == [0, 5_000]


def test_an_endless_file_is_refused(tmp_path):
    (path := tmp_path / "endless").touch()
    os.truncate(path, 2**30 + 1)  # nothing of it is on the disk
    with pytest.raises(TraceError, match="offset 1073741824: the file goes on"):
        read_trace(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TraceError, match="No such file"):
        read_trace(tmp_path / "nothing.csv")


def test_any_cut_of_a_capture_is_an_error_or_a_shorter_trace(tmp_path):
    path = tmp_path / "trace"
    for data in (rtpdump(5), pcap(5), pcap(5, ip=ipv6(*EXTENSIONS.values())), table(5)):
        for end in range(len(data)):
            path.write_bytes(data[:end])
            try:
                assert len(read_trace(path)) <= 5
            except TraceError:
                continue


def test_damage_is_an_error_with_its_place_or_a_trace_that_can_be_played(tmp_path, mutations):
    path = tmp_path / "trace"
    complaints, lengths = [], []
    for data in mutations((rtpdump(9), pcap(9), table(9)), count=900, seed=11):
        path.write_bytes(data)
        try:
            trace = read_trace(path)
        except TraceError as error:
            complaints.append(str(error))
            continue
        lengths.append(trace.seconds)
        if trace.seconds < 60:  # of an hour the models take their time
            for name in ("spacescore", "NetEQ model", "oracle: each second, 1% late"):
                play(trace, name)
    place = re.compile(re.escape(str(path)) + r": (line|offset) \d+: .{10,200}")
    assert [said for said in complaints if not place.fullmatch(said)] == []
    assert max(lengths) <= 100_000
    assert min(len(complaints), len(lengths)) > 100


def test_a_trace_that_no_policy_could_play_is_refused():
    with pytest.raises(ValueError, match="long lasts 200000 s"):
        make_trace(
            "long",
            np.array([0, 200_000_000_000]),
            np.zeros(2, np.int64),
            np.arange(2),
            sent=2,
            timestamp=np.arange(2) * 960,
        )
