"""Somebody in a browser, on a page of a running service, with an ear to what they are sent."""

import time
from typing import Any

import numpy as np
from playwright.sync_api import Page, expect

from served import Served
from sound import level
from virtual_peer import wait_for

WINDOW = 16_384  # samples in the ear: a third of a second, and bins of 3 Hz
MINE = "() => { window.mine = () => window.session ?? spacescore.session; }"
PRICK_UP = f"""() => {{
  const context = new AudioContext({{ sampleRate: 48000 }});
  window.ear = new AnalyserNode(context, {{ fftSize: {WINDOW} }});
  context.createMediaStreamSource(mine().link.stream).connect(ear);
}}"""
HEAR = """() => {
  const samples = new Float32Array(ear.fftSize);
  ear.getFloatTimeDomainData(samples);
  return [...samples];
}"""
STATS = "async () => [...(await mine().link.pc.getStats()).values()]"
COUNT_ON_LEAVING = """() => {
  const { pc } = mine().link, close = pc.close.bind(pc);
  pc.close = () => {
    window.sent = pc.getStats().then((report) => {
      close();
      return [...report.values()].find(({ type }) => type === "outbound-rtp").packetsSent / 50;
    });
  };
}"""
WHEP = """async () => {
  const { WhepSession } = await import("/web/whep.js");
  window.session = new WhepSession({ endpoint: new URL("/whep/demo", location) });
  await session.open();
}"""


class Visitor:
    """One tab."""

    def __init__(self, page: Page, served: Served, space: str = "demo") -> None:
        self.page = page
        self._served = served
        self._path = f"/s/{space}"
        page.set_default_timeout(15_000)

    def speaks(self, name: str) -> "Visitor":
        """Steps on stage by the page, and sends the microphone as it is."""
        self._open(self._path)
        self.page.click("#speak")
        self.page.fill("#name", name)
        self.page.get_by_role("switch").check(force=True)
        self.page.get_by_role("button", name="Start speaking").click()
        return self._inside()

    def listens(self) -> "Visitor":
        """Presses Listen: joins by ticket."""
        self._open(self._path)
        self.page.click("#listen")
        return self._inside()

    def listens_by_whep(self) -> "Visitor":
        """Joins by whep.js, on a document that has nothing else."""
        self._open("/healthz")
        self.page.evaluate(WHEP)
        return self._inside()

    def leaves(self) -> None:
        """Presses Leave; who is on stage is asked once more."""
        on_stage = self.page.locator("[data-mode=speak]").count()
        self.page.click("#leave")
        if on_stage:
            self.page.get_by_role("button", name="Leave the space").click()
        expect(self.page.locator("#status")).to_have_text("Not joined")

    def leaves_counted(self) -> float:
        """Presses Leave; how many seconds of sound its microphone gave until then."""
        self.page.evaluate(COUNT_ON_LEAVING)
        self.leaves()
        return float(self.page.evaluate("sent"))

    def hears(self, *frequencies: float, above: float = -14, seconds: float = 20) -> np.ndarray:
        """A third of a second in which all of these are louder than `above` dBFS.

        After `seconds` without one it is the latest, for the test to say what is wrong with it.
        """
        until = time.monotonic() + seconds
        while True:
            samples = np.array(self.page.evaluate(HEAR))
            found = all(level(samples, frequency) > above for frequency in frequencies)
            if found or time.monotonic() > until:
                return samples

    def stats(self, kind: str) -> dict[str, Any]:
        """The first of a type in what the browser itself counts."""
        return next(entry for entry in self.page.evaluate(STATS) if entry["type"] == kind)

    def _open(self, path: str) -> None:
        self.page.goto(self._served.url + path)
        self.page.evaluate(MINE)

    def _inside(self) -> "Visitor":
        wait_for(lambda: self.page.evaluate("mine()?.state") == "playing", seconds=20)
        self.page.evaluate(PRICK_UP)
        return self
