// The page's dialogs, each a promise of what was decided.

import { element } from "./dom.js";

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
 * @param {{ known: string | null, remembered: string }} names known: the one that came with an
 *   invitation
 * @returns {Promise<{ name: string, original: boolean } | null>} null when dismissed
 */
export async function askName({ known, remembered }) {
  /** @type {HTMLInputElement} */
  const field = element("name");
  element("name-field").hidden = known !== null;
  element("known-name").hidden = known === null;
  element("known-name").textContent = `You will appear as ${known}.`;
  field.disabled = known !== null;
  field.value = remembered;
  if (await decide("speak-dialog") !== "ok") return null;
  /** @type {HTMLInputElement} */
  const original = element("original");
  return { name: known ?? field.value.trim(), original: original.checked };
}

/**
 * @param {import("./api.js").Speaker} speaker
 * @returns {Promise<string>} "mute", "remove" or ""
 */
export function askWhatToDo({ name, muted }) {
  element("manage-heading").textContent = name;
  element("manage-mute").textContent = muted ? "Unmute" : "Mute";
  return decide("manage-dialog");
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
  element("share-copy").onclick = () => copy(link, "The link is copied.");
  element("invite-copy").onclick = async () => {
    const invited = name.value.trim();
    if (!invite || !invited) return name.focus();
    copy(await invite(invited), `${invited}'s link is copied. Send it to nobody else.`);
    name.value = "";
  };
  return decide("share-dialog");
}

/**
 * @param {string} text
 * @param {string} done
 */
async function copy(text, done) {
  /** @type {HTMLInputElement} */
  const field = element("share-link");
  try {
    await navigator.clipboard.writeText(text);
    element("share-done").textContent = done;
  } catch {
    // Plain http on a LAN has no clipboard: leave the link selected.
    field.value = text;
    field.select();
    element("share-done").textContent = "Copy the selected link above.";
  }
}
