"""A made-up machine on which the doctor finds nothing."""

from spacescore.doctor import Facts
from spacescore.doctor.facts import Certificate, Cpu, Disk, Port
from spacescore.settings import Settings

DAY = 86_400
NOW = 1_800_000_000.0
SYSCTLS = {
    "net.core.rmem_max": 8 << 20,
    "net.core.wmem_max": 4 << 20,
    "net.core.netdev_max_backlog": 5000,
}
CERTIFICATE = Certificate(
    "/c.pem",
    expires=NOW + 60 * DAY,
    names=("rooms.example.org", "*.example.net"),
    key_path="/k.pem",
)


def settings(**changes: object) -> Settings:
    usual = {"host": "0.0.0.0", "public_url": "https://rooms.example.org", "workers": 4}
    return Settings(**(usual | changes))


FIT = Facts(
    settings=settings(),
    now=NOW,
    kernel="Linux 6.1",
    tcp=Port("TCP 0.0.0.0:8080", 8080),
    udp=Port("UDP port 7881", 7881),
    cpu=Cpu("EPYC", 4, frozenset({"aes", "vaes", "avx512f"}), "ipsec_mb"),
    disk=Disk("/var/lib", 1 << 40, is_writable=True),
    sysctls=SYSCTLS,
    descriptors=65_536,
    memory=8 << 30,
    clock_is_synchronised=True,
    clock_source="tsc",
    huge_pages="madvise",
    addresses=("8.8.8.8", "127.0.0.1"),
    candidates=("8.8.8.8", "127.0.0.1"),
    certificate=CERTIFICATE,
)
