"""A WebRTC peer of another make (aiortc), on an event loop and thread of its own."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from threading import Thread
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

RATE, FRAME = 48_000, 960
TONE_HZ, AMPLITUDE = 440, 0.25


class Tone(MediaStreamTrack):
    """A tone in real time, in stereo: out of mono FFmpeg makes stereo 3 dB less loud."""

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
        samples = (AMPLITUDE * 32_768 * np.sin(2 * np.pi * TONE_HZ * at)).astype(np.int16)
        both = samples.repeat(2)[None, :]
        frame = av.AudioFrame.from_ndarray(both, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, self._sent, Fraction(1, RATE)
        self._sent += FRAME
        return frame


class Peer:
    """One PeerConnection; every method may be called from the test's own thread."""

    def __init__(self, *, speaks: bool = False, ice: RTCConfiguration | None = None) -> None:
        self._heard: list[np.ndarray] = []
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._pc: RTCPeerConnection = self._do(self._make(speaks, ice))

    def join(self, exchange: Callable[[str], str]) -> None:
        """Offer, let `exchange` bring the answer, and connect."""
        offer: str = self._do(self._offer())
        self._do(self._connect(exchange(offer)))

    def samples(self) -> np.ndarray:
        """The left channel of all that came, -1 to 1."""
        return np.concatenate([np.zeros(0), *self._heard])

    def close(self) -> None:
        """Hang up."""
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(20)

    async def _make(self, speaks: bool, ice: RTCConfiguration | None) -> RTCPeerConnection:
        pc = RTCPeerConnection(ice)
        if speaks:
            pc.addTransceiver(Tone(), direction="sendonly")
        else:
            pc.addTransceiver("audio", direction="recvonly")
            pc.on("track", lambda track: asyncio.ensure_future(self._listen(track)))
        return pc

    async def _finish(self) -> None:
        await self._pc.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self, track: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                channels = len(frame.layout.channels)
                self._heard.append(frame.to_ndarray()[0, ::channels] / 32_768)

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
