// The operations page: asks the node each second how it does, and shows the last quarter of an hour.

import { Chart, nearest } from "./chart.js";
import { element, find } from "./dom.js";
import { request } from "./errors.js";
import { bearer } from "./exchange.js";
import { learn, locale, speakTheirLanguage, t } from "./language.js";
import { PANELS, cores, count, megabytes, share } from "./panels.js";
import { poll } from "./poll.js";
import { History, verdict } from "./pulse.js";
import { ROOT, dropToken, keepToken, takeToken } from "./visit.js";
import { elapsed, explain } from "./words.js";

/** @typedef {{ group: string, name: string, level: "ok" | "warning" | "problem", text: string, fix: string }} Finding */

const PLACE = "operations"; // no space has a token of this page
const PERIOD_MS = 1000;
const FINDINGS_MS = 60_000;
const COHORTS = 1000;
const MARKS = new Map([[60, 15], [300, 60], [900, 180]]); // seconds shown: between marks of time
const PAGE_STEP = 10; // seconds, by Page Up and Page Down

await learn("operations");
const history = new History();
let token = takeToken(PLACE);
/** @type {import("./pulse.js").Reply | null} */ let latest = null;
/** @type {Finding[] | null} */ let findings = null;
/** @type {{ stop: () => void }[]} */ let asking = [];
let lost = false;
let span = 300;
/** @type {number | null} */ let pointed = null; // the time that is looked at; null: now
/** @type {any} */ let refused = null;

/** @param {string} id */
const template = (id) => /** @type {HTMLTemplateElement} */ (element(id)).content;
/** @param {string} id */
const copyOf = (id) => /** @type {DocumentFragment} */ (template(id).cloneNode(true));

/** @param {number} seconds Unix @param {boolean} exact */
const clock = (seconds, exact) => new Intl.DateTimeFormat(locale(), {
  hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(exact && { second: "2-digit" }),
}).format(seconds * 1000);

const charts = PANELS.map((panel, place) => {
  const copy = copyOf("chart");
  const plot = find(copy, ".plot");
  const parts = { panel, plot, title: find(copy, ".chart-title"), legend: find(copy, ".legend"), chart: new Chart(plot, panel) };
  parts.title.id = `chart-${place}`;
  plot.setAttribute("aria-labelledby", parts.title.id);
  plot.addEventListener("pointermove", (event) => point(parts.chart.timeAt(event, axis())));
  plot.addEventListener("pointerdown", (event) => point(parts.chart.timeAt(event, axis())));
  plot.addEventListener("pointerleave", () => point(null));
  plot.addEventListener("blur", () => point(null));
  plot.addEventListener("keydown", onKey);
  element("charts").append(copy);
  return parts;
});

function axis() {
  const to = history.rows.at(-1)?.at ?? 0, from = to - span, step = MARKS.get(span) ?? span;
  const marks = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) {
    const edge = 0.05 * span; // a text there would be cut
    if (at - from > edge && to - at > edge) marks.push({ at, text: clock(at, span === 60) });
  }
  return { from, to, marks };
}

/** @param {number | null} time */
function point(time) {
  pointed = time;
  showCharts();
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const { from, to } = axis();
  const now = pointed ?? to;
  const step = span / 60;
  /** @type {Record<string, number | null>} */
  const moves = {
    ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step,
    PageDown: now - PAGE_STEP * step, PageUp: now + PAGE_STEP * step, Home: from, End: to, Escape: null,
  };
  if (!(event.key in moves)) return;
  event.preventDefault();
  const time = moves[event.key];
  point(time === null ? null : Math.min(to, Math.max(from, time)));
}

function showCharts() {
  const rows = history.last(span), times = rows.map(({ at }) => at);
  const cursor = pointed === null || !rows.length ? null : nearest(times, pointed);
  const at = cursor ?? rows.length - 1;
  const shown = axis();
  element("when").textContent = cursor === null ? t("ops.now") : clock(times[cursor], true);
  for (const { panel, plot, title, legend, chart } of charts) {
    const series = panel.series(rows).map((one) => ({ ...one, values: rows.map(one.of) }));
    title.textContent = t(/** @type {any} */ (`ops.chart.${panel.key}`));
    const told = series.map((one) => ({ ...one, text: rows.length ? panel.write(one.values[at]) : "–" }));
    legend.replaceChildren(...told.map(entry));
    chart.show(times, series, shown, cursor);
    describe(plot, shown, times[at], told.map(({ name, text }) => `${name} ${text}`).join(", "));
  }
}

