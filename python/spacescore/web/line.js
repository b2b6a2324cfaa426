// In line before a door that opens step by step: which group one was drawn into, how fast the
// groups come in, and how long that makes it. What is told is only what state.json says.

import { drawCountdown, partsOf } from "./countdown.js";
import { element } from "./dom.js";
import { t } from "./language.js";
import { COHORTS } from "./ticket.js";

/**
 * @typedef {object} Wait
 * @property {number} group from 1
 * @property {number} before groups that come in before it
 * @property {number} rate groups a second
 * @property {number | null} seconds until ours; null while the door is closed
 *
 * @typedef {NonNullable<import("./api.js").Room["admit"]>} Admit
 */

const SLACK_SECONDS = 5; // an estimate that moves by less stays as it was, for calm
const SLACK_SHARE = 0.15; // of what is left
const MILESTONES = [600, 300, 120, 60, 30]; // seconds left that are said aloud

/**
 * @param {number} cohort
 * @param {Admit} admit
 * @returns {Wait | null} null: it is our turn
 */
export function waitFor(cohort, { cohorts, rate }) {
  if (cohort < cohorts) return null;
  const before = cohort - cohorts;
  return { group: cohort + 1, before, rate, seconds: rate > 0 ? Math.ceil((before + 1) / rate) : null };
}

/** When it is our turn, by estimates that come and go. Pure: the time is an argument, in ms. */
export class Estimate {
  /** @type {number | null} */ #due = null;

  /**
   * @param {number | null} seconds as it looks now
   * @param {number} now
   */
  take(seconds, now) {
    const due = seconds === null ? null : now + 1000 * seconds;
    const slack = 1000 * Math.max(SLACK_SECONDS, SLACK_SHARE * (seconds ?? 0));
    const isNews = due === null || this.#due === null || Math.abs(due - this.#due) > slack;
    if (isNews) this.#due = due;
  }

  /**
   * @param {number} now
   * @returns {number | null} whole seconds; 0 when it should have come
   */
  left(now) {
    return this.#due === null ? null : Math.max(0, Math.ceil((this.#due - now) / 1000));
  }
}

/**
 * The last milestone that was passed.
 * @param {number | null} left seconds
 */
export const milestoneOf = (left) =>
  (left === null ? Infinity : MILESTONES.findLast((one) => left <= one) ?? Infinity);

/**
 * "About 3 minutes".
 * @param {number} seconds
 */
export function about(seconds) {
  return seconds < 90 ? t("line.seconds", { count: seconds })
    : t("line.minutes", { count: Math.round(seconds / 60) });
}

/** @param {number} rate groups a second */
export function paceOf(rate) {
  const tenths = (/** @type {number} */ value) => Math.round(10 * value) / 10;
  if (rate <= 0) return t("line.rate.none");
  return rate >= 1 ? t("line.rate.second", { count: tenths(rate) })
    : t("line.rate.minute", { count: tenths(60 * rate) });
}

export class Line {
  #say;
  #estimate = new Estimate();
  #said = Infinity;

  /** @param {(words: string) => void} say politely, to who does not see */
  constructor(say) {
    this.#say = say;
  }

  /**
   * @param {Wait | null} wait null: nobody stands in line here
   * @param {Admit} [admit]
   */
  show(wait, admit) {
    const isNew = element("line").hidden;
    element("line").hidden = !wait;
    if (!wait || !admit) return;
    if (isNew) this.#estimate = new Estimate();
    this.#estimate.take(wait.seconds, performance.now());
    const place = t("line.group", { count: wait.group, all: COHORTS });
    for (const [id, text] of [
      ["line-place", place],
      ["line-before", t("line.groups", { count: wait.before })],
      ["line-rate", paceOf(wait.rate)],
    ]) element(id).textContent = text;
    element("line-auto").hidden = admit.mode !== "auto";
    element("track").style.setProperty("--in", String(admit.cohorts / COHORTS));
    element("track").style.setProperty("--own", String(wait.group / COHORTS));
    this.tick();
    if (isNew) this.#announce(place);
  }

  /** Once a second. */
  tick() {
    if (element("line").hidden) return;
    const left = this.#estimate.left(performance.now());
    const word = left === null ? "line.closed" : left > 0 ? "line.in" : "line.now";
    if (element("line-word").textContent !== t(word)) element("line-word").textContent = t(word);
    element("line-countdown").hidden = !left;
    if (left) drawCountdown(element("line-countdown"), partsOf(left).slice(left < 3600 ? -2 : 0));
    if (milestoneOf(left) < this.#said) this.#announce();
  }

  /** @param {string} place said first; later only what is left */
  #announce(place = "") {
    const left = this.#estimate.left(performance.now());
    this.#said = milestoneOf(left);
    const rest = left === null ? t("line.closed") : left > 0 ? about(left) : t("line.now");
    this.#say([place, rest].filter(Boolean).join(". "));
  }
}
