"""fanout/io: datagrams that leave by a ring of frames, between two network namespaces."""

import fcntl
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from netns import Namespace, ip
from spacescore._native import _core
from virtual_peer import VirtualPeer, new_context, wait_for
from world import KEY, SPACE, clearest, tone

V4, V6 = socket.AF_INET, socket.AF_INET6
NETWORK6 = f"fd5c:{os.getpid() >> 16:x}:{os.getpid() & 0xFFFF:x}"  # others may run these, too
HOST6, GUEST6, BEYOND6 = f"{NETWORK6}::1", f"{NETWORK6}::2", f"{NETWORK6}:1::1"
FOREIGN = "02:00:5e:10:00:09"  # nobody's MAC address
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
SLOTS = 2048  # of the ring
Datagrams = list[bytes]


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    """A neighbour that is a gateway, too: behind it are `beyond` and BEYOND6."""
    namespace = Namespace()
    namespace.beyond = namespace.guest.replace("198.18.", "198.19.")  # type: ignore[attr-defined]
    try:
        ip(f"addr add {HOST6}/64 dev {namespace.near} nodad")
        namespace.ip(f"addr add {GUEST6}/64 dev {namespace.far} nodad")
        namespace.ip(f"addr add {namespace.beyond}/32 dev lo")
        namespace.ip(f"addr add {BEYOND6}/128 dev lo")
        ip(f"route add {namespace.beyond} via {namespace.guest} dev {namespace.near}")
        ip(f"route add {BEYOND6} via {GUEST6} dev {namespace.near}")
        yield namespace
    finally:
        namespace.remove()


class Way:
    """A sender here, a receiver there."""

    def __init__(self, namespace: Namespace, host: str, guest: str) -> None:
        self.interface = namespace.near
        self.reader = _core.NextHopReader(namespace.near)
        self.sender = _core.PacketSender(namespace.near)
        self.socket = _core.UdpSocket(host)
        self.source = (host, self.socket.port)
        with namespace.entered():
            self.receiver = socket.socket(V6 if ":" in guest else V4, socket.SOCK_DGRAM)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.receiver.settimeout(10)
        self.receiver.bind((guest, 0))
        self.to = self.receiver.getsockname()[:2]

    def send(self, *datagrams: bytes) -> None:
        self.sender.send(self.socket, [(self.to, each) for each in datagrams])

    def received(self, count: int) -> Datagrams:
        got = [self.receiver.recvfrom(2048) for _ in range(count)]
        assert {source[:2] for _, source in got} <= {self.source}
        return [datagram for datagram, _ in got]

    def refresh(self) -> None:
        self.sender.use(self.reader.read())

    def counted(self, what: Callable[[], object]) -> tuple[int, int]:
        """How many datagrams went by the ring meanwhile, and by the socket."""
        before = self.sender.counters()
        what()
        after = self.sender.counters()
        return tuple(after[key] - before[key] for key in ("ring_packets", "ring_fallbacks"))

    def settle(self) -> None:
        """Until the kernel knows the way, as the first datagram by the socket makes it learn."""

        def goes_by_the_ring() -> bool:
            self.refresh()
            by_ring, _ = self.counted(lambda: self.send(b"is it you?"))
            self.received(1)
            return by_ring == 1

        wait_for(goes_by_the_ring)


@pytest.fixture
def path(namespace: Namespace) -> Iterator[Callable[..., Way]]:
    """``path(host, guest)``; the neighbours' IPv4 addresses without arguments."""
    opened: list[Way] = []

    def path(host: str = namespace.host, guest: str = namespace.guest) -> Way:
        opened.append(Way(namespace, host, guest))
        return opened[-1]

    yield path
    for each in opened:
        each.receiver.close()


def beyond(namespace: Namespace) -> str:
    return str(namespace.beyond)  # type: ignore[attr-defined]


@pytest.mark.parametrize("where", ["IPv4", "IPv6", "IPv4 gateway", "IPv6 gateway"])
def test_datagrams_arrive_as_they_were_sent(namespace, path, where):
    host, guest = {
        "IPv4": (namespace.host, namespace.guest),
        "IPv6": (HOST6, GUEST6),
        "IPv4 gateway": (namespace.host, beyond(namespace)),
        "IPv6 gateway": (HOST6, BEYOND6),
    }[where]
    way = path(host, guest)
    way.settle()
    datagrams = [os.urandom(size) for size in (1, 2, 3, 4, 7, 8, 9, 108, 109, 508, 1231, 1232)]
    assert way.counted(lambda: way.send(*datagrams)) == (len(datagrams), 0)
    assert way.received(len(datagrams)) == datagrams