/** What a slider says of itself; not each second while somebody is on it and listens. */
function describe(/** @type {HTMLElement} */ plot, /** @type {{ from: number, to: number }} */ { from, to }, at = 0, text = "") {
  if (plot === document.activeElement && pointed === null) return;
  plot.setAttribute("aria-valuemin", String(Math.floor(from)));
  plot.setAttribute("aria-valuemax", String(Math.ceil(to)));
  plot.setAttribute("aria-valuenow", String(Math.round(at)));
  plot.setAttribute("aria-valuetext", at ? `${clock(at, true)}: ${text}` : text);
}

/** @param {{ name: string, text: string, hue: number, dashed?: boolean }} one */
function entry({ name, text, hue, dashed }) {
  const made = document.createElement("li");
  made.className = `hue-${hue}${dashed ? " dashed" : ""}`;
  const value = document.createElement("b");
  value.textContent = text;
  made.append(name, " ", value);
  return made;
}

/** @param {[string, string][]} pairs */
function terms(pairs) {
  return pairs.map(([name, value]) => {
    const pair = document.createElement("div");
    const [term, told] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    told.textContent = value;
    pair.append(term, told);
    return pair;
  });
}

function showFigures() {
  const now = history.rows.at(-1);
  if (!now) return;
  const listeners = [20, 40, 60, 120].reduce((sum, tier) => sum + now[`listeners_${tier}ms`], 0);
  const cpu = now.cpu_workers.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, now.cpu_rest);
  element("figures").replaceChildren(...terms([
    [t("ops.listeners"), count(listeners)],
    [t("ops.speakers"), count(now.speakers)],
    [t("ops.spaces.open"), count(now.spaces)],
    [t("ops.joins.rate"), count(now.joins)],
    [t("ops.cores"), cores(cpu)],
    [t("ops.memory"), megabytes(now.memory)],
  ]));
}

function showVerdict() {
  if (!latest) return;
  const { level, key } = lost ? { level: "bad", key: "unreachable" } : verdict(history, latest.draining);
  const badge = element("badge");
  badge.dataset.level = level;
  badge.textContent = t(/** @type {any} */ (`ops.level.${level}`));
  element("name").textContent = `${latest.node} · ${latest.version}`;
  element("uptime").textContent = t("ops.uptime", { time: elapsed(latest.time - latest.began) });
  element("verdict").textContent = t(/** @type {any} */ (`ops.verdict.${key}`));
  element("word").textContent = t(/** @type {any} */ (`ops.verdict.${key}.text`));
  document.title = `${t("ops.title")} · spacescore`;
}

/** @param {import("./pulse.js").SpaceRow} one */
function spaceRow({ space, title, listeners, speakers, opened, admission }) {
  const copy = copyOf("space");
  const link = find(copy, ".title");
  link.textContent = title || space;
  link.setAttribute("href", new URL(`s/${space}`, ROOT).href);
  find(copy, ".listeners").textContent = count(listeners);
  find(copy, ".speakers").textContent = count(speakers);
  const inside = admission.cohorts / COHORTS;
  find(copy, ".gate i").style.width = `${100 * inside}%`;
  find(copy, ".door-word").textContent = inside >= 1 ? t("ops.door.open") : `${t(/** @type {any} */ (`ops.door.${admission.mode}`))} · ${share(inside)}`;
  find(copy, ".since").textContent = clock(opened, false);
  return copy;
}

function showSpaces() {
  if (!latest) return;
  const { spaces } = latest;
  element("spaces-none").hidden = spaces.length > 0;
  element("spaces-table").hidden = !spaces.length;
  const focused = document.activeElement?.getAttribute("href");
  element("spaces").replaceChildren(...spaces.map(spaceRow));
  if (focused) find(document, `a[href="${CSS.escape(focused)}"]`)?.focus();
}

