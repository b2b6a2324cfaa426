// The front page: the spaces of this node.

import { element, find } from "./dom.js";
import { request } from "./errors.js";
import { poll } from "./poll.js";
import { ROOT } from "./visit.js";
import { elapsed, listening } from "./words.js";

/** @typedef {{ space: string, title: string, live: boolean, listeners: number }} Listed */

/** @type {HTMLTemplateElement} */
const template = element("space-card");

element("command").textContent = [
  `curl -X POST ${new URL("api/spaces", ROOT)} \\`,
  "  -H \"Authorization: Bearer $SPACESCORE_KEY\" -H \"Content-Type: application/json\" \\",
  "  -d '{\"space\": \"evening\", \"title\": \"The evening round\"}'",
].join("\n");

/** @param {Listed} listed */
function card({ space, title, live, listeners }) {
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  find(copy, ".badge").textContent = live ? "Live" : "Soon";
  find(copy, ".badge").toggleAttribute("data-live", live);
  find(copy, ".title").textContent = title;
  find(copy, ".count").textContent = listening(listeners);
  find(copy, "a").setAttribute("href", new URL(`s/${space}`, ROOT).href);
  return copy;
}

/** @param {{ spaces: Listed[] }} reply */
function show({ spaces }) {
  const byInterest = (/** @type {Listed} */ a, /** @type {Listed} */ b) =>
    Number(b.live) - Number(a.live) || b.listeners - a.listeners;
  const focused = document.activeElement?.getAttribute("href");
  element("spaces").replaceChildren(...spaces.sort(byInterest).map(card));
  if (focused) find(document, `a[href="${CSS.escape(focused)}"]`)?.focus();
  element("word").textContent = spaces.length ? "" : "None yet. The first one can be yours.";
}

/** @param {{ recordings: { title: string, seconds: number, began: number, link: string }[] }} reply */
function showPast({ recordings }) {
  element("past-section").hidden = !recordings.length;
  element("past").replaceChildren(
    ...recordings.map(({ title, seconds, began, link }) => {
      const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
      const date = new Date(began * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });
      find(copy, ".badge").textContent = "Replay";
      find(copy, ".title").textContent = title;
      find(copy, ".count").textContent = `${date} · ${elapsed(seconds)}`;
      find(copy, "a").setAttribute("href", link);
      return copy;
    }),
  );
}

request(new URL("api/recordings", ROOT))
  .then((reply) => reply.json())
  .then(showPast)
  .catch(() => {}); // the page says already when the server cannot be reached

poll(
  async (signal) => (await request(new URL("api/spaces", ROOT), { signal })).json(),
  show,
  () => (element("word").textContent = "The server cannot be reached. Trying again."),
);
