// A space before it opens: when that is, and how long until then.

import { drawCountdown, partsOf } from "./countdown.js";
import { element } from "./dom.js";
import { t } from "./language.js";
import { moment } from "./words.js";

export class Planned {
  #starts = 0;
  #offset = 0;

  /**
   * @param {import("./api.js").Room} room
   * @param {{ opens: boolean, cancels: boolean }} may
   */
  show({ phase, starts = 0, auto_open, time }, may) {
    const planned = phase === "planned";
    this.#starts = starts;
    this.#offset = time - Date.now() / 1000;
    element("planned").hidden = !planned;
    element("planned-when").hidden = element("calendar").hidden = !starts;
    element("open").hidden = element("change").hidden = !may.opens;
    element("cancel").hidden = !may.cancels;
    if (!planned) return;
    element("planned-text").textContent = t(starts && auto_open ? "planned.auto" : "planned.text");
    if (starts) {
      element("planned-day").textContent = moment(starts, { dateStyle: "full" });
      element("planned-time").textContent = moment(starts, { timeStyle: "short" });
    }
    this.tick();
  }

  tick() {
    if (element("planned").hidden) return;
    const left = this.#starts - Date.now() / 1000 - this.#offset;
    const word = !this.#starts ? "planned.draft" : left > 0 ? "planned.in" : "planned.now";
    element("planned-word").textContent = t(word);
    element("countdown").hidden = left <= 0;
    if (left > 0) drawCountdown(element("countdown"), partsOf(left));
  }
}
