"""Debian's coturn, set up as our recipe says: a listener who can reach nothing but the relay."""

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from aioice.stun import TransactionFailed
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy
from playwright.sync_api import Browser, expect

from offers import LISTEN
from served import Served
from virtual_peer import wait_for
from webrtc_client import Peer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("turnserver"), reason="no coturn here: apt-get install coturn"
    ),
]

RECIPE = Path(__file__).parents[2] / "packaging" / "coturn" / "turnserver.conf"
SECRET = "a-secret-of-this-test"


def on_loopback(recipe: str, port: int, node: str) -> str:
    """The recipe with its placeholders filled in, for one machine."""
    filled = recipe.replace("SECRET", SECRET)
    filled = re.sub(r"(?m)^listening-port=.*", f"listening-port={port}", filled)
    filled = re.sub(r"(?m)^allowed-peer-ip=.*", f"allowed-peer-ip={node}", filled)
    filled = re.sub(r"(?m)^(tls-listening-port|cert|pkey)=.*\n", "", filled)
    return filled + "listening-ip=127.0.0.1\nallow-loopback-peers\nno-tls\nno-dtls\n"


@pytest.fixture
def relay(request, tmp_path) -> Iterator[int]:
    """A running coturn, which lets through to one address; its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "turnserver.conf"
    config.write_text(on_loopback(RECIPE.read_text(), port, request.param))
    command = ["turnserver", "-c", config, f"--pidfile={tmp_path / 'pid'}"]
    files = [f"--db={tmp_path / 'turndb'}"]
    process = subprocess.Popen(
        [*command, *files], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(10)


def answers(port: int) -> bool:
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@pytest.fixture
def served(tmp_path, relay) -> Iterator[Served]:
    server = f"turn:127.0.0.1:{relay},spacescore,{SECRET}"
    served = Served(tmp_path / "data", "--demo", "--ice-server", server)
    yield served
    served.end()


def told(served: Served) -> RTCIceServer:
    """The relay as WHEP's Link header tells of it (RFC 9725 section 4.6)."""
    headers = {"Content-Type": "application/sdp"}
    with urlopen(Request(f"{served.url}/whep/demo", LISTEN.encode(), headers), timeout=5) as got:
        link = got.headers["Link"]
    (url,) = re.findall(r"<([^>]+)>; rel=\"ice-server\"", link)
    named = dict(re.findall(r"(\w+)=\"([^\"]*)\"", link))
    return RTCIceServer(url, named["username"], named["credential"])


def only_by_relay(served: Served) -> Peer:
    policy = RTCIceTransportPolicy.RELAY
    return Peer(ice=RTCConfiguration([told(served)], iceTransportPolicy=policy))


@pytest.mark.parametrize("relay", ["127.0.0.1"], indirect=True)
def test_a_listener_behind_a_relay_hears_the_room(served):
    speaker, listener = Peer(speaks=True), only_by_relay(served)
    token = served.stage_token("Ada")
    speaker.join(lambda sdp: served.offer("/whip/demo", sdp, token)[0])
    listener.join(lambda sdp: served.offer("/whep/demo", sdp)[0])
    wait_for(lambda: listener.samples().size > 48_000, seconds=15)
    assert served.metric("listeners") == 1
    listener.close()
    speaker.close()


@pytest.mark.parametrize("relay", ["203.0.113.7"], indirect=True)
def test_the_password_that_all_know_opens_no_way_but_to_the_node(served):
    listener = only_by_relay(served)
    with pytest.raises((TransactionFailed, TimeoutError, ConnectionError)):
        listener.join(lambda sdp: served.offer("/whep/demo", sdp)[0])
    assert served.metric("listeners") == 0
    listener.close()


ONLY_RELAYS = """
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(options) { super({ ...options, iceTransportPolicy: "relay" }); }
  };
"""


@pytest.mark.browser
@pytest.mark.parametrize("relay", ["127.0.0.1"], indirect=True)
def test_the_page_listens_and_speaks_by_the_relay_that_the_ticket_names(
    served: Served, open_chromium: Callable[[], Browser]
):
    page = open_chromium().new_page()
    page.add_init_script(ONLY_RELAYS)
    page.goto(f"{served.url}/s/demo")
    page.get_by_role("button", name="Listen").click()
    expect(page.locator("#status")).to_have_text("Listening", timeout=15_000)
    page.get_by_role("button", name="Speak").click()
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start speaking").click()
    expect(page.locator("#status")).to_have_text("You are on air", timeout=15_000)