def test_who_reads_late_gets_what_was_sent_though_the_ring_went_round(path):
    way = path()
    way.settle()
    datagrams = [b"%5d " % number * 18 for number in range(2 * SLOTS + 100)]
    for start in range(0, len(datagrams), 64):
        way.send(*datagrams[start : start + 64])
    assert way.received(len(datagrams)) == datagrams
    assert way.sender.counters()["ring_full"] == 0


@pytest.mark.parametrize("family", [V4, V6])
def test_frames_bear_right_addresses_and_checksums(namespace, path, family):
    way = path() if family == V4 else path(HOST6, GUEST6)
    way.settle()
    with closing(tap_on(namespace)) as tap:
        payloads = [bytes([0xFF] * size) for size in (1, 80, 81, 1000)] + [zero_sum(way)]
        way.send(*payloads)
        frames = captured(tap, way.to[1], len(payloads))
    for frame, payload in zip(frames, payloads, strict=True):
        assert frame[:6] == mac_of(namespace.far, namespace)
        assert frame[6:12] == mac_of(namespace.near)
        packet, start = frame[14:], 20 if family == V4 else 40
        if family == V4:
            assert frame[12:14] == b"\x08\x00"
            assert (packet[0], packet[8], packet[9]) == (0x45, 64, socket.IPPROTO_UDP)
            assert int.from_bytes(packet[2:4]) == len(packet) == 28 + len(payload)
            assert ones_sum(packet[:20]) == 0xFFFF
            ends = packet[12:20]
        else:
            assert frame[12:14] == b"\x86\xdd"
            assert (packet[0] >> 4, packet[6], packet[7]) == (6, socket.IPPROTO_UDP, 64)
            assert int.from_bytes(packet[4:6]) == len(packet) - 40 == 8 + len(payload)
            ends = packet[8:40]
        udp = packet[start:]
        assert ends == b"".join(socket.inet_pton(family, end[0]) for end in (way.source, way.to))
        assert struct.unpack(">HHH", udp[:6]) == (way.source[1], way.to[1], 8 + len(payload))
        assert udp[6:8] != bytes(2)
        assert ones_sum(ends + struct.pack(">HH", socket.IPPROTO_UDP, len(udp)) + udp) == 0xFFFF
        assert udp[8:] == payload


