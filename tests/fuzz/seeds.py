"""Where fuzzing begins: one small input for each thing that the parsers tell apart.

    python tests/fuzz/seeds.py FOLDER

writes FOLDER/UNIT/NAME. What once failed goes here too, by the name of what it did.
"""

import struct
import sys
from pathlib import Path

__all__ = ["SEEDS"]


def stun(*attributes: tuple[int, bytes], kind: int = 0x0001) -> bytes:
    body = b"".join(
        struct.pack(">HH", name, len(value)) + value + bytes(-len(value) % 4)
        for name, value in attributes
    )
    return struct.pack(">HHI12s", kind, len(body), 0x2112A442, b"transaction!") + body


def rtp(first: int, *extension: int, profile: int = 0xBEDE, payload: bytes = b"payload") -> bytes:
    header = struct.pack(">BBHII", first, 111, 65_535, 960, 0xCAFE)
    header += bytes(4 * (first & 15))
    if extension:
        header += struct.pack(">HH", profile, len(extension) // 4) + bytes(extension)
    return header + payload


def rtcp(kind: int, count: int, *words: int, padding: bool = False) -> bytes:
    head = struct.pack(">BBH", 0x80 | padding << 5 | count, kind, len(words))
    return head + struct.pack(f">{len(words)}I", *words)


def counted(*packets: bytes) -> bytes:
    """As fuzz_opus reads them: a byte before each is its length."""
    return b"".join(bytes([len(packet)]) + packet for packet in packets)


RR = rtcp(201, 0, 1)
ICE = [(0x0006, b"user:name"), (0x0024, bytes(4)), (0x802A, bytes(8)), (0x0025, b"")]
SILK, HYBRID, CELT = 0x48, 0x78, 0xF8  # TOCs of 20 ms, mono
WORDS = bytes(range(7, 200, 11))

SEEDS: dict[str, dict[str, bytes]] = {
    "stun": {
        "check": stun(*ICE, (0x0008, bytes(20))),
        "check_of_rfc_5769": bytes.fromhex(
            "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
            "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
            "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
        ),
        "answer": stun((0x0020, b"\0\1\xa1\x47\xe1\x12\xa6\x43"), kind=0x0101),
        "answer_over_ipv6": stun((0x0020, b"\0\2" + bytes(18)), kind=0x0101),
        "error": stun((0x0009, b"\0\0\4\x57role"), kind=0x0111),
        "unknown_must_be_understood": stun((0x7FFF, b"odd"), (0x0008, bytes(20))),
        "indication": stun(kind=0x0011),
    },
    "rtp": {
        "plain": rtp(0x80),
        "sources": rtp(0x8F),
        "padded": rtp(0xA0, payload=b"word\0\0\3"),
        "level": rtp(0x90, 0x10, 0xAA, 0, 0),
        "two_byte_level": rtp(0x90, 1, 1, 0xAA, 2, 0, 0, 0, 0, profile=0x1000),
        "stop": rtp(0x90, 0xF0, 0x10, 0xAA, 0),
        "all": rtp(0xB2, 0x10, 0x2A, 0x52, 1, 2, 3, 0, 0, payload=b"word\1"),
        "truncated_extension": rtp(0x90, 0, 0, 0, 0)[:15],
    },
    "rtcp": {
        "sender": rtcp(200, 1, 1, *range(5), 9, 0x03FF_FFFE, *range(4)) + rtcp(203, 1, 1),
        "receiver": rtcp(201, 2, 1, *range(12)),
        "description": RR + rtcp(202, 1, 1, 0x0105_7370, 0x6163_6500),
        "feedback": RR + rtcp(205, 1, 1, 2, 0x000A_0003) + rtcp(206, 15, 1, 2, 0x5245_4D42, 0),
        "goodbye_and_why": RR + rtcp(203, 1, 1, 0x0362_7965),
        "padded": RR + rtcp(204, 0, 1, 2, 4, padding=True),
        "extended": RR + rtcp(207, 0, 1, 0x0400_0002, 0, 0),
        "with_extension": rtcp(201, 0, 1, 0xDEAD_BEEF),
    },
    "red": {
        "alone": b"\x6fopus",
        "one_copy": b"\xef\x0f\x00\x04\x6fcopythis",
        "two_copies": b"\xef\x1e\x00\x03\xef\x0f\x00\x03\x6fonetwothree",
        "empty_copy": b"\xef\x0f\x00\x00\x6fthis",
        "copy_too_long": b"\xef\xff\xff\xff\x6fthis",
    },
    "opus": {
        "one_of_each": counted(*(bytes([toc]) + WORDS for toc in (SILK, HYBRID, CELT))),
        "alike": counted(*[bytes([CELT]) + WORDS] * 3),
        "two_frames": counted(bytes([SILK | 1]) + WORDS + WORDS),
        "two_sizes": counted(bytes([HYBRID | 2, 5]) + WORDS),
        "three_frames": counted(bytes([CELT | 3, 3]) + WORDS[:18]),
        "own_sizes_and_padding": counted(bytes([CELT | 3, 0xC2, 3, 5]) + WORDS),
        "stereo_fec": counted(bytes([SILK | 4, 0xFF]) + WORDS),
        "discontinuous": counted(bytes([SILK]), b"", bytes([CELT, 0])),
        "a_frame_of_60_ms": counted(b"\x18" + WORDS, b"\x18" + WORDS),
    },
}


def main(folder: Path) -> None:
    for unit, inputs in SEEDS.items():
        (folder / unit).mkdir(parents=True, exist_ok=True)
        for name, data in inputs.items():
            (folder / unit / name).write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
