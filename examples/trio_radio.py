"""A radio station in a Trio program of your own: one space, and a line for who is on air.

    python examples/trio_radio.py [HTTP port [UDP port]]

The presenter opens the printed host link and presses Speak; everybody else opens the page.
"""

import signal
import sys
import time
from contextlib import suppress
from functools import partial
from typing import Any

import trio
from anycorn import serve
from anycorn.config import Config

import spacescore


async def announce(engine: spacescore.Engine) -> None:
    """Say who is heard. Events come from the engine's own thread, through an eventfd."""
    async for event in engine.events():
        with suppress(spacescore.UnknownSpaceError):  # the host has ended it meanwhile
            match event:
                case spacescore.SpeakerJoined() | spacescore.SpeakerLeft():
                    on_air = [who.name for who in engine.stats(event.space).speakers]
                    print("on air:", ", ".join(on_air) or "nobody", flush=True)
                case spacescore.ListenerJoined():
                    print("listeners:", engine.stats(event.space).listeners, flush=True)


async def main(*ports: str) -> None:
    """Run the station until Ctrl-C."""
    port, udp_port = [*ports, *("8080", "7881")[len(ports) :]]
    keys, config, stop = spacescore.KeyRing.ephemeral(), Config(), trio.Event()
    config.bind, config.loglevel = [f"127.0.0.1:{port}"], "WARNING"
    with spacescore.Engine(host="127.0.0.1", port=int(udp_port)) as engine:
        engine.create_space("radio", title="Trio Radio")
        host = engine.invite("radio", role="host", name="The presenter")
        token = keys.issue(host, now=time.time())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(announce, engine)
            app: Any = spacescore.asgi(engine, keys=keys)
            (url,) = await nursery.start(partial(serve, app, config, shutdown_trigger=stop.wait))
            print(f"page: {url}/s/radio\nhost: {url}/s/radio#token={token}", flush=True)
            with trio.open_signal_receiver(signal.SIGINT) as signals:
                await anext(signals)
            stop.set()
            engine.close()  # ends `events`


if __name__ == "__main__":
    trio.run(main, *sys.argv[1:])
    print("off air")