def ones_sum(data: bytes) -> int:
    """RFC 1071, word by word."""
    total = 0
    for word in struct.unpack(f">{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def zero_sum(way: Way) -> bytes:
    """A datagram whose checksum comes to 0, which is written as 0xFFFF."""
    family = V6 if ":" in way.to[0] else V4
    ends = b"".join(socket.inet_pton(family, end[0]) for end in (way.source, way.to))
    ports = struct.pack(">HHH", way.source[1], way.to[1], 10)
    others = ones_sum(ends + struct.pack(">HH", socket.IPPROTO_UDP, 10) + ports)
    return (0xFFFF - others).to_bytes(2)


def tap_on(namespace: Namespace) -> socket.socket:
    """Every frame that comes out at the far end."""
    with namespace.entered():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    tap.bind((namespace.far, 3))
    tap.settimeout(10)
    return tap


def captured(tap: socket.socket, port: int, count: int) -> list[bytes]:
    frames: list[bytes] = []
    while len(frames) < count:
        frame = tap.recv(2048)
        udp = 34 if frame[12:14] == b"\x08\x00" else 54
        if frame[udp + 2 : udp + 4] == port.to_bytes(2):
            frames.append(frame)
    return frames


def mac_of(interface: str, namespace: Namespace | None = None) -> bytes:
    shown = namespace.ip(f"-brief link show {interface}") if namespace else None
    text = (shown or ip(f"-brief link show {interface}")).split()[2]
    return bytes.fromhex(text.replace(":", ""))


def test_what_has_no_known_neighbour_goes_by_the_socket_and_nothing_is_lost(namespace, path):
    way = path()
    ip(f"neigh flush dev {namespace.near}")
    way.refresh()
    assert way.counted(lambda: way.send(b"one", b"two")) == (0, 2)
    assert way.received(2) == [b"one", b"two"]
    way.settle()


def test_nothing_goes_by_a_ring_that_was_shown_no_way(path):
    way = path()
    assert way.counted(lambda: way.send(b"one")) == (0, 1)
    assert way.received(1) == [b"one"]


def test_a_neighbour_long_unheard_of_gets_one_datagram_by_the_socket(namespace, path):
    way = path()
    way.settle()
    far = mac_of(namespace.far, namespace).hex(":")
    ip(f"neigh replace {namespace.guest} lladdr {far} dev {namespace.near} nud stale")
    way.refresh()
    assert way.counted(lambda: way.send(*[b"hello"] * 10)) == (9, 1)
    assert way.received(10) == [b"hello"] * 10
    assert "STALE" not in ip(f"neigh show {namespace.guest} dev {namespace.near}")


def test_a_neighbour_with_a_new_mac_address_is_followed(namespace, path):
    way = path()
    way.settle()
    namespace.ip(f"link set {namespace.far} address 02:00:5e:10:00:07")
    ip(f"neigh flush dev {namespace.near}")
    way.settle()
    assert way.counted(lambda: way.send(b"still there?")) == (1, 0)
    assert way.received(1) == [b"still there?"]


@pytest.mark.parametrize(("mtu", "size"), [(1500, 1233), (1500, 1472), (1400, 1472), (600, 700)])
def test_what_not_every_path_carries_is_left_to_the_kernel(namespace, path, mtu, size):
    way = path()
    ip(f"link set {namespace.near} mtu {mtu}")
    namespace.ip(f"link set {namespace.far} mtu {mtu}")
    way.settle()
    datagram = os.urandom(size + 20)[:1472]
    assert way.counted(lambda: way.send(b"short", datagram)) == (1, 1)
    assert sorted(way.received(2), key=len) == [b"short", datagram]


def test_only_what_leaves_by_the_interface_goes_by_the_ring(namespace, path):
    way = path()
    way.settle()
    with socket.socket(V4, socket.SOCK_DGRAM) as here:
        here.bind((namespace.host, 0))  # our own address, which no frame on the wire reaches
        here.settimeout(10)
        to = (namespace.host, here.getsockname()[1])
        assert way.counted(lambda: way.sender.send(way.socket, [(to, b"to us")])) == (0, 1)
        assert here.recv(100) == b"to us"


@pytest.mark.parametrize(
    "route",
    ["blackhole {0}", "{0} dev lo", "{0} nexthop via {1} dev {2} nexthop via {3} dev {2}"],
    ids=["blackhole", "another interface", "two paths"],
)
def test_routes_that_are_not_plain_are_left_to_the_kernel(namespace, path, route):
    away, other = beyond(namespace), namespace.guest.removesuffix("2") + "3"
    way = path(namespace.host, away)
    way.settle()
    ip(f"route replace {route.format(away, namespace.guest, namespace.near, other)}")
    try:
        way.refresh()
        assert way.counted(lambda: way.send(b"lost")) == (0, 1)
    finally:
        ip(f"route del {away}")


def test_an_administrators_rules_are_left_to_the_kernel(namespace, path):
    way = path()
    way.settle()
    rule = f"from {namespace.host} lookup main priority 20011"
    ip(f"rule add {rule}")
    try:
        way.refresh()
        assert way.counted(lambda: way.send(b"one")) == (0, 1)
        assert way.received(1) == [b"one"]
    finally:
        ip(f"rule del {rule}")


def test_an_interface_that_goes_away_is_left_to_the_kernel(namespace, path):
    way = path()
    way.settle()
    ip(f"link set {namespace.near} down")
    way.refresh()
    assert way.counted(lambda: way.send(b"nobody hears")) == (0, 1)


@pytest.mark.parametrize("end", ["near", "far"])  # switched off, or the cable is out
def test_what_was_not_sent_before_a_link_went_down_is_not_sent_when_it_is_up(namespace, path, end):
    way = path()
    way.settle()
    here = ip if end == "near" else namespace.ip
    here(f"link set {getattr(namespace, end)} down")
    way.send(*[b"old"] * 64)
    way.refresh()
    lost = way.sender.counters()["ring_lost"]
    here(f"link set {getattr(namespace, end)} up")
    way.settle()
    way.send(b"new")
    assert way.received(1) == [b"new"]
    assert lost == 64


TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000


@pytest.fixture
def card(namespace: Namespace) -> Iterator[str]:
    """A card that sends nothing once its own queue is full, for nobody reads it."""
    name = f"sct{os.getpid()}"
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI))
    except OSError as error:
        pytest.skip(f"no TAP device can be made here: {error}")
    ip(f"link set {name} up")
    ip(f"route add {beyond(namespace)}/31 dev {name}")
    yield name
    os.close(device)


