"""Captured links from files: rtpdump, pcap and CSV. What is cut or foreign is said, and where."""

import math
import struct
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from itertools import count
from pathlib import Path
from reprlib import repr as shown
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spacescore._native import _batch
from spacescore.errors import SpacescoreError
from spacescore.jitterlab.trace import DTX_BYTES, LONGEST_S, Trace, make_trace

__all__ = ["TraceError", "read_trace"]

CLOCKS = (8_000, 16_000, 24_000, 32_000, 44_100, 48_000)
FRAMES = (120, 240, 480, 960, 1920, 2880, 3840, 4800, 5760)  # what Opus makes, at 48 kHz
COMFORT_NOISE = 13  # RFC 3551: what DTX is to Opus
MAX_PAYLOAD = 1_472
LARGEST = 2**30  # bytes: a day of speech in a pcap is two thirds of it
LONGEST_LINE = 4_096  # bytes: four numbers are far shorter

RTPDUMP = b"#!rtpplay1.0 "
PCAP_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
PCAPNG = b"\x0a\x0d\x0d\x0a"


class TraceError(SpacescoreError, ValueError):
    """A file that is no trace, or is cut; the message names the line or the offset."""


def read_trace(path: Path | str, *, clock: int | None = None, ssrc: int | None = None) -> Trace:
    """Read a trace by its content, whatever the name.

    `clock` is the RTP clock of a capture in Hz (default: the one that its time stamps keep), and
    `ssrc` its stream (default: the one with most packets). Raises TraceError, for one too of more
    than a GiB or that lasts more than a day and a few hours.
    """
    path = Path(path)
    try:
        data = _content(path)
        if data.startswith(RTPDUMP):
            return _capture(path.stem, data, _rtpdump(data), clock, ssrc)
        if data[:4] in PCAP_MAGIC:
            return _capture(path.stem, data, _pcap(data), clock, ssrc)
        if data.startswith(PCAPNG):
            raise TraceError("offset 0: this is pcapng: editcap -F pcap makes a pcap of it")
        return _csv(path.stem, data)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror or error}") from None
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None


def _content(path: Path) -> bytes:
    too_large = TraceError(f"offset {LARGEST}: the file goes on, and a trace of more is not read")
    if path.stat().st_size > LARGEST:
        raise too_large
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)  # a device or a pipe does not tell its size
    if len(data) > LARGEST:
        raise too_large
    return data


def _refuse_leap(
    unit: str, places: NDArray[np.number], what: str, seconds: NDArray[np.float64]
) -> None:
    """Raise for the first record, in the order of the file, with which a trace lasts too long."""
    span = np.maximum.accumulate(seconds) - np.minimum.accumulate(seconds)
    if span[-1] > LONGEST_S:
        row = int(np.argmax(span > LONGEST_S))
        raise TraceError(
            f"{unit} {places[row]:.0f}: {what} is {span[row]:.0f} s from what came before; "
            f"a trace lasts {LONGEST_S} s at most"
        )


class Datagram(NamedTuple):
    arrival_us: int
    begin: int  # in the file
    end: int
    cut: int  # bytes that the capture did not keep
    flow: int  # of one sender to one receiver
    record: int  # where it begins in the file


Datagrams = Iterator[Datagram]


def _rtpdump(data: bytes) -> Datagrams:
    """One record per packet behind the text line and a header (rtptools)."""
    at = data.find(b"\n", 0, 256) + 1
    if at == 0:
        raise TraceError("offset 0: the first line of an rtpdump never ends")
    _need(data, at, 16, "the rtpdump header")
    at += 16
    while at < len(data):
        _need(data, at, 8, "the header of a packet")
        length, size, offset_ms = struct.unpack_from(">HHI", data, at)
        if length < 8:
            raise TraceError(f"offset {at}: a record of {length} bytes, less than its own header")
        _need(data, at, length, "a packet")
        if size > 0:  # zero: RTCP
            yield Datagram(offset_ms * 1_000, at + 8, at + length, 0, 0, at)
        at += length


