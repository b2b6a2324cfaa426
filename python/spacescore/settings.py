"""What an operator can set. One name each: `udp_port` in the file is `--udp-port` on the command
line and SPACESCORE_UDP_PORT in the environment. Types, limits and help stand here and nowhere
else; `config` reads them from all three.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

__all__ = ["SECRETS", "Settings", "shown"]

SECRETS = frozenset({"operator_key", "ice_servers", "store", "webhooks"})  # hold passwords

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=2**29 - 1)]  # what the core has room to number
Seconds = Annotated[int, Meta(ge=0, le=86_400)]
Pace = Annotated[float, Meta(ge=1, le=3_600)]
Threads = Annotated[int, Meta(ge=1, le=64)]
PacketTime = Literal["auto", 20, 40, 60, 120]


def says(text: str) -> Meta:
    """Describe a setting in --help."""
    return Meta(description=text)


class Settings(Struct, frozen=True, kw_only=True):
    """What `spacescore serve` was told."""

    data: Annotated[Path, says("Folder for keys and recordings.")] = Path("spacescore-data")

    store: Annotated[
        str,
        says("Keeps the spaces: a file, or postgresql://...  [default: DATA/rooms.sqlite3]"),
    ] = ""

    host: Annotated[str, says("Address for HTTP.")] = "127.0.0.1"
    port: Annotated[Port, says("TCP port for HTTP.")] = 8080
    max_connections: Annotated[
        Count | None, says("HTTP connections at once.  [default: 7 of 8 file descriptors]")
    ] = None
    public_url: Annotated[str, says("How people reach this, by a proxy.")] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        says("Address or network whose word is taken for whom it asks. Repeatable."),
    ] = ("127.0.0.0/8", "::1")
    proxy_header: Annotated[
        Literal["forwarded", "x-forwarded-for"], says("In which a proxy gives that word.")
    ] = "x-forwarded-for"
    tls_cert: Annotated[Path | None, says("PEM file; with --tls-key.")] = None
    tls_key: Annotated[Path | None, says("PEM file.")] = None
    operator_key: Annotated[str, says("Signs tokens.  [default: DATA/operator.key]")] = ""

    udp_host: Annotated[str | None, says("Address for media.  [default: all of them]")] = None
    udp_port: Annotated[Port, says("UDP port for media.")] = 7881
    announce: Annotated[tuple[str, ...], says("Public address, behind NAT. Repeatable.")] = ()
    ice_servers: Annotated[
        tuple[str, ...],
        says("STUN or TURN server for WHIP and WHEP clients: URL[,USER,SECRET]. Repeatable."),
    ] = ()

    workers: Annotated[
        Threads | None, says("Media threads, up to 64.  [default: one for each core]")
    ] = None
    max_listeners: Annotated[Count, says("With so many the node is full.")] = 100_000
    packet_time: Annotated[
        PacketTime,
        says("Milliseconds of sound per packet; auto: 20, and more while media runs late."),
    ] = "auto"
    packet_interface: Annotated[
        str,
        says("Send by an AF_PACKET ring to those behind this interface; needs CAP_NET_RAW."),
    ] = ""
    pace_least: Annotated[
        Pace, says("Seconds after which pages ask again what goes on, while it is calm.")
    ] = 2.0
    pace_most: Annotated[Pace, says("The same for a crowd, or under strain.")] = 20.0
    keep_recordings: Annotated[
        float, Meta(ge=0), says("Days, then they are deleted.  [default: 0, for ever]")
    ] = 0.0
    webhooks: Annotated[
        tuple[str, ...],
        says("Tell this URL what happens, signed: URL[,SECRET or ,@FILE]. Repeatable."),
    ] = ()
    keep_audit: Annotated[
        float, Meta(ge=0), says("Days, then acts leave the audit log; 0: never.")
    ] = 365.0
    drain_seconds: Annotated[
        Seconds, says("How long people may stay after SIGTERM; a second signal ends it at once.")
    ] = 10
    drain_to: Annotated[str, says("URL of the node to which people are sent meanwhile.")] = ""
    demo: Annotated[bool, says("Open a space where everybody may speak.")] = False


def shown(name: str, value: object) -> str:
    """Return a setting's value as anybody may read it: secrets are not told."""
    if value is None or value in ("", ()):
        return "-"
    if name == "operator_key":
        return "(hidden)"
    if name == "store":
        return _without_password(str(value))
    if name == "webhooks" and isinstance(value, tuple):
        return " ".join(_without_secret(text) for text in value)
    if name == "ice_servers" and isinstance(value, tuple):
        return " ".join(_without_credential(text) for text in value)
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_password(url: str) -> str:
    """Hide what stands between the user's colon and the @ of a URL."""
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1:(hidden)@", url)


def _without_secret(endpoint: str) -> str:
    url, comma, secret = endpoint.partition(",")
    url = re.sub(r"\?.*", "?(hidden)", re.sub(r"(?<=://)[^/]*@", "(hidden)@", url))
    return url + comma + (secret if secret.startswith("@") or not comma else "(hidden)")


def _without_credential(server: str) -> str:
    url, *rest = server.split(",", 2)
    return ",".join([url, *rest[:1], *["(hidden)" for _ in rest[1:]]])
