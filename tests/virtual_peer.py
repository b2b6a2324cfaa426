"""A virtual browser on a real UDP socket: `VirtualClient`, driven by a thread of its own."""

import os
import re
import select
import socket
import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from offers import SPEAK
from served import Served
from spacescore._native import _core
from spacescore.load.descriptions import read
from world import RATE, Packets

LONGEST_NAP_S = 0.01  # nobody wakes the thread: what another one asks for waits so long


def now_us() -> int:
    return time.monotonic_ns() // 1_000


def wait_for(what: Callable[[], Any], *, seconds: float = 10, every: float = 0.02) -> Any:
    """What `what` returns as soon as that is true."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(every)
    return found


class VirtualPeer:
    """One session from the first check to the goodbye; methods are for the test's thread."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        ufrag: str,
        password: str,
        context: Any = None,
        **client: Any,
    ) -> None:
        """`context`: whose certificate is shown; listeners need none."""
        self.client = _core.VirtualClient(
            context or new_context(),
            _core.SrtpEngine(),
            server_ufrag=ufrag,
            server_password=password,
            shows_certificate=context is not None,
            **client,
        )
        self.heard: list[Any] = []
        self._saying: Packets | None = None
        self._next_word_us = 0
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.connect(address)
        self._lock = Lock()
        self._leaving = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def connected(self) -> "VirtualPeer":
        """Itself, once there are keys."""
        wait_for(lambda: self.client.state == "connected")
        return self

    def say(self, packets: Packets | None) -> None:
        """Sends packets in real time until there are no more; None: no more at once."""
        with self._lock:
            self._saying, self._next_word_us = packets, now_us()

    def spoken(self) -> "VirtualPeer":
        """Itself, once everything is said."""
        wait_for(lambda: self._saying is None)
        return self

    def samples(self) -> np.ndarray:
        """All that was heard, decoded in order of arrival."""
        decoder = _core.OpusDecoder()
        with self._lock:
            frames = [decoder.decode(audio.payload) for audio in self.heard]
        return np.concatenate(frames) if frames else np.zeros(0, np.float32)

    def leave(self) -> None:
        """Says goodbye, as a browser does."""
        self._leaving.set()
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while not self._leaving.is_set():
            with self._lock:
                self._receive()
                self._speak()
                self._keep_time()
                self._send()
                nap = self._nap()
            select.select([self._socket], [], [], nap)
        self.client.close()
        self._send()

    def _receive(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(2048)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # the server is gone; what it sent before may still wait
            self.client.handle_datagram(now_us(), datagram)
            while (audio := self.client.poll_audio()) is not None:
                self.heard.append(audio)

    def _speak(self) -> None:
        while self._saying and self._next_word_us <= now_us():
            word = next(self._saying, None)
            if word is None:
                self._saying = None
                return
            packet, samples = word
            self.client.send_audio(now_us(), packet, samples)
            self._next_word_us += samples * 1_000_000 // RATE

    def _keep_time(self) -> None:
        due = self.client.next_timeout
        if due is not None and due <= now_us():
            self.client.handle_timeout(now_us())

    def _send(self) -> None:
        while (datagram := self.client.poll_transmit()) is not None:
            try:
                self._socket.send(datagram)
            except ConnectionRefusedError:
                continue

    def _nap(self) -> float:
        dues = [self.client.next_timeout, self._next_word_us if self._saying else None]
        naps = [(due - now_us()) / 1e6 for due in dues if due is not None]
        return max(0.0, min([LONGEST_NAP_S, *naps]))


def new_context() -> Any:
    return _core.DtlsContext(_core.Certificate.generate())


def listen_by_ticket(ticket: dict[str, Any], *, place: int = 0, **client: Any) -> VirtualPeer:
    """A listener with what `spacescore ticket --json` prints; `place`: which candidate."""
    candidate = ticket["candidates"][place]
    return VirtualPeer(
        (candidate["ip"], candidate["port"]),
        ufrag=_core.make_ufrag(ticket["ticket"], os.urandom(12), 111),
        password=ticket["password"],
        server_fingerprint=bytes.fromhex(ticket["fingerprint"].replace(":", "")),
        **client,
    )


def speak_by_whip(
    served: Served, name: str, *, space: str = "demo", token: str = "", **client: Any
) -> VirtualPeer:
    """A speaker, by the open stage where there is no token."""
    stage = token or served.stage_token(name, space)
    return speak_by_offer(lambda offer: served.offer(f"/whip/{space}", offer, stage)[0], **client)


def speak_by_offer(answer_to: Callable[[str], str], **client: Any) -> VirtualPeer:
    """A speaker. The offer is a browser's, the certificate its own."""
    context = new_context()
    digits = context.fingerprint.hex(":").upper()
    answer = read(answer_to(re.sub(r"(a=fingerprint:sha-256) \S+", rf"\1 {digits}", SPEAK)))
    return VirtualPeer(
        answer.candidates[0],
        ufrag=answer.ufrag,
        password=answer.password,
        server_fingerprint=answer.fingerprint,
        context=context,
        **client,
    )
