// The words of the pages, in the language of whoever reads them: what the browser asks for, or
// what was chosen here last. Every text that a page shows stands in en.js and de.js, or in a page's own such files.
//
// In the markup an element names its text by data-t, its label by data-t-label.

import { ifAllowed } from "./visit.js";

/**
 * @typedef {keyof typeof import("./en.js").default | keyof typeof import("./console.en.js").default
 *   | keyof typeof import("./index.en.js").default | keyof typeof import("./plan.en.js").default | keyof typeof import("./replay.en.js").default
 *   | keyof typeof import("./operations.en.js").default} Key
 */
/** @typedef {"en" | "de"} Language */
/** @typedef {Record<string, string | Partial<Record<Intl.LDMLPluralRule, string>>>} Words */

/** @type {Record<Language, string>} */
const LANGUAGES = { en: "English", de: "Deutsch" };
const KEPT = "spacescore.language";
const MARKS = [["t", ""], ["tLabel", "aria-label"], ["tHint", "placeholder"]];

/** @param {string} tag */
const known = (tag) => /** @type {Language | undefined} */ (
  Object.keys(LANGUAGES).find((one) => one === tag.toLowerCase().split("-")[0]));

/** @type {Language} */
let language = known(ifAllowed(() => localStorage.getItem(KEPT)) ?? "")
  ?? navigator.languages.map(known).find(Boolean) ?? "en";
const books = [""];
let words = await read();

/** @returns {Promise<Words>} */
async function read() {
  const found = await Promise.all(books.map((book) => import(`./${book}${language}.js`)));
  return Object.assign({}, ...found.map((book) => book.default));
}

/**
 * Adds the words that only a page has, or a part of one.
 * @param {string[]} more each stands in BOOK.en.js and BOOK.de.js
 */
export async function learn(...more) {
  books.push(...more.map((book) => `${book}.`));
  words = await read();
}

/** For Intl: the reader's own kind of the language, where there is one. */
export function locale() {
  return navigator.languages.find((tag) => known(tag) === language) ?? language;
}

/** @param {string} key */
export const has = (key) => key in words;

/**
 * A text of the pages. Numbers among the values are written as the language does; where a text
 * has several forms, `count` chooses.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const found = words[key];
  const text = typeof found === "string" ? found
    : found[new Intl.PluralRules(locale()).select(Number(values.count))] ?? found.other ?? "";
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? new Intl.NumberFormat(locale()).format(value) : value;
  });
}

/**
 * Puts the texts into markup that names them, as far as they were learnt; templates included.
 * @param {Document | DocumentFragment} root
 */
export function translate(root) {
  for (const [mark, attribute] of MARKS) {
    const name = `data-${mark.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(`[${name}]`))) {
      const key = one.dataset[mark] ?? "";
      if (!has(key)) continue;
      const text = t(/** @type {Key} */ (key));
      if (attribute) one.setAttribute(attribute, text);
      else one.textContent = text;
    }
  }
  for (const one of root.querySelectorAll("template")) translate(one.content);
}

/**
 * Speaks the reader's language from now on, and offers the other one.
 * @param {() => void} retell shows again what was not in the markup
 */
export function speakTheirLanguage(retell) {
  const offer = /** @type {HTMLElement} */ (document.getElementById("language"));
  const other = () => (language === "en" ? "de" : "en");
  const tell = () => {
    document.documentElement.lang = language;
    translate(document);
    offer.textContent = offer.lang = other();
    offer.setAttribute("aria-label", LANGUAGES[other()]);
  };
  offer.addEventListener("click", async () => {
    language = other();
    words = await read();
    ifAllowed(() => localStorage.setItem(KEPT, language));
    tell();
    retell();
  });
  tell();
}
