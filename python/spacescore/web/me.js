// What one is in a space by now, whatever the token said once; and what of it is news. Pure.

import { speaks } from "./rights.js";

/**
 * @typedef {object} Me what the service says of the holder of a token
 * @property {number} peer
 * @property {string} name
 * @property {import("./rights.js").Role} role
 * @property {number} hand place among the raised hands; 0: it is not up
 * @property {boolean} offered invited to speak, not answered yet
 * @property {boolean} on_stage a seat is kept, connected or not
 * @property {boolean} muted
 * @property {string} [token] the same for longer, before ours runs out
 *
 * @typedef {"granted" | "moved" | "dismissed" | "speaker" | "cohost" | "host" | "offer.over"} News
 */

/**
 * What has happened to us, that we did not do ourselves.
 * @param {Me | null} before null: nothing is known of before
 * @param {Me} now
 * @returns {News | null}
 */
export function newsOf(before, now) {
  if (!before) return null;
  if (before.role !== now.role) {
    if (!speaks(now.role)) return "moved";
    if (!speaks(before.role)) return "granted";
    return /** @type {News} */ (now.role);
  }
  if (before.hand && !now.hand) return "dismissed";
  return before.offered && !now.offered ? "offer.over" : null;
}

/**
 * What a picture of the room shows of one of its people: when that changes, it is time to ask
 * what one is by now.
 * @param {import("./api.js").Room} room as the feed tells it
 * @param {number | null} peer
 */
export function traceOf({ speakers, seats = [], queue }, peer) {
  const stage = [...speakers, ...seats];
  const own = stage.filter((one) => one.peer === peer).map(({ role }) => role);
  const host = stage.find(({ role }) => role === "host")?.peer;
  return JSON.stringify([own, host, queue !== undefined]);
}
