// Planning a space: a form for whoever has the operator's key, and the links that it gives.

import { announcementOf, localTime } from "./announcement.js";
import { copy } from "./dialogs.js";
import { element, find } from "./dom.js";
import { request } from "./errors.js";
import { bearer } from "./exchange.js";
import { locale, t } from "./language.js";
import { rememberedName, rememberName, ROOT } from "./visit.js";
import { explain } from "./words.js";

const LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "uk", "ar", "zh", "ja"];

/**
 * "Grüße, Welt!" → "gruesse-welt": an address that a title suggests.
 * @param {string} title
 */
export function slugFor(title) {
  const german = { ä: "ae", ö: "oe", ü: "ue", ß: "ss" };
  return title.toLowerCase().replace(/[äöüß]/g, (one) => german[/** @type {"ä"} */ (one)])
    .normalize("NFD").replace(/[^a-z0-9]+/g, (one) => (/^\p{M}+$/u.test(one) ? "" : "-"))
    .slice(0, 48).replace(/^-+|-+$/g, "");
}

/**
 * What the service is asked for.
 * @param {FormData} form
 */
export function wishOf(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  return {
    ...announcementOf(form),
    space: text("space"),
    host: text("host"),
    language: text("language"),
    record: form.has("record"),
  };
}

export class Plan {
  /** @type {HTMLFormElement} */ #form = element("plan-form");
  /** @type {HTMLDialogElement} */ #dialog = element("plan-dialog");
  #onMade;
  #ownAddress = false;

  /** @param {() => void} onMade */
  constructor(onMade) {
    this.#onMade = onMade;
    element("plan").addEventListener("click", () => this.#open());
    element("plan-cancel").addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", (event) => this.#submit(event));
    this.#field("title").addEventListener("input", () => this.#suggest());
    this.#field("space").addEventListener("input", () => (this.#ownAddress = true));
    this.#form.addEventListener("change", () => this.retell());
    for (const which of ["share", "host"]) {
      /** @type {HTMLInputElement} */
      const field = element(`made-${which}`);
      element(`made-${which}-copy`).onclick = () => copy(field, field.value, t("share.copied"));
    }
    element("plan-root").textContent = new URL("s/", ROOT).pathname;
    this.#dialog.addEventListener("close", () => (this.#field("key").value = ""));
  }

  /** What follows from what was chosen, and from the language. */
  retell() {
    const later = new FormData(this.#form).get("when") === "later";
    element("plan-starts").hidden = !later;
    this.#field("starts").disabled = !later;
    element("plan-submit").textContent = t(later ? "plan.submit" : "plan.submit.now");
    const select = /** @type {HTMLSelectElement} */ (element("plan-language"));
    const { value } = select;
    const names = new Intl.DisplayNames(locale(), { type: "language" });
    select.replaceChildren(new Option(t("plan.language.any"), ""),
      ...LANGUAGES.map((tag) => new Option(names.of(tag), tag)));
    select.value = value;
  }

  /** @param {string} name @returns {HTMLInputElement} */
  #field(name) {
    return /** @type {HTMLInputElement} */ (find(this.#form, `[name="${name}"]`));
  }

  #open() {
    const soon = `${localTime(Date.now() / 1000 + 3600).slice(0, 14)}00`;
    if (!this.#field("starts").value) this.#field("starts").value = soon;
    if (!this.#field("host").value) this.#field("host").value = rememberedName();
    element("plan-trouble").hidden = true;
    this.retell();
    this.#dialog.showModal();
  }

  #suggest() {
    if (!this.#ownAddress) this.#field("space").value = slugFor(this.#field("title").value);
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const form = new FormData(this.#form);
    const wish = wishOf(form);
    const headers = { "Content-Type": "application/json", ...bearer(String(form.get("key")).trim()) };
    const submit = /** @type {HTMLButtonElement} */ (element("plan-submit"));
    submit.disabled = true;
    try {
      const body = JSON.stringify(wish);
      const reply = await request(new URL("api/spaces", ROOT), { method: "POST", headers, body });
      this.#made(await reply.json());
      rememberName(wish.host);
    } catch (error) {
      const { code } = /** @type {{ code?: string }} */ (error);
      const isKey = code === "unauthorized" || code === "forbidden";
      element("plan-trouble").textContent = isKey ? t("plan.key.wrong") : explain(error);
      element("plan-trouble").hidden = false;
    } finally {
      submit.disabled = false;
    }
  }

  /** @param {{ link: string, host_link: string }} made */
  #made({ link, host_link }) {
    this.#dialog.close();
    this.#form.reset();
    this.#ownAddress = false;
    /** @type {HTMLInputElement} */ (element("made-share")).value = link;
    /** @type {HTMLInputElement} */ (element("made-host")).value = host_link;
    element("made-go").setAttribute("href", host_link);
    element("share-done").textContent = "";
    /** @type {HTMLDialogElement} */ (element("made-dialog")).showModal();
    this.#onMade();
  }
}
