// The stage: one tile for each speaker, kept in place from state to state.

import { find } from "./dom.js";
import { t } from "./language.js";
import { wishesFor } from "./rights.js";
import { hue, initials } from "./words.js";

/** @typedef {import("./api.js").Speaker} Speaker */
/** @typedef {{ own: number | null, role: import("./rights.js").Role | null }} Viewer own: our peer */

/** Draws the speakers into a list made of the page's template. */
export class Stage {
  /** @type {Map<number, HTMLElement>} */ #tiles = new Map();
  #list;
  #template;
  #onManage;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {(peer: number) => void} onManage a host wants to do something about a speaker
   */
  constructor(list, template, onManage) {
    this.#list = list;
    this.#template = template;
    this.#onManage = onManage;
  }

  /**
   * @param {Speaker[]} speakers
   * @param {Viewer} viewer
   */
  draw(speakers, viewer) {
    const present = new Set(speakers.map(({ peer }) => peer));
    for (const [peer, tile] of this.#tiles) {
      if (present.has(peer)) continue;
      tile.remove();
      this.#tiles.delete(peer);
    }
    for (const speaker of speakers) this.#fill(this.#tileOf(speaker), speaker, viewer);
  }

  /**
   * Shows who is heard, ten times a second.
   * @param {(peer: number) => number | null} levelOf 0..1, null for those who are not heard
   */
  light(levelOf) {
    for (const [peer, tile] of this.#tiles) {
      const level = levelOf(peer);
      tile.classList.toggle("speaking", level !== null);
      tile.style.setProperty("--level", (level ?? 0).toFixed(2));
    }
  }

  /** @param {Speaker} speaker */
  #tileOf({ peer }) {
    const known = this.#tiles.get(peer);
    if (known) return known;
    const copy = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const tile = /** @type {HTMLElement} */ (copy.firstElementChild);
    find(tile, ".avatar").classList.add(`hue-${hue(peer)}`);
    find(tile, ".manage").addEventListener("click", () => this.#onManage(peer));
    this.#list.append(tile);
    this.#tiles.set(peer, tile);
    return tile;
  }

  /**
   * @param {HTMLElement} tile
   * @param {Speaker} speaker
   * @param {Viewer} viewer
   */
  #fill(tile, { peer, name, role, muted }, { own, role: viewer }) {
    const isOwn = peer === own;
    find(tile, ".initials").textContent = initials(name);
    find(tile, ".name").textContent = name;
    const office = role === "host" || role === "cohost" ? t(`role.${role}`) : "";
    find(tile, ".role").textContent = [office, isOwn && t("role.you")].filter(Boolean).join(" · ");
    find(tile, ".muted").hidden = !muted;
    const manage = find(tile, ".manage");
    manage.hidden = isOwn || !wishesFor(viewer, { role, muted }).length;
    manage.setAttribute("aria-label", t("manage", { name }));
  }
}
