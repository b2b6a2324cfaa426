"""A WebRTC peer of another make (aiortc), on an event loop and thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from threading import Thread
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription

RATE, FRAME = 48_000, 960


class Tone(MediaStreamTrack):
    """A 440 Hz tone in real time."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sent = 0
        self._start = 0.0

    async def recv(self) -> av.AudioFrame:
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._sent / RATE - now))
        at = (self._sent + np.arange(FRAME)) / RATE
        samples = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class Peer:
    """One PeerConnection; every method may be called from the test's own thread."""

    def __init__(self, *, speaks: bool = False) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._pc: RTCPeerConnection = self._do(self._make(speaks))

    def join(self, exchange: Callable[[str], str]) -> None:
        """Offer, let `exchange` bring the answer, and connect."""
        offer: str = self._do(self._offer())
        self._do(self._connect(exchange(offer)))

    def close(self) -> None:
        """Hang up."""
        self._do(self._pc.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(20)

    async def _make(self, speaks: bool) -> RTCPeerConnection:
        pc = RTCPeerConnection()
        if speaks:
            pc.addTransceiver(Tone(), direction="sendonly")
        else:
            pc.addTransceiver("audio", direction="recvonly")
        return pc

    async def _offer(self) -> str:
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def _connect(self, answer: str) -> None:
        connected = asyncio.Event()

        @self._pc.on("connectionstatechange")
        def look() -> None:
            if self._pc.connectionState == "connected":
                connected.set()

        await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.wait_for(connected.wait(), 15)