def _pcap(data: bytes) -> Datagrams:
    """Yield the UDP payloads of a capture by libpcap."""
    order, per_us = PCAP_MAGIC[data[:4]]
    _need(data, 0, 24, "the pcap header")
    link = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFF_FFFF
    if link not in LINKS:
        raise TraceError(f"offset 20: link type {link} is none of {sorted(LINKS)}")
    at = 24
    flows: dict[bytes, int] = {}
    while at < len(data):
        _need(data, at, 16, "the header of a packet")
        seconds, fraction, kept, sent = struct.unpack_from(order + "IIII", data, at)
        begin, end = at + 16, at + 16 + kept
        _need(data, begin, kept, "a packet")
        udp = _udp(data, LINKS[link](data, begin, end), end, max(sent, kept) - kept)
        if udp is not None:
            arrival_us = seconds * 1_000_000 + fraction * per_us // 1_000
            flow = flows.setdefault(udp.flow, len(flows))
            yield Datagram(arrival_us, udp.begin, udp.end, udp.cut, flow, at)
        at = end


def _need(data: bytes, at: int, size: int, what: str) -> None:
    if at + size > len(data):
        raise TraceError(f"offset {at}: the file ends within {what}")


def _behind(header: int) -> Callable[[bytes, int, int], int]:
    return lambda data, at, end: at + header


def _ethernet(data: bytes, at: int, end: int) -> int:
    at += 12
    while data[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):  # VLAN tags
        at += 4
    return at + 2


LINKS: dict[int, Callable[[bytes, int, int], int]] = {
    0: _behind(4),  # BSD loopback
    1: _ethernet,
    12: _behind(0),  # raw IP
    14: _behind(0),
    101: _behind(0),
    108: _behind(4),  # OpenBSD loopback
    113: _behind(16),  # Linux "any" device
    228: _behind(0),  # raw IPv4
    229: _behind(0),  # raw IPv6
    276: _behind(20),
}
UDP = 17
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60  # IPv6 extensions (RFC 8200 section 4)


class Udp(NamedTuple):
    begin: int
    end: int
    cut: int
    flow: bytes


def _udp(data: bytes, at: int, end: int, cut: int) -> Udp | None:
    """Return where the UDP payload of an IP packet lies; None for anything else and fragments.

    `cut`: as many bytes more may have been sent than were kept.
    """
    if at + 28 > end:
        return None
    if data[at] >> 4 == 4:
        fragment = int.from_bytes(data[at + 6 : at + 8], "big") & 0x3FFF
        protocol = FRAGMENT if fragment else data[at + 9]
        udp, addresses = at + (data[at] & 15) * 4, data[at + 12 : at + 20]
    elif data[at] >> 4 == 6:
        protocol, udp = _behind_extensions(data, at, end)
        addresses = data[at + 8 : at + 40]
    else:
        return None
    if protocol != UDP or udp + 8 > end:
        return None
    length = int.from_bytes(data[udp + 4 : udp + 6], "big")
    missing = max(0, udp + length - end)
    if length < 8 or missing > cut:
        return None
    return Udp(udp + 8, udp + length - missing, missing, addresses + data[udp : udp + 4])


