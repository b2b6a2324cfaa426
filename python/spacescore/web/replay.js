// The replay of one recording: its sound, a lane for everybody who is heard, and their turns.

import { decide } from "./dialogs.js";
import { element, find } from "./dom.js";
import { request } from "./errors.js";
import { bearer } from "./exchange.js";
import { learn, speakTheirLanguage, t } from "./language.js";
import { ROOT, slugOf, takeToken } from "./visit.js";
import { elapsed, explain, hue, moment } from "./words.js";

/**
 * @typedef {{ peer: number, name: string, spans: [number, number][] }} Lane
 * @typedef {{ from: number, to: number, name: string }} Chapter
 * @typedef {object} Recording
 * @property {string} recording
 * @property {string} space
 * @property {string} title
 * @property {number} began Unix seconds
 * @property {number} seconds
 * @property {boolean} published
 * @property {boolean} yours
 * @property {boolean} captioned
 * @property {Lane[]} lanes
 * @property {Chapter[]} chapters
 */

await learn("replay");
const name = slugOf(location.pathname);
const space = name.replace(/-\d{4}-\d\d-\d\dT.*$/, "");
const token = takeToken(space) ?? undefined;
const address = new URL(`api/recordings/${encodeURIComponent(name)}`, ROOT);
/** @type {HTMLAudioElement} */
const player = element("player");

/** @type {Recording | null} */ let found = null;
/** @type {() => unknown} */ let retell = () => {}; // what is not in the markup

/** @param {number} seconds */
function seek(seconds) {
  player.currentTime = seconds;
  player.play().catch(() => {}); // the visitor has the controls
}

/**
 * @param {Lane} lane
 * @param {number} total seconds
 */
function showLane({ peer, name, spans }, total) {
  /** @type {HTMLTemplateElement} */
  const template = element("lane");
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  const track = find(copy, ".track");
  find(copy, ".lane-name").textContent = name;
  const heard = spans.reduce((sum, [from, to]) => sum + to - from, 0);
  find(copy, ".lane-time").textContent = elapsed(heard);
  for (const [from, to] of spans) {
    const span = document.createElement("b");
    span.className = `hue-${hue(peer)}`;
    span.style.left = `${(100 * from) / total}%`;
    span.style.width = `${(100 * (to - from)) / total}%`;
    track.append(span);
  }
  track.addEventListener("click", (event) => {
    const { left, width } = track.getBoundingClientRect();
    seek((total * (event.clientX - left)) / width);
  });
  return copy;
}

/** @param {Chapter} chapter */
function showChapter({ from, name }) {
  /** @type {HTMLTemplateElement} */
  const template = element("chapter");
  const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
  find(copy, ".chapter-time").textContent = elapsed(from);
  find(copy, ".chapter-name").textContent = name;
  find(copy, ".chapter").addEventListener("click", () => seek(from));
  return copy;
}

/** @param {Recording} recording */
function follow({ seconds, chapters }) {
  const playhead = () => {
    const place = `${(100 * player.currentTime) / seconds}%`;
    for (const one of document.querySelectorAll(".playhead")) {
      /** @type {HTMLElement} */ (one).style.left = place;
    }
    const now = chapters.findLastIndex(({ from }) => from <= player.currentTime);
    [...document.querySelectorAll(".chapter")].forEach((one, place) =>
      place === now ? one.setAttribute("aria-current", "true") : one.removeAttribute("aria-current"),
    );
  };
  for (const event of ["timeupdate", "seeking", "play"]) player.addEventListener(event, playhead);
}

/** A player sends no token: what is not public comes by hand. @param {Recording} recording */
async function load({ published }) {
  const sound = new URL(`${address.pathname}/audio`, ROOT);
  const source = published || !token
    ? sound.href
    : URL.createObjectURL(await (await request(sound, { headers: bearer(token) })).blob());
  player.src = source;
  element("download").setAttribute("href", source);
  element("download").setAttribute("download", `${name}.opus`);
}

/** Captions come by hand as well, for the same reason. @param {Recording} recording */
async function loadCaptions({ captioned }) {
  if (!captioned) return;
  const text = new URL(`${address.pathname}/captions.vtt`, ROOT);
  const reply = await request(text, { headers: bearer(token) });
  const track = document.createElement("track");
  track.kind = "captions";
  track.src = URL.createObjectURL(await reply.blob());
  track.default = true;
  player.append(track);
  track.track.mode = "hidden"; // an audio element has no place for them: we show them
  element("captions").hidden = false;
  track.track.addEventListener("cuechange", () => {
    const cues = /** @type {VTTCue[]} */ ([...(track.track.activeCues ?? [])]);
    element("captions").textContent = cues.map(({ text }) => text).join("\n");
  });
}

/** @param {Recording} recording */
function offerChoices(recording) {
  element("publish").hidden = element("delete").hidden = !recording.yours;
  let { published } = recording;
  const say = () => {
    element("publish").textContent = t(published ? "replay.private" : "replay.publish");
    element("publish").classList.toggle("primary", !published);
    element("notice").textContent = t(published ? "replay.published" : "replay.yours");
  };
  if (recording.yours) say();
  retell = () => recording.yours && say();
  element("publish").onclick = async () => {
    const headers = { "Content-Type": "application/json", ...bearer(token) };
    const body = JSON.stringify({ published: !published });
    await attempt(async () => {
      await request(address, { method: "PATCH", headers, body });
      published = !published;
      say();
    });
  };
  element("delete").onclick = async () => {
    if ((await decide("delete-dialog")) !== "ok") return;
    await attempt(async () => {
      await request(address, { method: "DELETE", headers: bearer(token) });
      player.removeAttribute("src");
      element("found").hidden = true;
      element("word").textContent = t("replay.deleted");
    });
  };
}

/** @param {() => Promise<void>} what */
async function attempt(what) {
  try {
    await what();
  } catch (error) {
    element("notice").textContent = explain(error);
  }
}

/** @param {number} began */
function showDate(began) {
  element("began").textContent = moment(began, { dateStyle: "long" });
}

/** @param {Recording} recording */
async function show(recording) {
  const { title, began, seconds, lanes, chapters } = recording;
  document.title = `${title} · spacescore`;
  element("title").textContent = title;
  showDate(began);
  element("began").setAttribute("datetime", new Date(began * 1000).toISOString());
  element("length").textContent = elapsed(seconds);
  element("lanes").replaceChildren(...lanes.map((lane) => showLane(lane, seconds)));
  element("lanes-none").hidden = lanes.length > 0;
  element("chapters").replaceChildren(...chapters.map(showChapter));
  element("chapters-section").hidden = chapters.length < 2;
  element("found").hidden = false;
  follow(recording);
  offerChoices(recording);
  await load(recording);
  await loadCaptions(recording);
}

speakTheirLanguage(() => {
  if (found) showDate(found.began);
  retell();
});
try {
  const reply = await request(address, { headers: bearer(token), cache: "no-cache" });
  await show(found = await reply.json());
  document.body.dataset.phase = "found";
} catch (error) {
  const unknown = /** @type {{ code?: string }} */ (error).code === "unknown-space";
  retell = () => {
    element("title").textContent = t(unknown ? "replay.none" : "replay.failed");
    element("word").textContent = unknown ? t("replay.none.text") : explain(error);
  };
  retell();
  document.body.dataset.phase = "missing";
}
