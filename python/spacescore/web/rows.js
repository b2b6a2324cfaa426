// A list of people with something to do about each. A row stays the same element from answer to
// answer, so that neither focus nor finger misses it; when it goes, the focus goes to the next.

import { find } from "./dom.js";
import { hue } from "./words.js";

/**
 * @typedef {object} Choice
 * @property {string} id
 * @property {string} text
 * @property {string} label for those who do not see beside whom it stands
 * @property {boolean} [primary]
 * @property {() => void} act
 *
 * @typedef {object} Row
 * @property {string} key
 * @property {number} peer 0: of no colour
 * @property {string} name
 * @property {string} note
 * @property {Choice[]} choices
 */

export class Rows {
  /** @type {Map<string, HTMLElement>} */ #rows = new Map();
  #list;
  #template;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   */
  constructor(list, template) {
    this.#list = list;
    this.#template = template;
  }

  /** @param {Row[]} rows */
  draw(rows) {
    const keys = new Set(rows.map(({ key }) => key));
    const hadFocus = this.#list.contains(document.activeElement);
    const place = [...this.#list.children].findIndex((one) => one.contains(document.activeElement));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    rows.forEach((row, index) => {
      const element = this.#of(row);
      if (this.#list.children[index] !== element) {
        this.#list.insertBefore(element, this.#list.children[index] ?? null);
      }
      this.#fill(element, row);
    });
    if (hadFocus && !this.#list.contains(document.activeElement)) this.#comfort(place);
  }

  /** @param {number} place where the focus was */
  #comfort(place) {
    const row = this.#list.children[Math.min(place, this.#list.childElementCount - 1)];
    const next = row?.querySelector("button") ?? this.#list.closest("dialog")?.querySelector("h2");
    /** @type {HTMLElement | undefined} */ (next)?.focus();
  }

  /** @param {Row} row */
  #of({ key, peer }) {
    const known = this.#rows.get(key);
    if (known) return known;
    const copy = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const row = /** @type {HTMLElement} */ (copy.firstElementChild);
    if (peer) find(row, ".dot").classList.add(`hue-${hue(peer)}`);
    this.#rows.set(key, row);
    return row;
  }

  /**
   * @param {HTMLElement} element
   * @param {Row} row
   */
  #fill(element, { name, note, choices }) {
    for (const [selector, text] of [[".row-name", name], [".row-note", note]]) {
      if (find(element, selector).textContent !== text) find(element, selector).textContent = text;
    }
    const actions = find(element, ".row-actions");
    choices.forEach((choice, index) => {
      const button = /** @type {HTMLButtonElement} */ (
        actions.children[index] ?? actions.appendChild(document.createElement("button")));
      button.className = choice.primary ? "small primary" : "small";
      button.textContent = choice.text;
      button.setAttribute("aria-label", choice.label);
      button.onclick = choice.act;
    });
    while (actions.childElementCount > choices.length) actions.lastElementChild?.remove();
  }
}
