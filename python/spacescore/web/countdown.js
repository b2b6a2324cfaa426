// How long until something, in large figures.

import { locale } from "./language.js";

const UNITS = /** @type {const} */ ([["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]]);

/** @typedef {[typeof UNITS[number][0], number]} Part */

/**
 * What is left, in the units that say something: days only where there are any.
 * @param {number} seconds
 * @returns {Part[]}
 */
export function partsOf(seconds) {
  let left = Math.max(0, Math.ceil(seconds));
  /** @type {Part[]} */
  const parts = UNITS.map(([unit, length]) => {
    const count = Math.floor(left / length);
    left -= count * length;
    return [unit, count];
  });
  return parts[0][1] ? parts.slice(0, 3) : parts.slice(1);
}

/**
 * @param {HTMLElement} clock
 * @param {Part[]} parts
 */
export function drawCountdown(clock, parts) {
  while (clock.childElementCount > parts.length) clock.lastElementChild?.remove();
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
