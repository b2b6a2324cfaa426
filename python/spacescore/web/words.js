// How names, counts and times are shown, and what is said of what went wrong.

import { has, locale, t } from "./language.js";

const HUES = 8; // .hue-0 … .hue-7 in space.css

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * "Ada Lovelace" → "AL". Letters as people see them, in any script.
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/[\s.]+/u).filter((word) => /\p{L}|\p{N}|\p{Emoji}/u.test(word));
  const ends = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return ends.map((word) => [...graphemes.segment(word)][0].segment.toLocaleUpperCase()).join("");
}

/**
 * The same person keeps a colour.
 * @param {number} peer
 */
export function hue(peer) {
  return peer % HUES;
}

/** @param {number} count */
export function listening(count) {
  return t("listening", { count });
}

/** @param {number} number */
export function tenths(number) {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale(), digits).format(number);
}

/** @param {string[]} names */
export function areSpeaking(names) {
  const list = new Intl.ListFormat(locale(), { type: "conjunction" });
  return t("speaking", { names: list.format(names), count: names.length });
}

/**
 * What a server says that goes away.
 * @param {{ ends: number, to: string | null }} moving
 * @param {boolean} isHost
 */
export function farewell({ ends, to }, isHost) {
  const time = moment(ends, { timeStyle: "short" });
  return t(to ? "moving.on" : isHost ? "moving.host" : "moving.end", { time });
}

/**
 * A point in time as people write it.
 * @param {number} seconds Unix
 * @param {Intl.DateTimeFormatOptions} style
 */
export function moment(seconds, style) {
  return new Intl.DateTimeFormat(locale(), style).format(seconds * 1000);
}

/**
 * 3725 → "1:02:05".
 * @param {number} seconds
 */
export function elapsed(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
}

/**
 * What to tell people of an error: by the service's own code where there are words for it.
 * @param {any} error
 * @returns {string}
 */
export function explain(error) {
  const key = [`problem.${error.reason}`, `error.${error.code}`].find(has);
  return key ? t(/** @type {any} */ (key), { detail: error.message }) : error.message;
}
