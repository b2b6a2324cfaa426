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
  dialog.onkeydown = (event) => meanYes(dialog, event);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/**
 * Enter in a field would press the first button, which dismisses.
 * @param {HTMLDialogElement} dialog
 * @param {KeyboardEvent} event
 */
function meanYes(dialog, event) {
  /** @type {HTMLButtonElement | null} */
  const yes = dialog.querySelector("button[value=ok]");
  if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement) || !yes) return;
  event.preventDefault();
  yes.click();
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
 * @param {HTMLElement} status says it
 */
export async function copy(field, text, done, status = element("share-done")) {
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = done;
  } catch {
    // Plain http on a LAN has no clipboard: leave the link selected.
    field.value = text;
    field.select();
    status.textContent = t("share.select");
  }
}