def test_a_full_ring_is_counted_and_blocks_nobody(namespace, card):
    to = beyond(namespace)
    ip(f"neigh add {to} lladdr {FOREIGN} dev {card} nud permanent")
    ip(f"route del {to} via {namespace.guest}")
    sender, bound = _core.PacketSender(card), _core.UdpSocket(namespace.host)
    sender.use(_core.NextHopReader(card).read())
    for _ in range(100):
        sender.send(bound, [((to, 9), bytes(100))] * 64)
    counters = sender.counters()
    if counters["ring_full"] == 0:
        pytest.skip("this kernel's TAP devices drop what their queue cannot hold")
    assert counters["ring_packets"] >= SLOTS
    assert counters["ring_fallbacks"] == counters["ring_full"]
    assert counters["ring_packets"] + counters["ring_fallbacks"] == 6400


@pytest.fixture
def slow_card(namespace: Namespace) -> Iterator[str]:
    """A card on top of another, whose queue holds what it was given until `rush`."""
    name = f"scs{os.getpid()}"
    try:
        ip(f"link add link {namespace.near} name {name} type macvlan")
        tc(f"add dev {namespace.near} root tbf rate 8bit burst 2000 limit 10000000")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no card and queue can be made here: {error.stderr.strip()}")
    ip(f"link set {name} up")
    ip(f"route replace {beyond(namespace)} dev {name}")
    far = mac_of(namespace.far, namespace).hex(":")
    ip(f"neigh add {beyond(namespace)} lladdr {far} dev {name} nud permanent")
    return name


def tc(command: str) -> None:
    subprocess.run(["tc", "qdisc", *command.split()], capture_output=True, text=True, check=True)


def packet_sockets() -> set[int]:
    """Descriptors of this process."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError), closing(socket.socket(fileno=os.dup(int(entry.name)))) as one:
            if one.family == socket.AF_PACKET:
                found.add(int(entry.name))
    return found


def test_frames_that_a_call_left_in_the_ring_leave_by_the_next(namespace, path, slow_card):
    """The kernel takes as many as the socket's buffer allows and reports success."""
    others = packet_sockets()
    way = path(namespace.host, beyond(namespace))
    way.sender, way.reader = _core.PacketSender(slow_card), _core.NextHopReader(slow_card)
    way.refresh()
    (ring,) = packet_sockets() - others
    with closing(socket.socket(fileno=os.dup(ring))) as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8_192)
    datagrams = [b"%3d " % number * 25 for number in range(64)]
    assert way.counted(lambda: way.send(*datagrams)) == (64, 0)
    tc(f"change dev {namespace.near} root tbf rate 1gbit burst 100000 limit 10000000")
    way.receiver.setblocking(False)
    got: Datagrams = []

    def all_came() -> bool:
        way.send()  # nothing new
        with suppress(BlockingIOError):
            while True:
                got.append(way.receiver.recv(2048))
        return len(got) == 64

    wait_for(all_came)
    assert got == datagrams


# Interfaces that will not do.


@pytest.mark.parametrize("make", [_core.PacketSender, _core.NextHopReader])
@pytest.mark.parametrize("name", ["", "sc-none0", "a name that is too long for any"])
def test_an_interface_that_is_not_there_is_named(namespace, make, name):
    with pytest.raises(ValueError, match=f'packet interface "{name}": there is no such interface'):
        make(name)


def test_an_interface_that_is_down_is_named(namespace):
    ip(f"link set {namespace.near} down")
    with pytest.raises(ValueError, match=f'"{namespace.near}": it is down'):
        _core.PacketSender(namespace.near)


