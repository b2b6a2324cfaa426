"""Offers that browsers made."""

from pathlib import Path

DATA = Path(__file__).parent / "data" / "sdp"


def offer(name: str) -> str:
    return (DATA / f"{name}.sdp").read_bytes().decode()


LISTEN = offer("chromium_listen")
SPEAK = offer("chromium_speak")
TALKBACK = offer("firefox_talkback")
PLAYER = offer("chromium_player")
