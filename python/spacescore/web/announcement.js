// What hosts say of a space, in the form that plans it and in the one that changes it.

import { decide } from "./dialogs.js";
import { element } from "./dom.js";

/**
 * @typedef {object} Announcement
 * @property {string} title
 * @property {string} description
 * @property {string[]} topics
 * @property {number} max_speakers seats on stage
 * @property {number} grace seconds that a host who lost the connection has
 * @property {number} keep_days after which the recording is deleted; 0: when the service does
 * @property {boolean} show_names of some who listen, to everybody
 * @property {string} visibility who may come
 * @property {boolean} open_stage anybody may speak
 * @property {number} [starts] Unix seconds, of a planned space only
 * @property {boolean} [auto_open] at that time, likewise
 */

/** @param {string} text "a, b" */
const topicsOf = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

/**
 * For a field of the kind datetime-local: the same moment on the reader's clock.
 * @param {number} seconds Unix
 */
export function localTime(seconds) {
  const offset = new Date(1000 * seconds).getTimezoneOffset() * 60;
  return new Date(1000 * (seconds - offset)).toISOString().slice(0, 16);
}

/**
 * @param {FormData} form a field that is disabled is in none
 * @returns {Announcement}
 */
export function announcementOf(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  return {
    title: text("title"),
    description: text("description"),
    topics: topicsOf(text("topics")),
    max_speakers: Number(text("max_speakers")),
    grace: Number(text("grace")),
    keep_days: Number(text("keep_days")),
    show_names: form.has("show_names"),
    visibility: text("visibility"),
    open_stage: form.has("open_stage"),
    ...(form.has("starts") && {
      starts: Math.floor(Date.parse(text("starts")) / 1000),
      auto_open: form.has("auto_open"),
    }),
  };
}

/**
 * @param {Announcement} now
 * @returns {Promise<Announcement | null>} null when dismissed
 */
export async function askChanges(now) {
  const { starts = 0 } = now;
  const form = /** @type {HTMLFormElement} */ (element("change-dialog").querySelector("form"));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  element("change-starts").hidden = field("starts").disabled = !starts;
  if (starts) field("starts").value = localTime(starts);
  field("title").value = now.title;
  field("description").value = now.description;
  field("topics").value = now.topics.join(", ");
  field("max_speakers").value = String(now.max_speakers);
  field("grace").value = String(now.grace);
  field("keep_days").value = String(now.keep_days || "");
  for (const name of /** @type {const} */ (["show_names", "open_stage"])) field(name).checked = now[name];
  field("visibility").value = now.visibility;
  field("auto_open").checked = now.auto_open ?? false;
  return await decide("change-dialog") === "ok" ? announcementOf(new FormData(form)) : null;
}
