// The front page: what is on, what comes, what was; and planning more of it.

import { element, find } from "./dom.js";
import { request } from "./errors.js";
import { learn, speakTheirLanguage, t } from "./language.js";
import { Plan } from "./plan.js";
import { poll } from "./poll.js";
import { ROOT } from "./visit.js";
import { elapsed, listening, moment } from "./words.js";

/**
 * @typedef {object} Listed
 * @property {string} space
 * @property {string} title
 * @property {string[]} [topics]
 * @property {boolean} [live]
 * @property {number} [listeners]
 * @property {number} [starts] Unix seconds
 * @property {number} [started] likewise
 * @property {number} [ended] likewise
 *
 * @typedef {{ space: string, title: string, seconds: number, began: number, link: string }} Replay
 * @typedef {{ spaces: Listed[], upcoming?: Listed[], past?: Listed[] }} Directory
 * @typedef {{ badge: string, isLive?: boolean, title: string, topics?: string[], note: string,
 *   href: string | null }} Card
 */

const PERIOD_MS = 5000;
const SLACK_SECONDS = 60; // a recording begins with the first word

await learn("index", "plan");
/** @type {HTMLTemplateElement} */
const template = element("space-card");
/** @type {Directory | null} */ let directory = null;
/** @type {Replay[]} */ let replays = [];
let lost = false;

/** @param {Card} card */
function draw({ badge, isLive = false, title, topics = [], note, href }) {
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  find(copy, ".badge").textContent = badge;
  find(copy, ".badge").toggleAttribute("data-live", isLive);
  find(copy, ".title").textContent = title;
  find(copy, ".topics").textContent = topics.join(" · ");
  find(copy, ".count").textContent = note;
  if (href) find(copy, "a").setAttribute("href", href);
  return copy;
}

/** @param {string} space */
const pageOf = (space) => new URL(`s/${space}`, ROOT).href;

/** @param {Listed} listed */
function onNow({ space, title, topics, live = false, listeners = 0 }) {
  const badge = t(live ? "badge.live" : "badge.soon");
  return draw({ badge, isLive: live, title, topics, note: live || listeners ? listening(listeners) : "", href: pageOf(space) });
}

/** @param {Listed} listed */
function comingUp({ space, title, topics, starts = 0 }) {
  const note = moment(starts, { dateStyle: "medium", timeStyle: "short" });
  return draw({ badge: t("badge.planned"), title, topics, note, href: pageOf(space) });
}

/** @param {Replay} replay */
function toHear({ title, seconds, began, link }) {
  const note = `${moment(began, { dateStyle: "medium" })} · ${elapsed(seconds)}`;
  return draw({ badge: t("badge.replay"), title, note, href: link });
}

/** @param {Listed} listed */
function gone({ title, started = 0 }) {
  const note = `${moment(started, { dateStyle: "medium" })} · ${t("home.unkept")}`;
  return draw({ badge: t("badge.ended"), title, note, href: null });
}

/** @param {Listed} past */
const isKept = ({ space, started = 0, ended = 0 }) => replays.some((one) =>
  one.space === space && one.began >= started - SLACK_SECONDS && one.began <= ended);

function show() {
  if (lost || !directory) {
    element("word").textContent = t(lost ? "home.lost" : "home.looking");
    return;
  }
  const { spaces, upcoming = [], past = [] } = directory;
  const live = spaces.toSorted((a, b) => Number(b.live) - Number(a.live)
    || (b.listeners ?? 0) - (a.listeners ?? 0));
  const ended = past.filter((one) => !isKept(one));
  const focused = document.activeElement?.getAttribute("href");
  element("live").replaceChildren(...live.map(onNow));
  element("upcoming").replaceChildren(...upcoming.map(comingUp));
  element("past").replaceChildren(...replays.map(toHear), ...ended.map(gone));
  element("upcoming-section").hidden = !upcoming.length;
  element("past-section").hidden = !replays.length && !ended.length;
  if (focused) find(document, `a[href="${CSS.escape(focused)}"]`)?.focus();
  element("word").textContent = live.length ? "" : t("home.none");
  document.body.dataset.phase = "found";
}

const plan = new Plan(() => listing.now());

speakTheirLanguage(() => {
  show();
  plan.retell();
});

poll(async (signal) => (await request(new URL("api/recordings", ROOT),
  { signal, cache: "no-cache" })).json(), // stale is for proxies
  ({ recordings }) => {
    replays = recordings;
    show();
  },
  () => {}, // the list beside it says already when the server cannot be reached
  4 * PERIOD_MS);

const listing = poll(
  async (signal) => (await request(new URL("api/spaces", ROOT), { signal })).json(),
  (found) => {
    directory = found;
    lost = false;
    show();
  },
  () => {
    lost = true;
    show();
  },
  PERIOD_MS,
);
