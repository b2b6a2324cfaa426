// The charts of the operations page: what each shows, its scale, and how its numbers are written.

import { locale, t } from "./language.js";

/**
 * @typedef {import("./pulse.js").Row} Row
 * @typedef {{ name: string, hue: number, dashed?: boolean, of: (row: Row) => number }} Shown
 * @typedef {object} Panel
 * @property {string} key of its title, below ops.chart
 * @property {boolean} [stacked]
 * @property {number} least
 * @property {number} [mark]
 * @property {(value: number) => string} write
 * @property {(rows: Row[]) => Shown[]} series
 */

const TIERS = [20, 40, 60, 120];
const EACH_WORKER = 6; // more than these are shown together
const MEGABYTE = 1e6;

/** @param {number} value @param {Intl.NumberFormatOptions} style */
const written = (value, style) => new Intl.NumberFormat(locale(), style).format(value);

/** @param {number} value */
export const count = (value) => written(value, value >= 100_000
  ? { notation: "compact", maximumSignificantDigits: 4 }
  : { maximumFractionDigits: value && value < 10 ? 1 : 0 });
/** @param {number} value */
export const cores = (value) => written(value, { maximumFractionDigits: 2 });
/** @param {number} bytes */
export const megabytes = (bytes) => `${written(bytes / MEGABYTE, { maximumFractionDigits: 0 })} MB`;
/** @param {number} value */
export const share = (value) =>
  written(value, { style: "percent", maximumFractionDigits: value && value < 0.1 ? 1 : 0 });
/** @param {number} value */
const milliseconds = (value) => `${written(value, { maximumFractionDigits: value < 10 ? 1 : 0 })} ms`;

/** @param {Row[]} rows @returns {Shown[]} */
function workers(rows) {
  const many = rows.at(-1)?.cpu_workers.length ?? 0;
  const rest = { name: t("ops.cpu.rest"), hue: 6, of: (/** @type {Row} */ row) => row.cpu_rest };
  const all = (/** @type {Row} */ row) => row.cpu_workers.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
  if (many > EACH_WORKER) return [{ name: t("ops.cpu.workers", { count: many }), hue: 0, of: all }, rest];
  return [...Array.from({ length: many }, (_, place) => ({
    name: t("ops.cpu.worker", { number: place + 1 }),
    hue: place,
    of: (/** @type {Row} */ row) => row.cpu_workers[place] ?? 0,
  })), rest];
}

/** @type {Panel[]} */
export const PANELS = [
  {
    key: "joins",
    least: 10,
    write: count,
    series: () => [
      { name: t("ops.joins"), hue: 0, of: (row) => row.joins },
      { name: t("ops.refused"), hue: 1, dashed: true, of: (row) => row.no_room + row.failed },
    ],
  },
  {
    key: "listeners",
    stacked: true,
    least: 10,
    write: count,
    series: () => TIERS.map((tier, hue) => ({ name: `${tier} ms`, hue, of: (row) => row[`listeners_${tier}ms`] })),
  },
  {
    key: "lateness",
    least: 12,
    mark: 10,
    write: milliseconds,
    series: () => [
      { name: t("ops.late.p99"), hue: 0, of: (row) => row.late_p99 },
      { name: t("ops.late.p50"), hue: 4, dashed: true, of: (row) => row.late_p50 },
    ],
  },
  {
    key: "loss",
    least: 10,
    write: count,
    series: () => [
      { name: t("ops.loss.here"), hue: 0, of: (row) => row.lost_here },
      { name: t("ops.loss.dropped"), hue: 1, dashed: true, of: (row) => row.dropped },
    ],
  },
  { key: "cpu", stacked: true, least: 1, write: cores, series: workers },
  {
    key: "up",
    least: 0.05,
    write: share,
    series: () => [{ name: t("ops.up"), hue: 5, of: (row) => row.lost_up }],
  },
  {
    key: "sent",
    least: 100,
    write: count,
    series: () => [{ name: t("ops.sent"), hue: 3, of: (row) => row.packets }],
  },
  {
    key: "memory",
    least: 100 * MEGABYTE,
    write: megabytes,
    series: () => [{ name: t("ops.memory"), hue: 4, of: (row) => row.memory }],
  },
];
