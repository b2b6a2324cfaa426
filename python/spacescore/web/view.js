// The page's fixed parts: headline, word in the middle of the stage, controls, notices.

import { controlsOf, detailsOf, statusOf } from "./dock.js";
import { element, find } from "./dom.js";
import { t } from "./language.js";
import { elapsed, listening } from "./words.js";

/**
 * @typedef {"loading" | "planned" | "live" | "waiting" | "ended" | "unknown" | "invite" | "error"
 *   | "removed" | "blocked"} Phase
 */

/** Said in the middle of an empty stage: a text, and a longer one. */
const SAID = new Set(["waiting", "ended", "unknown", "invite", "error", "removed", "blocked"]);

/** Phases in which nobody knows what the space is called: what is said is the headline. */
const NAMELESS = new Set(["unknown", "invite", "error"]);

/** Phases without anything to join. */
const CLOSED = new Set(["ended", "unknown", "invite", "removed", "blocked"]);

const CONTROLS =
  /** @type {const} */ (["listen", "play", "mute", "hand", "speak", "leave", "invitation"]);

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
    const said = SAID.has(phase);
    element("word").hidden = !said;
    element("word-title").ariaLevel = NAMELESS.has(phase) ? "1" : "2";
    element("word-link").hidden = !CLOSED.has(phase);
    for (const [id, suffix] of [["word-title", ""], ["word-text", ".text"]]) {
      const text = said ? t(/** @type {any} */ (`word.${phase}${suffix}`)) : "";
      if (element(id).textContent !== text) element(id).textContent = text;
    }
    const badge = phase === "live" || phase === "ended" || phase === "planned" ? phase : "soon";
    element("badge").textContent = t(`badge.${badge}`);
    if (phase === "unknown") document.title = `${t("space.none")} · spacescore`;
  }

  /** Says again, in another language, what is said where there is no room. */
  retell() {
    this.showPhase(this.#phase);
  }

  /** @param {import("./api.js").Room} room */
  showRoom({ phase, title, live, listeners, speakers, recording, time, started, pins }) {
    const planned = phase === "planned";
    this.#offset = time - Date.now() / 1000;
    this.#started = planned || !started ? NaN : started;
    this.showPhase(planned ? "planned" : speakers.length > 0 ? "live" : "waiting");
    if (!planned) element("badge").textContent = t(live ? "badge.live" : "badge.soon");
    element("title").textContent = title;
    element("listeners").textContent = planned ? "" : listening(listeners);
    element("recording").hidden = element("recorded-note").hidden = !recording;
    element("offer-recorded").hidden = !recording;
    document.title = `${title} · spacescore`;
    showList("pins", pins ?? [], linkOf);
    this.showElapsed();
  }

  /** @param {{ description: string, topics: string[] }} about */
  showAbout({ description = "", topics = [] }) {
    element("about").textContent = description;
    element("about").hidden = !description;
    showList("topics", topics, (topic) => topic);
  }

  /** @param {number | null} waiting raised hands; null: there is nothing to run */
  showDesk(waiting) {
    const count = waiting ?? 0;
    element("console-toggle").hidden = waiting === null;
    element("console-count").hidden = !count;
    element("console-count").textContent = String(count);
    element("console-toggle").setAttribute("aria-label",
      count ? t("host.waiting", { count }) : t("host"));
  }

  /** @param {"invited" | "granted" | ""} which invitation to speak there is to answer */
  showOffer(which) {
    const offer = element("offer");
    if (which) element("offer-heading").textContent = t(`offer.${which}`);
    if (which && offer.hidden) this.announce(element("offer-heading").textContent ?? "");
    offer.hidden = !which;
  }

  /**
   * @param {string} link to hear again what has ended
   * @param {boolean} isPublic else it is for its host to publish
   */
  showReplay(link, isPublic) {
    const replay = element("word-replay");
    replay.dataset.t = isPublic ? "word.replay" : "word.publish";
    replay.textContent = t(/** @type {any} */ (replay.dataset.t));
    replay.setAttribute("href", link);
    replay.hidden = false;
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
    for (const id of /** @type {const} */ (["listen", "speak", "hand"])) {
      /** @type {HTMLButtonElement} */ (element(id)).disabled = !situation.ready;
    }
    const mute = element("mute");
    mute.setAttribute("aria-pressed", String(situation.muted));
    find(mute, "span").textContent = t(situation.muted ? "unmute" : "mute");
    find(mute, "use").setAttribute("href", situation.muted ? "#icon-mic-off" : "#icon-mic");
    element("hand").setAttribute("aria-pressed", String(Boolean(situation.hand)));
    find(element("hand"), "span").textContent = t(situation.hand ? "hand.lower" : "hand.raise");
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

  /** @param {string} text "" when there is nothing more to say */
  notify(text) {
    element("notice-text").textContent = text;
    element("notice").hidden = !text;
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

/**
 * @template T
 * @param {string} id of a list, which is drawn only when it changes
 * @param {T[]} items
 * @param {(item: T) => Node | string} contentOf
 */
function showList(id, items, contentOf) {
  const list = element(id);
  list.hidden = !items.length;
  const drawn = JSON.stringify(items);
  if (list.dataset.drawn === drawn) return;
  list.dataset.drawn = drawn;
  list.replaceChildren(...items.map((item) => {
    const entry = document.createElement("li");
    entry.dir = "auto";
    entry.append(contentOf(item));
    return entry;
  }));
}

/** @param {{ title: string, url: string }} link */
function linkOf({ title, url }) {
  const link = document.createElement("a");
  link.textContent = title || url;
  if (/^https?:/i.test(url)) link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}
