// How names, counts and times are shown.

const HUES = 8; // .hue-0 … .hue-7 in space.css

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const numbers = new Intl.NumberFormat("en");
const list = new Intl.ListFormat("en", { type: "conjunction" });

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
  return `${numbers.format(count)} listening`;
}

/** @param {string[]} names */
export function areSpeaking(names) {
  return `${list.format(names)} ${names.length > 1 ? "are" : "is"} speaking`;
}

/**
 * What a server says that goes away.
 * @param {{ ends: number, to: string | null }} moving
 * @param {boolean} isHost
 */
export function farewell({ ends, to }, isHost) {
  const time = new Date(ends * 1000).toLocaleTimeString("en", { timeStyle: "short" });
  if (to) return `This server stops at ${time}. The space goes on elsewhere.`;
  const advice = isHost ? "Please say goodbye to your audience." : "The audio ends then.";
  return `This server stops at ${time}. ${advice}`;
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
