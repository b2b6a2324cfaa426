"""aiortc behind a WHEP endpoint, at its best: nothing is decoded or encoded.

The Opus packets that come by RTP go out as they are, by one MediaRelay to everybody.

    python aiortc_server.py HTTP_PORT RTP_PORT
"""

from __future__ import annotations

import asyncio
import sys
from fractions import Fraction
from typing import Any

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay
from av.packet import Packet

RTP_HEADER = 12
RATE, FRAME = 48_000, 960
BACKLOG = 50  # a second that nobody has listened to yet


class RtpTrack(MediaStreamTrack, asyncio.DatagramProtocol):
    """What comes from a socket, still encoded."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(BACKLOG)
        self._count = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Keep the newest."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(data[RTP_HEADER:])

    async def recv(self) -> Packet[Any]:
        """Wait for the next packet."""
        packet: Packet[Any] = Packet(await self._queue.get())
        packet.pts, packet.time_base = self._count * FRAME, Fraction(1, RATE)
        self._count += 1
        return packet


class Whep:
    """Answers every offer with a connection that plays the track."""

    def __init__(self, track: RtpTrack) -> None:
        self._track, self._relay = track, MediaRelay()
        self._peers: set[RTCPeerConnection] = set()

    async def answer(self, request: web.Request) -> web.Response:
        """Take an offer."""
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.add(peer)
        peer.addTrack(self._relay.subscribe(self._track))
        await peer.setRemoteDescription(RTCSessionDescription(await request.text(), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        sdp = peer.localDescription.sdp
        return web.Response(status=201, text=sdp, content_type="application/sdp")


async def main(host: str, http_port: int, rtp_port: int) -> None:
    """Serve until somebody ends the process."""
    loop = asyncio.get_running_loop()
    _, track = await loop.create_datagram_endpoint(RtpTrack, (host, rtp_port))
    app = web.Application()
    app.router.add_post("/whep", Whep(track).answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, host, http_port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
