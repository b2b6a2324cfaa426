"""The frames in an Opus packet: a second reading of RFC 6716 section 3.2."""


def frames_of(packet: bytes) -> list[bytes]:
    """The bytes of each frame, as its decoder gets them."""
    toc, rest = packet[0], packet[1:]
    if toc & 3 == 0:
        return [rest]
    if toc & 3 == 1:
        return [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
    if toc & 3 == 2:
        return split(*lengths(rest, 1))
    count, rest = rest[0], rest[1:]
    assert not count & 0x40, "padded"
    if count & 0x80:
        return split(*lengths(rest, (count & 63) - 1))
    size = len(rest) // (count & 63)
    return [rest[size * i : size * (i + 1)] for i in range(count & 63)]


def split(sizes: list[int], rest: bytes) -> list[bytes]:
    """Frames of these sizes, and a last one of what is left."""
    frames = []
    for size in sizes:
        frames.append(rest[:size])
        rest = rest[size:]
    return [*frames, rest]


def lengths(rest: bytes, count: int) -> tuple[list[int], bytes]:
    """Section 3.2.1: a length takes one byte or two."""
    sizes = []
    for _ in range(count):
        long = rest[0] >= 252
        sizes.append(rest[0] + 4 * rest[1] if long else rest[0])
        rest = rest[2 if long else 1 :]
    return sizes, rest
