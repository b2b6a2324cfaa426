"""A server of another make: aiortc behind a WHEP endpoint, on threads of its own."""

import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from aiortc import RTCPeerConnection, RTCSessionDescription

from webrtc_client import Tone


class AiortcServer:
    """Answers every offer with a connection that plays a tone."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._peers: list[RTCPeerConnection] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._threads = [
            Thread(target=self._loop.run_forever, daemon=True),
            Thread(target=self._http.serve_forever, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/whep"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._do(self._hang_up())
        self._loop.call_soon_threadsafe(self._loop.stop)
        for thread in self._threads:
            thread.join(5)
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _answer(self, offer: str) -> str:
        peer = RTCPeerConnection()
        self._peers.append(peer)
        peer.addTrack(Tone())
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def _hang_up(self) -> None:
        await asyncio.gather(*(peer.close() for peer in self._peers))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = server._do(server._answer(offer)).encode()
                self.send_response(201)
                self.send_header("Content-Type", "application/sdp")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        return Handler
