// What a screen reader is told about who speaks: a change that lasts, not every "mhm".

import { areSpeaking } from "./words.js";

const LASTING_MS = 1500;
const QUIET_MS = 5000; // between two announcements

/** Pure: the time is an argument. */
export class Announcer {
  #candidate = "";
  #since = 0;
  #announced = "";
  #announcedAt = -Infinity;

  /**
   * @param {string[]} names of those who speak now
   * @param {number} now ms
   * @returns {string | null} what to say, if anything
   */
  hear(names, now) {
    const words = names.length > 0 ? areSpeaking(names) : "";
    if (words !== this.#candidate) {
      this.#candidate = words;
      this.#since = now;
    }
    const lasts = now - this.#since >= LASTING_MS && now - this.#announcedAt >= QUIET_MS;
    if (!words || words === this.#announced || !lasts) return null;
    this.#announced = words;
    this.#announcedAt = now;
    return words;
  }
}
