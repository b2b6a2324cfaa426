// What the node has said of itself so far, and what to make of it. Pure.

const LATELY_SECONDS = 60;
const LATE_SHARE = 0.015; // of ticks, less than a whole second of the minute: listeners hear it
const FAILED_SHARE = 0.1; // of joins: some network between that filters

/**
 * @typedef {Record<string, any>} Row one second, by the names of its columns
 * @typedef {{ space: string, title: string, listeners: number, speakers: number, live: boolean,
 *   opened: number, admission: { cohorts: number, mode: string, rate: number } }} SpaceRow
 * @typedef {object} Reply
 * @property {string} node
 * @property {string} version
 * @property {number} began Unix seconds
 * @property {number} time Unix seconds
 * @property {boolean} draining
 * @property {number} kept seconds
 * @property {number} number of the latest row
 * @property {string[]} columns
 * @property {any[][]} rows
 * @property {SpaceRow[]} spaces
 * @property {Record<string, number>} drops
 */

export class History {
  constructor() {
    /** @type {Row[]} */
    this.rows = [];
    this.number = 0;
    this.began = 0;
  }

  /** A node that was started again begins anew. @param {Reply} reply */
  take({ began, number, columns, rows, kept }) {
    const named = rows.map((row) => Object.fromEntries(columns.map((name, place) => [name, row[place]])));
    const goesOn = began === this.began && number - named.length === this.number;
    this.rows = [...(goesOn ? this.rows : []), ...named].slice(-kept);
    this.number = number;
    this.began = began;
  }

  /** The rows of the last seconds. @param {number} seconds */
  last(seconds) {
    const end = this.rows.at(-1)?.at ?? 0;
    return this.rows.filter(({ at }) => at > end - seconds);
  }
}

/** @param {Row[]} rows @param {string} name */
const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);

/**
 * How it goes, the worst first: what to say, and how much it matters.
 * @param {History} history
 * @param {boolean} draining
 * @returns {{ level: "good" | "busy" | "bad", key: "good" | "idle" | "waiting" | "draining" | "relief"
 *   | "late" | "lost" | "full" | "failed" }}
 */
export function verdict(history, draining) {
  const rows = history.last(LATELY_SECONDS);
  const now = rows.at(-1);
  if (!now) return { level: "good", key: "waiting" };
  const joins = sum(rows, "joins"), failed = sum(rows, "failed");
  if (now.relief > 1) return { level: "bad", key: "relief" };
  if (sum(rows, "late_share") / rows.length > LATE_SHARE) return { level: "bad", key: "late" };
  if (sum(rows, "lost_here") > 0) return { level: "bad", key: "lost" };
  if (draining) return { level: "busy", key: "draining" };
  if (sum(rows, "no_room") > 0) return { level: "busy", key: "full" };
  if (failed > 5 && failed > FAILED_SHARE * (joins + failed)) return { level: "busy", key: "failed" };
  return { level: "good", key: now.spaces ? "good" : "idle" };
}
