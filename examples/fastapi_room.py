"""A room inside a FastAPI application: your routes and your users, spacescore's audio.

    uvicorn fastapi_room:app --app-dir examples

`POST /offer?name=Ada&speak=true` with an SDP offer answers with the SDP answer: that is all a
browser needs. The complete room service, page included, is mounted at /rooms.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request, Response

import spacescore

engine = spacescore.Engine(host="127.0.0.1", port=int(os.environ.get("UDP_PORT", "7881")))
history: list[str] = []


async def remember() -> None:
    """Keep a history of who came and went; `events` runs on asyncio as it does on Trio."""
    async for event in engine.events():
        history.append(type(event).__name__)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the room with the application, and close it with it."""
    engine.create_space("room", title="Our room", open_stage=True)
    reader = asyncio.create_task(remember())
    yield
    await asyncio.to_thread(engine.close)  # ends `events`, too
    await reader


app = FastAPI(lifespan=lifespan)
app.mount("/rooms", spacescore.asgi(engine))


@app.post("/offer")
async def offer(request: Request, name: str = "", speak: bool = False) -> Response:
    """Answer a browser's offer."""
    role = "speaker" if speak else "listener"
    try:
        answer = engine.accept_offer("room", await request.body(), role=role, name=name)
    except spacescore.SpacescoreError as error:
        raise HTTPException(422, str(error)) from error
    return Response(answer.sdp, 201, {"X-Session": answer.session}, "application/sdp")


@app.get("/history")
async def show_history() -> list[str]:
    """Who came and went."""
    return history
