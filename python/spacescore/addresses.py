"""The addresses under which this machine may be reached: host candidates (RFC 8445 5.1.1).

Linux says it in `/proc/net/if_inet6` and by SIOCGIFADDR; no dependency is worth more.
"""

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spacescore.errors import InvalidRequestError

__all__ = ["candidate_addresses", "check_address", "is_loopback", "wildcard"]

MAX_CANDIDATES = 8  # each costs every listener a line and a few checks
_SIOCGIFADDR = 0x8915  # linux/sockios.h
_IF_INET6 = Path("/proc/net/if_inet6")
_GLOBAL_SCOPE = "00"  # link-local addresses need a zone, which no candidate can carry
_OUTSIDE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # documentation nets


def wildcard() -> str:
    """Return the address that means all of them: of both families, where IPv6 is on."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return "0.0.0.0"  # noqa: S104
    return "::"


def is_loopback(host: str) -> bool:
    """Whether a name or address means whichever machine it is used on."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_address(text: str) -> str:
    """Return the address in its usual form. Raises InvalidRequestError."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        raise InvalidRequestError(f"{text!r} is no IP address.") from None
    if address.is_unspecified or address.is_multicast:
        raise InvalidRequestError(f"{text} is no address that others can send to.")
    return str(address)


def candidate_addresses(host: str, announce: Iterable[str] = ()) -> list[str]:
    """Return what to tell clients, best first, when bound to `host`.

    Announced addresses stand alone: behind NAT the machine's own are of no use. A wildcard
    means the machine's own addresses, the default route's first and loopback last. Raises
    InvalidRequestError.
    """
    announced = [check_address(address) for address in announce]
    if announced:
        return announced[:MAX_CANDIDATES]
    try:
        bound = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise InvalidRequestError(f"{host!r} is no IP address.") from None
    if not bound.is_unspecified:
        return [str(bound)]
    families = [socket.AF_INET] if bound.version == 4 else [socket.AF_INET, socket.AF_INET6]
    found = [*_towards_outside(families), *_ipv4(), *(_ipv6() if bound.version == 6 else ())]
    return _best_first(found)


def _best_first(found: Iterable[str]) -> list[str]:
    """Drop doubles; loopback comes last, and only as much of it as there is room for."""
    addresses = [ipaddress.ip_address(text) for text in dict.fromkeys(found)]
    outer = [str(a) for a in addresses if not a.is_loopback and not a.is_link_local]
    loopback = [str(a) for a in addresses if a.is_loopback]
    return outer[: MAX_CANDIDATES - len(loopback)] + loopback


def _towards_outside(families: Sequence[socket.AddressFamily]) -> Iterator[str]:
    """Yield the source addresses of the default routes; connecting UDP sends nothing."""
    for family in families:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((_OUTSIDE[family], 9))
            except OSError:
                continue
            yield probe.getsockname()[0]


def _ipv4() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            request = struct.pack("256s", name.encode()[:15])
            try:
                answer = fcntl.ioctl(probe.fileno(), _SIOCGIFADDR, request)
            except OSError:  # an interface without an IPv4 address
                continue
            yield socket.inet_ntop(socket.AF_INET, answer[20:24])


def _ipv6() -> Iterator[str]:
    try:
        rows = _IF_INET6.read_text().splitlines()
    except OSError:  # IPv6 is off
        return
    for row in rows:
        digits, _, _, scope, *_ = row.split()
        address = ipaddress.IPv6Address(int(digits, 16))
        if scope == _GLOBAL_SCOPE or address.is_loopback:
            yield str(address)
