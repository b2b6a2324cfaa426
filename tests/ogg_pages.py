"""The pages of an Ogg file: a second reading of RFC 3533."""

import struct
import zlib


def checksum(page: bytes) -> int:
    """RFC 3533 section 6: zlib's CRC with every byte and the result the other way round."""
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
    crc = zlib.crc32(page.translate(turned), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def pages(file: bytes) -> list[tuple[int, int, int, int, list[bytes], int]]:
    """(type, granule, serial, number, packets, end) of each page, read by RFC 3533 figure 1."""
    at, found = 0, []
    while at < len(file):
        start = at
        magic, version, kind, granule, serial, number, crc, count = struct.unpack_from(
            "<4sBBQIIIB", file, at
        )
        assert (magic, version) == (b"OggS", 0)
        at += 27
        lacing, packets = file[at : at + count], []
        at, size = at + count, 0
        for value in lacing:
            size += value
            if value < 255:
                packets.append(file[at : at + size])
                at, size = at + size, 0
        assert size == 0  # no packet is continued on another page
        assert crc == checksum(file[start : start + 22] + bytes(4) + file[start + 26 : at])
        found.append((kind, granule, serial, number, packets, at))
    return found
