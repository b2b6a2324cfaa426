// What accompanies the sound while one listens: captions, and the room's applause.

import { element } from "./dom.js";
import { poll } from "./poll.js";

const PERIOD_MS = 1000; // of a service that does not say
const CAPTION_MS = 6000; // a line stays for this long when no other comes
const MOST_FLOATERS = 12; // of one second: a crowd is a crowd
const FLIGHT_MS = 2600;

/**
 * @typedef {{ number: number, name: string, text: string }} Caption
 * @typedef {{ captions: Caption[], reactions: Record<string, number>, pace?: number }} Live what
 *   live.json says; pace: in seconds, until one may ask again
 */

/**
 * How many of each reaction to let fly: what came since, thinned out evenly when it is a storm.
 * @param {Record<string, number>} before
 * @param {Record<string, number>} now
 * @returns {string[]}
 */
export function arrivals(before, now) {
  const fresh = Object.entries(now)
    .map(([reaction, total]) => /** @type {const} */ ([reaction, Math.max(0, total - (before[reaction] ?? 0))]));
  const all = fresh.reduce((sum, [, count]) => sum + count, 0);
  const share = Math.min(1, MOST_FLOATERS / all);
  return fresh.flatMap(([reaction, count]) =>
    /** @type {string[]} */ (Array(Math.ceil(count * share)).fill(reaction)));
}

export class Companion {
  #api;
  /** @type {{ stop: () => void } | null} */ #polling = null;
  /** @type {Record<string, number> | null} */ #totals = null;
  #latest = 0;
  #period = PERIOD_MS;
  #fading = 0;

  /** @param {import("./api.js").SpaceApi} api */
  constructor(api) {
    this.#api = api;
    element("captions-toggle").addEventListener("click", () => this.#toggle());
  }

  /** @param {boolean} listening */
  follow(listening) {
    if (listening === (this.#polling !== null)) return;
    element("reactions").hidden = !listening;
    if (listening) {
      this.#polling = poll((signal) => this.#api.live(signal), (live) => this.#show(live), () => {},
        () => this.#period);
    } else {
      this.#polling?.stop();
      this.#polling = this.#totals = null;
      element("captions").hidden = element("captions-toggle").hidden = true;
    }
  }

  /** @param {Live} live */
  #show({ captions, reactions, pace = 0 }) {
    this.#period = Math.max(PERIOD_MS, 1000 * pace);
    this.#offer(Object.keys(reactions));
    if (this.#totals) arrivals(this.#totals, reactions).forEach((one) => this.#fly(one));
    this.#totals = reactions;
    const last = captions.at(-1);
    if (!last) return;
    element("captions-toggle").hidden = false;
    if (last.number === this.#latest) return;
    this.#latest = last.number;
    element("captions").textContent = captions.slice(-2)
      .map(({ name, text }) => (name ? `${name}: ${text}` : text)).join("\n");
    element("captions").hidden = element("captions-toggle").getAttribute("aria-pressed") !== "true";
    clearTimeout(this.#fading);
    this.#fading = setTimeout(() => (element("captions").hidden = true), CAPTION_MS);
  }

  /** @param {string[]} known */
  #offer(known) {
    const row = element("reactions");
    if (row.childElementCount === known.length) return;
    row.replaceChildren(...known.map((reaction) => {
      const button = document.createElement("button");
      button.className = "reaction";
      button.textContent = reaction;
      button.addEventListener("click", () => this.#cheer(reaction).catch(() => {})); // too fast
      return button;
    }));
  }

  /** One's own flies at once: a room that was still is asked for seldom. @param {string} reaction */
  async #cheer(reaction) {
    await this.#api.react(reaction);
    if (this.#totals) this.#totals[reaction] += 1;
    this.#fly(reaction);
  }

  /** @param {string} reaction */
  #fly(reaction) {
    const floater = document.createElement("span");
    floater.textContent = reaction;
    floater.style.setProperty("--place", String(Math.random()));
    floater.style.setProperty("--wait", `${Math.random() * this.#period}ms`);
    element("floaters").append(floater);
    setTimeout(() => floater.remove(), FLIGHT_MS + this.#period);
  }

  #toggle() {
    const toggle = element("captions-toggle");
    const on = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(on));
    element("captions").hidden = !on || !element("captions").textContent;
  }
}
