"""What is known of a machine: values, None where it could not be found out."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spacescore.settings import Settings

__all__ = ["Certificate", "Cpu", "Disk", "Facts", "Port", "Stun"]


@dataclass(frozen=True, slots=True)
class Port:
    """A port, tried as the service would bind it."""

    place: str  # "TCP 127.0.0.1:8080"
    number: int
    error: str = ""  # "taken", or the system's words; "" when it can be bound
    holder: str = ""  # "nginx (812)", where that can be seen
    is_ours: bool = False  # held by the node that runs on this data folder


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processor."""

    model: str
    cores: int  # that this process may use
    flags: frozenset[str]
    srtp: str  # what seals packets here
    quota: float | None = None  # cores' worth of time a control group grants; None: all
    machine: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system of the data folder, or of its nearest parent that exists."""

    path: str
    free: int
    is_writable: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """What the configured pair showed when it was tried in a handshake with itself."""

    path: str
    error: str = ""
    expires: float = 0.0  # Unix time
    names: tuple[str, ...] = ()  # DNS names and addresses
    key_is_private: bool = True  # no group or world may read it
    key_path: str = ""


@dataclass(frozen=True, slots=True)
class Stun:
    """What a STUN server said."""

    server: str
    mapped: str = ""  # our address as it saw it
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the checks look at."""

    settings: Settings
    now: float
    kernel: str
    tcp: Port
    udp: Port
    cpu: Cpu
    disk: Disk
    sysctls: Mapping[str, int] = field(default_factory=dict)  # "net.core.rmem_max"
    descriptors: int = 1024  # that a node may have: it raises the limit itself
    memory: int | None = None  # bytes that may still be used
    clock_is_synchronised: bool | None = None
    clock_source: str = ""
    huge_pages: str = ""
    capabilities: frozenset[str] = frozenset()
    interfaces: frozenset[str] = frozenset()
    addresses: tuple[str, ...] = ()  # of this machine
    candidates: tuple[str, ...] = ()  # told to clients
    certificate: Certificate | None = None
    stun: Stun | None = None