def _behind_extensions(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return what an IPv6 packet carries, and where; FRAGMENT for one of several."""
    protocol, at = data[at + 6], at + 40
    while at + 8 <= end:
        if protocol == FRAGMENT and int.from_bytes(data[at + 2 : at + 4], "big") & 0xFFF9 == 0:
            protocol, at = data[at], at + 8
        elif protocol in (HOP_BY_HOP, ROUTING, DESTINATION):
            protocol, at = data[at], at + 8 + 8 * data[at + 1]
        else:
            break
    return protocol, at


def _capture(
    name: str, data: bytes, datagrams: Datagrams, clock: int | None, ssrc: int | None
) -> Trace:
    found = np.fromiter(datagrams, np.dtype((np.int64, len(Datagram._fields))))
    arrival_us, begin, end, cut, flow, record = found.T
    rows = _batch.parse_rtp(data, np.stack([begin, end], axis=1))
    rows["arrival_us"] = arrival_us
    chosen = rows["valid"] == 1
    rows["size"] = np.minimum(rows["size"] + cut, MAX_PAYLOAD)
    for column, wanted in ((rows["ssrc"], ssrc), (flow, None)):
        chosen &= column == (_most_common(column[chosen]) if wanted is None else wanted)
    rows = rows[chosen]
    if len(rows) < 2:
        raise TraceError(
            f"offset {len(data)}: the file ends without an RTP stream in its {len(found)} datagrams"
        )
    _refuse_leap("offset", record[chosen], "arrival", rows["arrival_us"] / 1e6)
    rows = rows[np.argsort(rows["arrival_us"], kind="stable")]
    noise = rows["payload_type"] == COMFORT_NOISE
    rows["size"][noise] = np.minimum(rows["size"][noise], DTX_BYTES)
    return _stream(name, rows, clock)


def _most_common(values: NDArray[np.integer]) -> int | None:
    streams, counts = np.unique(values, return_counts=True)
    return int(streams[np.argmax(counts)]) if len(streams) else None


def _stream(name: str, rows: NDArray[np.void], clock: int | None) -> Trace:
    """Time stamps at 48 kHz, and what they say of when a packet was sent."""
    number = _unwrapped(rows["sequence"], 16)
    timestamp = _unwrapped(rows["timestamp"], 32)
    if clock is None:
        clock = _guess_clock(timestamp, rows["arrival_us"])
    timestamp = timestamp * 48_000 // clock
    order = np.argsort(number, kind="stable")
    steps = np.diff(timestamp[order])
    together = steps[(np.diff(number[order]) == 1) & (steps > 0)]
    length = int(np.median(together)) if len(together) else 960
    number -= number.min()
    rows["samples"] = min(FRAMES, key=lambda frame: abs(frame - length))
    rows["timestamp"] = timestamp % 2**32
    sent_us = (timestamp - timestamp.min()) * 125 // 6
    return Trace(name, rows, sent_us, number, int(number.max()) + 1)


def _unwrapped(column: NDArray[np.unsignedinteger], bits: int) -> NDArray[np.int64]:
    """Undo the wrap, from each packet to the next."""
    half = 2 ** (bits - 1)
    steps = (np.diff(column.astype(np.int64)) + half) % (2 * half) - half
    return np.concatenate([[0], np.cumsum(steps)]) + int(column[0])


def _guess_clock(timestamp: NDArray[np.int64], arrival_us: NDArray[np.int64]) -> int:
    """By most runs of ten packets: in some a sender begins anew, or pauses."""
    step = min(10, len(timestamp) - 1)
    seconds = float(np.median(arrival_us[step:] - arrival_us[:-step])) / 1e6
    rate = float(np.median(timestamp[step:] - timestamp[:-step])) / max(seconds, 1e-3)
    return min(CLOCKS, key=lambda clock: abs(math.log(max(rate, 1.0) / clock)))


COLUMNS = ("send", "arrival", "size", "marker")


def _csv(name: str, data: bytes) -> Trace:
    """Rows of send ms, arrival ms (empty: lost), size and marker, in order of sending.

    The last two columns may be left out; a first line that holds no number names the columns.
    """
    table = np.asarray(np.fromiter(_csv_rows(data), np.dtype((np.float64, 5))), np.float64)
    came = np.isfinite(table[:, 1])
    if np.count_nonzero(came) < 2:
        last, packets = data.count(b"\n") + 1, np.count_nonzero(came)
        raise TraceError(f"line {last}: the file ends after {packets} packets that came")
    _refuse_leap("line", table[:, 4], "send", table[:, 0] / 1e3)
    _refuse_leap("line", table[came, 4], "arrival", table[came, 1] / 1e3)
    table = table[np.argsort(table[:, 0], kind="stable")]
    samples = _frame_length(table[:, 0])
    timestamp = _on_grid((table[:, 0] - table[0, 0]) * 48, samples)
    arrived = np.isfinite(table[:, 1])
    earliest = table[arrived, 1].min()
    return make_trace(
        name,
        np.round((table[arrived, 1] - earliest) * 1_000).astype(np.int64),
        timestamp[arrived] * 125 // 6,
        np.flatnonzero(arrived),
        sent=len(table),
        timestamp=timestamp[arrived],
        samples=samples,
        size=table[arrived, 2].clip(0, MAX_PAYLOAD).astype(np.int64),
        marker=table[arrived, 3] != 0,
    )


def _csv_rows(data: bytes) -> Iterator[tuple[float, float, float, float, int]]:
    """Yield the columns of each packet, and its line."""
    places: Sequence[int] = range(len(COLUMNS))
    delimiter = None
    for line, text in _csv_lines(data):
        first = delimiter is None
        delimiter = delimiter or next((mark for mark in ",;\t" if mark in text), ",")
        cells = [cell.strip().strip('"') for cell in text.split(delimiter)]
        if first and not _is_number(cells[0]):
            places = _named_columns(cells, line)
        else:
            yield *_csv_row(cells, places, line), line


def _csv_lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither empty nor a comment, and their numbers."""
    file = BytesIO(data)
    file.seek(len(BOM_UTF8) if data.startswith(BOM_UTF8) else 0)
    for number in count(1):
        begin = file.tell()
        line = file.readline(LONGEST_LINE + 1)
        if not line:
            return
        if len(line) > LONGEST_LINE:
            raise TraceError(
                f"line {number}: longer than {LONGEST_LINE} bytes: neither rtpdump nor pcap nor CSV"
            )
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise TraceError(
                f"offset {begin + error.start}: neither rtpdump nor pcap nor text, so no trace"
            ) from None
        if not text.isspace() and not text.lstrip().startswith("#"):
            yield number, text


def _named_columns(cells: list[str], line: int) -> list[int]:
    names = [cell.lower().split("_")[0].split(" ")[0] for cell in cells]
    names = ["send" if name == "sent" else name for name in names]
    for needed in COLUMNS[:2]:
        if needed not in names:
            raise TraceError(f"line {line}: no column {needed}, only {shown(', '.join(cells))}")
    return [names.index(column) if column in names else -1 for column in COLUMNS]


def _csv_row(
    cells: list[str], places: Sequence[int], line: int
) -> tuple[float, float, float, float]:
    values = [math.nan, math.inf, 80.0, 0.0]
    for column, place in enumerate(places):
        if place < 0 or (place >= len(cells) and column > 1):
            continue
        if place >= len(cells):
            raise TraceError(f"line {line}: {len(cells)} columns, no {COLUMNS[column]} ms")
        cell = cells[place]
        if column == 1 and cell.lower() in ("", "inf", "nan", "lost", "-1"):
            continue
        if not _is_number(cell):
            raise TraceError(f"line {line}: {COLUMNS[column]} {shown(cell)} is no number")
        values[column] = float(cell)
    return values[0], values[1], values[2], values[3]


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < 1e13  # ms since 1970 and ten times more; no nan, no inf
    except ValueError:
        return False


def _frame_length(send_ms: NDArray[np.float64]) -> int:
    steps = np.diff(send_ms)
    steps = steps[steps > 0]
    length = float(np.median(steps)) * 48 if len(steps) else 960.0
    return min(FRAMES, key=lambda frame: abs(frame - length))


def _on_grid(samples: NDArray[np.float64], frame: int) -> NDArray[np.int64]:
    """Return time stamps as a sender counts them: whole frames, though its timer is not exact."""
    frames = np.round(samples / frame).astype(np.int64)
    steps = np.arange(len(frames))
    return (np.maximum.accumulate(frames - steps) + steps) * frame  # each later than the one before