function showFindings() {
  if (!findings) return;
  const wrong = findings.filter(({ level }) => level !== "ok");
  element("doctor-word").textContent = wrong.length
    ? t("ops.doctor.found", { count: wrong.length })
    : t(findings.length ? "ops.doctor.fine" : "ops.doctor.none");
  element("findings").replaceChildren(...wrong.map(({ level, name, text, fix }) => {
    const copy = copyOf("finding");
    find(copy, ".finding").dataset.level = level;
    find(copy, ".level").textContent = t(level === "problem" ? "ops.doctor.problem" : "ops.doctor.warning");
    find(copy, ".finding-text").textContent = `${name}: ${text}`;
    find(copy, "code").textContent = fix;
    find(copy, "pre").hidden = !fix;
    return copy;
  }));
}

function showDrops() {
  if (!latest) return;
  const found = Object.entries(latest.drops);
  element("drops").replaceChildren(...terms(found.map(([why, many]) => [why.replaceAll("_", " "), count(many)])));
  element("drops-word").textContent = t(found.length ? "ops.drops.text" : "ops.drops.none");
}

function show() {
  showVerdict();
  showFigures();
  showSpaces();
  showFindings();
  showDrops();
  showCharts();
  element("enter-word").textContent = refused ? why(refused) : "";
}

/** @param {string} path */
async function ask(path, /** @type {AbortSignal} */ signal) {
  const reply = await request(new URL(path, ROOT), { headers: bearer(token ?? ""), signal });
  return reply.json();
}

/** @param {import("./pulse.js").Reply} reply */
function take(reply) {
  const first = !latest;
  history.take(reply);
  latest = reply;
  lost = false;
  element("enter").hidden = true;
  element("node").hidden = element("forget").hidden = false;
  document.body.dataset.phase = "found";
  show();
  if (first) element("verdict").focus({ preventScroll: true });
}

/** @param {any} error */
function fail(error) {
  if (refuses(error)) return enter(error);
  lost = true;
  if (latest) return showVerdict();
  enter(error);
}

function begin() {
  end();
  asking = [
    poll((signal) => ask(`api/operations?since=${history.number}`, signal), take, fail, PERIOD_MS),
    poll((signal) => ask("api/operations/findings", signal), (reply) => {
      ({ findings } = reply);
      showFindings();
    }, () => {}, FINDINGS_MS), // the charts say already when the server cannot be reached
  ];
}

function end() {
  for (const one of asking) one.stop();
  asking = [];
}

/** @param {any} error */
const refuses = ({ code }) => ["unauthorized", "forbidden"].includes(code);
/** @param {any} error */
const why = (error) => (refuses(error) ? t("ops.enter.refused") : explain(error));

/** Asks who is there. @param {any} error why, if they have tried */
function enter(error = null) {
  end();
  if (error && refuses(error)) dropToken(PLACE);
  refused = error;
  latest = findings = null;
  element("node").hidden = element("forget").hidden = true;
  element("enter").hidden = false;
  element("enter-word").hidden = !error;
  element("enter-word").textContent = error ? why(error) : "";
  document.title = `${t("ops.title")} · spacescore`;
  document.body.dataset.phase = "enter";
  if (error) element("key").focus();
}

element("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  /** @type {HTMLInputElement} */
  const field = element("key");
  const given = field.value.trim();
  token = keepToken(PLACE, given.split("#token=").at(-1) ?? given); // a whole link will do
  field.value = "";
  begin();
});

element("forget").addEventListener("click", () => {
  dropToken(PLACE);
  token = null;
  enter();
});

for (const choice of document.querySelectorAll("input[name=span]")) {
  choice.addEventListener("change", () => {
    span = Number(/** @type {HTMLInputElement} */ (choice).value);
    showCharts();
  });
}
new ResizeObserver(showCharts).observe(element("charts"));
speakTheirLanguage(show);
if (token) begin();
else enter();
