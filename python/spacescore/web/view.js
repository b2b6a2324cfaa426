// The page's fixed parts: headline, word in the middle of the stage, controls, notices.

import { controlsOf, detailsOf, statusOf } from "./dock.js";
import { element, find } from "./dom.js";
import { elapsed, listening } from "./words.js";

/**
 * @typedef {"loading" | "live" | "waiting" | "ended" | "unknown" | "error"} Phase
 */

/** @type {Partial<Record<Phase, [string, string]>>} said in the middle of an empty stage */
const WORDS = {
  waiting: ["The stage is still dark",
    "Nobody is on stage yet. Press Listen now, and you will hear the first word."],
  ended: ["That was it", "This space has ended. Thank you for being there."],
  unknown: ["Nothing at this address", "There is no space by this name. Perhaps it has ended, or "
    + "the link is not complete."],
  error: ["No line to the server", "It cannot be reached at the moment. This page keeps trying."],
};

/** Phases without anything to join. */
const CLOSED = new Set(["ended", "unknown"]);

const CONTROLS = /** @type {const} */ (["listen", "play", "mute", "speak", "leave", "invitation"]);

export class View {
  /** Server clock minus ours, and when the space began; seconds. */
  #offset = 0;
  #started = NaN;
  #shownAt = -Infinity;
  /** @type {Phase} */ #phase = "loading";

  constructor() {
    element("notice-close").addEventListener("click", () => (element("notice").hidden = true));
  }

  /** @param {Phase} phase */
  showPhase(phase) {
    this.#phase = phase;
    document.body.dataset.phase = phase;
    const words = WORDS[phase];
    element("word").hidden = !words;
    element("word-link").hidden = !CLOSED.has(phase);
    [element("word-title").textContent, element("word-text").textContent] = words ?? ["", ""];
    element("badge").textContent = phase === "live" ? "Live" : phase === "ended" ? "Ended" : "Soon";
    if (phase === "unknown") document.title = "No such space · spacescore";
  }

  /** @param {import("./api.js").Room} room */
  showRoom({ title, live, listeners, speakers, recording, time, started }) {
    this.#offset = time - Date.now() / 1000;
    this.#started = started ?? NaN;
    this.showPhase(speakers.length > 0 ? "live" : "waiting");
    element("badge").textContent = live ? "Live" : "Soon";
    element("title").textContent = title;
    element("listeners").textContent = listening(listeners);
    element("recording").hidden = element("recorded-note").hidden = !recording;
    document.title = `${title} · spacescore`;
    this.showElapsed();
  }

  /**
   * @param {string} words "" when nothing is to be said
   * @param {string | null} link to where people go on
   */
  showMoving(words, link) {
    element("moving").hidden = !words;
    if (element("moving-text").textContent !== words) element("moving-text").textContent = words;
    const there = /** @type {HTMLAnchorElement} */ (element("moving-link"));
    there.hidden = !link;
    if (link) there.href = link;
  }

  showElapsed() {
    if (CLOSED.has(this.#phase) || Number.isNaN(this.#started)) return;
    element("elapsed").textContent = elapsed(Date.now() / 1000 + this.#offset - this.#started);
  }

  /** @param {import("./dock.js").Situation} situation */
  showSituation(situation) {
    const offered = controlsOf(situation);
    const [tone, words] = statusOf(situation);
    const focused = document.activeElement;
    for (const id of CONTROLS) element(id).hidden = !offered.includes(id);
    for (const id of /** @type {const} */ (["listen", "speak"])) {
      /** @type {HTMLButtonElement} */ (element(id)).disabled = !situation.ready;
    }
    const mute = element("mute");
    mute.setAttribute("aria-pressed", String(situation.muted));
    find(mute, "span").textContent = situation.muted ? "Unmute" : "Mute";
    find(mute, "use").setAttribute("href", situation.muted ? "#icon-mic-off" : "#icon-mic");
    document.body.dataset.mode = situation.mode;
    document.body.dataset.tone = tone;
    if (element("status").textContent !== words) element("status").textContent = words;
    if (focused instanceof HTMLElement && focused.hidden) this.focus(offered[0]);
  }

  /**
   * @param {import("./dock.js").Situation} situation
   * @param {import("./link.js").Stats | null} stats
   */
  showDetails(situation, stats) {
    const words = detailsOf(situation, stats);
    if (element("details").textContent !== words) element("details").textContent = words;
  }

  /**
   * @param {number} room 0..1
   * @param {number} own 0..1
   */
  showLevels(room, own) {
    const spoken = performance.now() - this.#shownAt > 1000; // assistive tools need no 10 Hz
    if (spoken) this.#shownAt = performance.now();
    for (const [id, level] of /** @type {const} */ ([["room-meter", room], ["own-meter", own]])) {
      element(id).style.setProperty("--level", level.toFixed(2));
      if (spoken) element(id).setAttribute("aria-valuenow", String(Math.round(100 * level)));
    }
    document.body.style.setProperty("--room", room.toFixed(2));
  }

  /** @param {string} text */
  notify(text) {
    element("notice-text").textContent = text;
    element("notice").hidden = false;
  }

  /** @param {string} text to screen readers only */
  announce(text) {
    element("announcer").textContent = text;
  }

  /** @param {string} id */
  focus(id) {
    element(id).focus({ preventScroll: true });
  }
}
