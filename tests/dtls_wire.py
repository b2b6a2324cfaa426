"""DTLS records and handshake fragments (RFC 6347 sections 4.1 and 4.2.2), made by hand, and how
they get into and out of a session.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = [
    "ALERT",
    "HANDSHAKE",
    "Fragment",
    "Record",
    "drain",
    "feed",
    "fragments_of",
    "records_of",
]

ALERT, HANDSHAKE = 21, 22
DTLS_1_2 = 0xFEFD


class Record(NamedTuple):
    type: int
    epoch: int
    number: int
    body: bytes
    version: int = DTLS_1_2

    def to_bytes(self) -> bytes:
        number = self.epoch << 48 | self.number
        return struct.pack("!BHQH", self.type, self.version, number, len(self.body)) + self.body


class Fragment(NamedTuple):
    """A piece of a handshake message; `size` and `length` may lie."""

    type: int
    size: int
    sequence: int
    offset: int
    length: int
    body: bytes

    def to_record(self, number: int) -> bytes:
        head = (self.type << 24 | self.size).to_bytes(4, "big") + struct.pack("!H", self.sequence)
        head += self.offset.to_bytes(3, "big") + self.length.to_bytes(3, "big")
        return Record(HANDSHAKE, 0, number, head + self.body).to_bytes()


def records_of(datagram: bytes) -> Iterator[Record]:
    while datagram:
        kind, version, number, length = struct.unpack_from("!BHQH", datagram)
        yield Record(
            kind, number >> 48, number & (1 << 48) - 1, datagram[13 : 13 + length], version
        )
        datagram = datagram[13 + length :]


def fragments_of(datagram: bytes, size: int) -> list[Fragment]:
    """The one handshake message of a datagram, cut into pieces of `size` bytes."""
    (record,) = records_of(datagram)
    head, body = record.body[:12], record.body[12:]
    kind, sequence = head[0], int.from_bytes(head[4:6], "big")
    return [
        Fragment(kind, len(body), sequence, at, len(body[at : at + size]), body[at : at + size])
        for at in range(0, len(body), size)
    ]


def drain(session):
    datagrams = []
    while (datagram := session.poll_transmit()) is not None:
        datagrams.append(datagram)
    return datagrams


def feed(session, datagrams, now_us=0):
    for datagram in datagrams:
        session.handle_datagram(now_us, datagram)
