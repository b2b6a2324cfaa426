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

/**
 * @param {string} link
 * @param {((name: string) => Promise<string>) | null} invite gives a speaker's link; hosts only
 */
export function share(link, invite) {
  /** @type {HTMLInputElement} */
  const field = element("share-link");
  /** @type {HTMLInputElement} */
  const name = element("invite-name");
  field.value = link;
  element("invite").hidden = invite === null;
  element("share-done").textContent = "";
  element("share-copy").onclick = () => copy(field, link, t("share.copied"));
  element("invite-copy").onclick = async () => {
    const invited = name.value.trim();
    if (!invite || !invited) return name.focus();
    try {
      copy(field, await invite(invited), t("share.speaker.copied", { name: invited }));
      name.value = "";
    } catch (error) {
      element("share-done").textContent = explain(error);
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
