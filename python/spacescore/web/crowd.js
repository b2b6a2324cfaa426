// The audience below the stage: a few by name and face, the others as a number.

import { element } from "./dom.js";
import { locale, t } from "./language.js";
import { hue, initials } from "./words.js";

const NAMED = 2; // one more where that makes it all of them

/** @typedef {{ peer: number, name: string }} Listener */

/**
 * "Ada, Bob and 12,345 others listen".
 * @param {Listener[]} sample
 * @param {number} count of all
 */
export function whoListens(sample, count) {
  const all = Math.max(count, sample.length);
  const named = sample.slice(0, all === NAMED + 1 ? all : NAMED).map(({ name }) => name);
  const others = all - named.length;
  const parts = others ? [...named, t("crowd.others", { count: others })] : named;
  const names = new Intl.ListFormat(locale(), { type: "conjunction" }).format(parts);
  return t("crowd", { names, count: all });
}

/** @param {import("./api.js").Room} room */
export function showCrowd({ sample = [], listeners }) {
  const crowd = element("crowd");
  crowd.hidden = !sample.length;
  if (!sample.length) return;
  const words = whoListens(sample, listeners);
  if (element("crowd-words").textContent !== words) element("crowd-words").textContent = words;
  const drawn = JSON.stringify(sample);
  if (crowd.dataset.drawn === drawn) return;
  crowd.dataset.drawn = drawn;
  element("faces").replaceChildren(...sample.map(({ peer, name }) => {
    const face = document.createElement("span");
    face.className = `face hue-${hue(peer)}`;
    face.textContent = initials(name);
    return face;
  }));
}
