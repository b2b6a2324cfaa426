"""A space in virtual time: one engine, any number of virtual browsers, a lossy path to each."""

import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from meshed import Meshed
from netem import Link
from spacescore._native import _core

SECOND_US = 1_000_000
TICK_US = 20_000
SPACE = 0x1122334455667788
KEY = bytes(range(32))
UNIX_US = 1_700_000_000 * SECOND_US
FRAME = 960
RATE = 48_000

Packets = Iterator[tuple[bytes, int]]  # Opus, samples


def tone_frames(frequency: float, amplitude: float = 0.25) -> Iterator[np.ndarray]:
    for start in itertools.count(0, FRAME):
        phase = 2 * np.pi * frequency * np.arange(start, start + FRAME) / RATE
        yield (amplitude * np.sin(phase)).astype(np.float32)


def tone(frequency: float, amplitude: float = 0.25) -> Packets:
    """An endless tone as Opus packets of 20 ms."""
    encoder = _core.OpusEncoder(dtx=False)
    for frame in tone_frames(frequency, amplitude):
        yield encoder.encode(frame), FRAME


@dataclass
class Heard:
    """What came out of a listener's SRTP."""

    at_us: int
    audio: Any


@dataclass
class Participant:
    """A virtual browser and its path."""

    client: Any
    address: tuple[str, int]
    up: Link
    down: Link
    session: bytes
    ufrag: str
    password: str
    heard: list[Heard] = field(default_factory=list)
    saying: Packets | None = None
    next_word_us: int = 0

    def say(self, now_us: int, packets: Packets | None) -> None:
        self.saying, self.next_word_us = packets, now_us

    def samples(self) -> np.ndarray:
        """All that was heard, decoded in order of arrival."""
        decoder = _core.OpusDecoder()
        frames = [decoder.decode(heard.audio.payload) for heard in self.heard]
        return np.concatenate(frames) if frames else np.zeros(0, np.float32)


def strength(samples: np.ndarray, frequency: float) -> float:
    """The amplitude of one frequency in the last second."""
    last = samples[-RATE:]
    phase = 2j * np.pi * frequency * np.arange(last.size) / RATE
    return float(2 * abs(np.dot(last, np.exp(-phase))) / max(last.size, 1))


def clearest(samples: np.ndarray, hertz: float, frames: int = 10) -> float:
    """The strength where it is largest: on a busy machine a speaker is late, and concealed."""
    parts = [samples[at : at + frames * 960] for at in range(0, samples.size, frames * 480)]
    return max(strength(part, hertz) for part in parts if part.size == frames * 960)


