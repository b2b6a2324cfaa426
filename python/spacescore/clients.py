"""Who asks: the address of a client, also behind proxies. Pure.

A proxy appends the address that it was asked from to a header, so the header is read from its end:
whatever stands before the first address that is no proxy of ours, the client may have invented. One
header counts and the other is nothing: a proxy that writes the one passes the other on unread.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from spacescore.errors import InvalidRequestError

__all__ = ["HEADERS", "Proxies"]

HEADERS = ("x-forwarded-for", "forwarded")
MAX_HOPS = 16
MAX_REMEMBERED = 10_000
IPV6_PREFIX = 64  # what one subscriber is given at least (RFC 6177)
_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("?)([^;"]*)\1\s*(?:;|$)', re.IGNORECASE)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\w+)?|([^:]*):\w+")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """Whose word is taken for whom they speak for. Raises InvalidRequestError for no network."""

    def __init__(self, trusted: Iterable[str] = (), header: str = HEADERS[0]) -> None:
        if header not in HEADERS:
            raise InvalidRequestError(f"A proxy's header is {' or '.join(HEADERS)}.")
        self.header = header
        self._trusted = [_network(text) for text in trusted]
        self.network = lru_cache(MAX_REMEMBERED)(self._find_network)

    def client(self, peer: str, lines: Sequence[str] = ()) -> str:
        """Return the address of who asks; "" where a proxy of ours does not say.

        peer: who is connected. lines: of `header`, in their order.
        """
        found = self._client(peer, lines)
        return "" if found is None else str(found)

    def _client(self, peer: str, lines: Sequence[str]) -> _Address | None:
        address = _address(peer)
        if address is None or not self._is_trusted(address):
            return address
        hops = ",".join(lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
        for hop in reversed(hops):
            address = _address(self._named(hop))
            if address is None or not self._is_trusted(address):
                return address
        return None

    def _find_network(self, peer: str, lines: tuple[str, ...]) -> str:
        """Return whom to count as one; to read addresses takes longer than to look them up."""
        return _counted(self._client(peer, lines))

    def trusts(self, peer: str) -> bool:
        """Whether `peer` is a proxy of ours."""
        address = _address(peer)
        return address is not None and self._is_trusted(address)

    def _named(self, hop: str) -> str:
        """Return the address in an element of the header (RFC 7239 section 6), without port."""
        if self.header == "forwarded":
            found = _FOR.search(hop)
            hop = found[2] if found else ""
        hop = hop.strip()
        named = _WITH_PORT.fullmatch(hop)
        return (named[1] or named[2] or "") if named else hop

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _counted(address: _Address | None) -> str:
    """Return whom to count as one: an IPv4 address, or the /64 of an IPv6 one."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, IPV6_PREFIX), strict=False))
    return "" if address is None else str(address)


def _address(text: str) -> _Address | None:
    """Read an address; IPv4 in IPv6's clothes is IPv4 (RFC 4291 section 2.5.5.2)."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        hint = "an address, or a network such as 10.0.0.0/8"
        raise InvalidRequestError(f"trusted_proxies: {text!r} is not {hint}.") from None
