// A space before it opens: when that is, and how long until then.

import { element } from "./dom.js";
import { locale, t } from "./language.js";
import { moment } from "./words.js";

const UNITS = /** @type {const} */ ([["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]]);

/**
 * What is left, in the units that say something: days only where there are any.
 * @param {number} seconds
 * @returns {[typeof UNITS[number][0], number][]}
 */
export function partsOf(seconds) {
  let left = Math.max(0, Math.ceil(seconds));
  /** @type {[typeof UNITS[number][0], number][]} */
  const parts = UNITS.map(([unit, length]) => {
    const count = Math.floor(left / length);
    left -= count * length;
    return [unit, count];
  });
  return parts[0][1] ? parts.slice(0, 3) : parts.slice(1);
}

export class Planned {
  #starts = 0;
  #offset = 0;

  /**
   * @param {import("./api.js").Room} room
   * @param {{ opens: boolean, cancels: boolean }} may
   */
  show({ phase, starts = 0, time }, may) {
    const planned = phase === "planned";
    this.#starts = starts;
    this.#offset = time - Date.now() / 1000;
    element("planned").hidden = !planned;
    element("planned-when").hidden = element("calendar").hidden = !starts;
    element("open").hidden = element("change").hidden = !may.opens;
    element("cancel").hidden = !may.cancels;
    if (!planned) return;
    if (starts) {
      const style = /** @type {const} */ ({ dateStyle: "full", timeStyle: "short" });
      element("planned-when").textContent = moment(starts, style);
    }
    this.tick();
  }

  tick() {
    if (element("planned").hidden) return;
    const left = this.#starts - Date.now() / 1000 - this.#offset;
    const word = !this.#starts ? "planned.draft" : left > 0 ? "planned.in" : "planned.now";
    element("planned-word").textContent = t(word);
    element("countdown").hidden = left <= 0;
    if (left > 0) this.#count(partsOf(left));
  }

  /** @param {[typeof UNITS[number][0], number][]} parts */
  #count(parts) {
    const clock = element("countdown");
    while (clock.childElementCount < parts.length) {
      clock.append(document.createElement("p"));
      clock.lastElementChild?.append(document.createElement("b"), document.createElement("small"));
    }
    parts.forEach(([unit, count], place) => {
      const [number, name] = /** @type {HTMLCollection} */ (clock.children[place].children);
      const words = new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" })
        .formatToParts(count);
      number.textContent = String(count).padStart(2, "0");
      name.textContent = words.find(({ type }) => type === "unit")?.value ?? "";
    });
  }
}