def test_an_interface_without_mac_addresses_is_named(namespace):
    name = f"sct{os.getpid()}"
    try:
        ip(f"tuntap add {name} mode tun")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no TUN device can be made here: {error.stderr.strip()}")
    try:
        with pytest.raises(ValueError, match=f'"{name}": it is neither Ethernet nor loopback'):
            _core.PacketSender(name)
    finally:
        ip(f"tuntap del {name} mode tun")


def test_who_lacks_the_privilege_is_told_so(namespace):
    code = "from spacescore import Engine; Engine(host='127.0.0.1', port=0, packet_interface='lo')"
    done = subprocess.run(
        ["setpriv", "--bounding-set=-net_raw", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == (
        'ValueError: packet interface "lo": it needs the capability CAP_NET_RAW'
    )


# A node.


def start(**options: Any) -> Any:
    try:
        node = _core.Node(port=0, **options)
    except ValueError as error:
        pytest.skip(str(error))
    node.add_ticket_key(1, KEY)
    node.create_space(SPACE)
    return node


def join(node: Any, host: str, *, speaks: bool = False) -> VirtualPeer:
    context = new_context() if speaks else None
    ticket = node.mint(
        space=SPACE,
        role="speaker" if speaks else "listener",
        expiry=int(time.time()) + 60,
        peer=7 if speaks else 0,
        personal=speaks,
        requires_certificate=speaks,
    )
    fingerprint = context.fingerprint if context else None
    return VirtualPeer(
        (host, node.port),
        ufrag=_core.make_ufrag(ticket, os.urandom(12), 111, fingerprint),
        password=node.password(ticket),
        context=context,
        server_fingerprint=bytes.fromhex(node.fingerprint.replace(":", "")),
    ).connected()


def counted(node: Any, name: str) -> int:
    return sum(worker[name] for worker in node.counters())


def test_a_listener_on_loopback_hears_by_the_ring():
    node = start(host="::1", packet_interface="lo")
    with closing(node):
        listener, speaker = join(node, "::1"), join(node, "::1", speaks=True)
        speaker.say(islice(tone(440), 60))
        speaker.spoken()
        wait_for(lambda: len(listener.heard) >= 50)
        assert clearest(listener.samples()[: 45 * 960], 440) == pytest.approx(0.25, rel=0.2)
        assert listener.client.stats.packets_lost == 0
        assert counted(node, "ring_packets") >= 50
        assert counted(node, "ring_full") == 0
        for peer in (listener, speaker):
            peer.leave()


@pytest.mark.slow
def test_a_listener_behind_a_gateway_that_moves_hears_on(namespace):
    """The node is bound to every address, and answers from the one that was asked."""
    node = start(host="::", packet_interface=namespace.near, workers=2)
    Path(f"/proc/sys/net/ipv4/conf/{namespace.near}/arp_accept").write_text("1")
    with closing(node), namespace.entered():
        listener, speaker = (join(node, namespace.host, speaks=each) for each in (False, True))
        speaker.say(tone(440))
        wait_for(lambda: counted(node, "ring_packets") >= 50)
        namespace.ip(f"link set {namespace.far} address 02:00:5e:10:00:07")
        # A router that takes over says so to everybody; this one asks, which says the same.
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((namespace.far, 0))
            wire.send(announcement(namespace.guest, bytes.fromhex("02005e100007")))
        by_now = len(listener.heard)
        wait_for(lambda: len(listener.heard) >= by_now + 100)
        before = counted(node, "ring_packets")
        wait_for(lambda: counted(node, "ring_packets") >= before + 50)
        for peer in (listener, speaker):
            peer.leave()


def announcement(address: str, mac: bytes) -> bytes:
    """A gratuitous ARP request (RFC 5227 section 3)."""
    own = socket.inet_aton(address)
    ethernet = b"\xff" * 6 + mac + b"\x08\x06"
    return ethernet + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac + own + bytes(6) + own


def test_a_node_with_a_bad_interface_leaves_its_port_alone(namespace):
    with suppress(ValueError), socket.socket(V4, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ValueError, match="there is no such interface"):
        _core.Node(host="127.0.0.1", port=port, packet_interface="sc-none0")
    _core.Node(host="127.0.0.1", port=port).close()
