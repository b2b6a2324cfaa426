// The page's dialogs, each a promise of what was decided.

import { element } from "./dom.js";
import { t } from "./language.js";
import { explain } from "./words.js";

/**
 * @param {string} id of a dialog whose buttons have values
 * @returns {Promise<string>} the value of the button pressed; "" when dismissed
 */
export function decide(id) {
  /** @type {HTMLDialogElement} */
  const dialog = element(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/**
 * Asks whether what cannot be undone is meant.
 * @param {"end" | "cancel" | "remove" | "block" | "handOver" | "muteAll"} what
 * @param {Record<string, string>} [values]
 * @returns {Promise<boolean>}
 */
export async function confirm(what, values = {}) {
  element("confirm-heading").textContent = t(`confirm.${what}`, values);
  element("confirm-text").textContent = t(`confirm.${what}.text`, values);
  element("confirm-yes").textContent = t(`confirm.${what}.yes`);
  element("confirm-no").textContent =
    what === "end" || what === "cancel" ? t(`confirm.${what}.no`) : t("cancel");
  return await decide("confirm-dialog") === "ok";
}

/**
 * @param {{ known: string | null, remembered: string, forHand?: boolean }} names known: the one
 *   that came with an invitation; forHand: to ask to speak, not to speak at once
 * @returns {Promise<{ name: string, original: boolean } | null>} null when dismissed
 */
export async function askName({ known, remembered, forHand = false }) {
  /** @type {HTMLInputElement} */
  const field = element("name");
  element("speak-heading").textContent = t(forHand ? "name.hand" : "name.speak");
  element("speak-yes").textContent = t(forHand ? "name.raise" : "name.start");
  element("original-field").hidden = forHand;
  element("name-field").hidden = known !== null;
  element("known-name").hidden = known === null;
  element("known-name").textContent = t("name.known", { name: known ?? "" });
  field.disabled = known !== null;
  field.value = remembered;
  if (await decide("speak-dialog") !== "ok") return null;
  /** @type {HTMLInputElement} */
  const original = element("original");
  return { name: known ?? field.value.trim(), original: original.checked };
}

/**
 * @param {string} name
 * @param {import("./rights.js").Wish[]} wishes that may be had
 * @returns {Promise<import("./rights.js").Wish | "">}
 */
export async function askWhatToDo(name, wishes) {
  element("manage-heading").textContent = name;
  const buttons = element("manage-dialog").querySelectorAll("button");
  for (const one of buttons) one.hidden = one.value !== "" && !wishes.includes(/** @type {any} */ (one.value));
  return /** @type {any} */ (await decide("manage-dialog"));
}

/**
 * Leaving the stage is not always leaving.
 * @param {boolean} isHost
 * @returns {Promise<"down" | "leave" | "end" | "">}
 */
export async function askHowToLeave(isHost) {
  element("leave-text").textContent = t(isHost ? "leave.text.host" : "leave.text");
  element("leave-end").hidden = !isHost;
  return /** @type {any} */ (await decide("leave-dialog"));
}

/** @param {string} text "a, b" */
export const topicsOf = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);

/**
 * For a field of the kind datetime-local: the same moment on the reader's clock.
 * @param {number} seconds Unix
 */
export function localTime(seconds) {
  const offset = new Date(1000 * seconds).getTimezoneOffset() * 60;
  return new Date(1000 * (seconds - offset)).toISOString().slice(0, 16);
}

/** @typedef {{ title: string, description: string, topics: string[], starts?: number }} Announcement */

/**
 * @param {Announcement} now starts: of a planned space only
 * @returns {Promise<Announcement | null>} null when dismissed
 */
export async function askChanges({ title, description, topics, starts = 0 }) {
  const form = /** @type {HTMLFormElement} */ (element("change-dialog").querySelector("form"));
  const field = (/** @type {string} */ name) =>
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  element("change-starts").hidden = field("starts").disabled = !starts;
  if (starts) field("starts").value = localTime(starts);
  field("title").value = title;
  field("description").value = description;
  field("topics").value = topics.join(", ");
  if (await decide("change-dialog") !== "ok") return null;
  return {
    title: field("title").value.trim(),
    description: field("description").value.trim(),
    topics: topicsOf(field("topics").value),
    ...(starts && { starts: Math.floor(Date.parse(field("starts").value) / 1000) }),
  };
}

/**
 * @typedef {object} Inviter what hosts and co-hosts may give
 * @property {(name: string, role: string) => Promise<string>} person a personal link
 * @property {boolean} cohosts
 * @property {(() => Promise<string>) | null} everybody the link of a space by invitation
 */

/**
 * @param {string} link
 * @param {Inviter | null} inviter
 */
export async function share(link, inviter) {
  /** @type {HTMLInputElement} */
  const field = element("share-link");
  /** @type {HTMLInputElement} */
  const name = element("invite-name");
  /** @type {HTMLSelectElement} */
  const role = element("invite-role");
  const done = element("share-done");
  element("share-link").setAttribute("aria-label", t(inviter?.everybody ? "share.invite" : "share.link"));
  element("invite").hidden = inviter === null;
  role.options[2].hidden = role.options[2].disabled = !inviter?.cohosts;
  field.value = inviter?.everybody ? "" : link;
  done.textContent = "";
  inviter?.everybody?.().then(
    (made) => (field.value = made),
    (error) => (done.textContent = explain(error)),
  );
  element("share-copy").onclick = () => copy(field, field.value, t("share.copied"));
  element("invite-copy").onclick = async () => {
    const invited = name.value.trim();
    if (!inviter || !invited) return name.focus();
    try {
      const made = await inviter.person(invited, role.value);
      copy(field, made, t("share.person.copied", { name: invited }));
      name.value = "";
    } catch (error) {
      done.textContent = explain(error);
    }
  };
  return decide("share-dialog");
}

/**
 * @param {HTMLInputElement} field
 * @param {string} text
 * @param {string} done
 */
export async function copy(field, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    element("share-done").textContent = done;
  } catch {
    // Plain http on a LAN has no clipboard: leave the link selected.
    field.value = text;
    field.select();
    element("share-done").textContent = t("share.select");
  }
}