class World:
    """Everything that happens, in order of virtual time."""

    def __init__(
        self,
        *,
        seed: int = 1,
        spaces: Iterable[int] = (SPACE,),
        workers: int = 1,
        music: bool = False,
        **engine: Any,
    ):
        self.now_us = 0
        self.seeds = itertools.count(seed * 1_000)
        made_by = _core.Engine if workers == 1 else partial(Meshed, workers)
        self.engine: Any = made_by(now_us=0, unix_us=UNIX_US, **engine)
        self.engine.add_ticket_key(1, KEY)
        self.tickets = _core.TicketKeys()
        self.tickets.add(1, KEY)
        for space in spaces:
            self.engine.create_space(0, space, recorded=True, music=music)
        self.srtp = _core.SrtpEngine()
        self.people: dict[tuple[str, int], Participant] = {}
        self.stray: list[tuple[tuple[str, int], bytes]] = []
        self.recorded: list[tuple[int, int, bytes]] = []
        self.events: list[Any] = []

    def join(
        self,
        role: str = "listener",
        *,
        peer: int = 0,
        space: int = SPACE,
        address: tuple[str, int] | None = None,
        ticket: str | None = None,
        cohort: int = 0,
        nonce: bytes = b"",
        ttl_s: int = 60,
        requires_certificate: bool = False,
        sends_only: bool = False,
        certificate: bool = False,
        named_fingerprint: bytes | None = None,
        profile: Any = None,
        payload_type: int = 111,
        red_payload_type: int = 0,
        level_extension: int = 0,
        up: dict[str, Any] | None = None,
        down: dict[str, Any] | None = None,
        made_by: Callable[..., Any] = _core.VirtualClient,
        **client: Any,
    ) -> Participant:
        """A virtual browser with a ticket; it starts at the next `run`."""
        ticket = ticket or self.tickets.mint(
            space=space,
            role=role,
            peer=peer,
            expiry=UNIX_US // SECOND_US + ttl_s,
            personal=peer != 0 or cohort != 0,
            cohort=cohort,
            requires_certificate=requires_certificate,
            sends_only=sends_only,
        )
        number = next(self.seeds)
        session = nonce or random.Random(number).randbytes(12)
        context = _core.DtlsContext(_core.Certificate.generate(), profile)
        fingerprint = named_fingerprint or (context.fingerprint if certificate else None)
        ufrag = _core.make_ufrag(
            ticket, session, payload_type, fingerprint, red_payload_type, level_extension
        )
        password = self.tickets.password(ticket)
        address = address or ("10.0.0.1", 1_024 + len(self.people))
        person = Participant(
            client=made_by(
                context,
                self.srtp,
                server_ufrag=ufrag,
                server_password=password,
                server_fingerprint=self.engine.fingerprint,
                shows_certificate=certificate,
                ssrc=number,
                payload_type=payload_type,
                **client,
            ),
            address=address,
            up=Link(number * 2, **{"delay_us": 10_000, **(up or {})}),
            down=Link(number * 2 + 1, **{"delay_us": 10_000, **(down or {})}),
            session=session,
            ufrag=ufrag,
            password=password,
        )
        self.people[address] = person
        return person

    def move(self, person: Participant, address: tuple[str, int]) -> None:
        """The person's NAT gives them another address."""
        del self.people[person.address]
        person.address = address
        self.people[address] = person

    def leave(self, person: Participant) -> None:
        """The person vanishes without a word."""
        del self.people[person.address]

    def inject(self, source: tuple[str, int], datagram: bytes) -> list[tuple[Any, bytes]]:
        """A datagram from anywhere; what the engine sends at once because of it."""
        self.engine.handle_datagram(self.now_us, source, datagram)
        answers: list[tuple[Any, bytes]] = self.engine.poll_transmits(self.now_us)
        for address, answer in answers:
            if address in self.people:
                self.people[address].down.send(self.now_us, answer)
        return answers

    def run(self, seconds: float, *, grain_us: int = 1) -> None:
        """Lets virtual time pass; a coarser grain makes long times cheap."""
        until = self.now_us + int(seconds * SECOND_US)
        while (due := self.next_due()) <= until:
            self.now_us = max(self.now_us, -(-due // grain_us) * grain_us)
            self.step()
        self.now_us = until

    def next_due(self) -> int:
        dues = [self.engine.next_timeout(self.now_us)]
        for person in self.people.values():
            dues += [person.client.next_timeout, person.up.next_arrival]
            dues.append(person.down.next_arrival)
            dues.append(person.next_word_us if person.saying else None)
        return min(due for due in dues if due is not None)

    def step(self) -> None:
        now = self.now_us
        for person in list(self.people.values()):
            self.step_person(person)
            for datagram in person.up.receive(now):
                self.engine.handle_datagram(now, person.address, datagram)
        self.engine.handle_timeout(now)
        self.recorded += self.engine.poll_recorded()
        self.events += self.engine.poll_events()
        for address, datagram in self.engine.poll_transmits(now):
            if address in self.people:
                self.people[address].down.send(now, datagram)
            else:
                self.stray.append((address, datagram))

    def step_person(self, person: Participant) -> None:
        now, client = self.now_us, person.client
        for datagram in person.down.receive(now):
            client.handle_datagram(now, datagram)
            while (audio := client.poll_audio()) is not None:
                person.heard.append(Heard(now, audio))
        if client.next_timeout is not None and client.next_timeout <= now:
            client.handle_timeout(now)
        while person.saying and person.next_word_us <= now:
            packet, samples = next(person.saying)
            if packet:
                client.send_audio(now, packet, samples)
            else:
                client.skip_audio(samples)
            person.next_word_us += samples * SECOND_US // RATE
        while (datagram := client.poll_transmit()) is not None:
            person.up.send(now, datagram)

    def counters(self) -> dict[str, int]:
        """Those that are not zero."""
        return {name: count for name, count in self.engine.counters().items() if count}

    def drops(self) -> dict[str, int]:
        prefix = "dropped_"
        return {
            name.removeprefix(prefix): count
            for name, count in self.counters().items()
            if name.startswith(prefix)
        }


def hears(world: World, person: Participant) -> bool:
    """Whether the next second brings the person a tone of 440 Hz."""
    before = person.samples().size
    world.run(1)
    return strength(person.samples()[before:], 440) > 0.2  # sent at 0.25
