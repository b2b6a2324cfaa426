// The page of one space: what happens, in which order. How it looks is elsewhere.

import { Announcer } from "./announcer.js";
import { SpaceApi } from "./api.js";
import { Companion } from "./companion.js";
import { askName, askWhatToDo, decide, share } from "./dialogs.js";
import { waitFor } from "./dock.js";
import { element } from "./dom.js";
import { JoinError } from "./errors.js";
import { ListenSession } from "./join.js";
import { meterShare } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { poll } from "./poll.js";
import { Stage } from "./stage.js";
import { cohortOf, drawPlace } from "./ticket.js";
import { View } from "./view.js";
import {
  keepPlace, keepToken, readGrant, rememberedName, rememberName, ROOT, slugOf, takeInvite, takeToken,
} from "./visit.js";
import { SpeakSession } from "./whip.js";
import { farewell } from "./words.js";

const LIGHT_MS = 100; // who speaks, and how loud
const STATS_MS = 2000;
const OWN_MUTE_MS = 5000; // state.json may be this much older than our own mute button

const slug = slugOf(location.pathname);
const api = new SpaceApi(ROOT, slug, () => token);
const view = new View();
const announcer = new Announcer();
const companion = new Companion(api);
const stage = new Stage(element("speakers"), element("speaker-tile"), manage);

/** @type {import("./api.js").Room | null} */ let room = null;
/** @type {ListenSession | SpeakSession | null} */ let session = null;
let invitation = takeToken(slug);
let token = invitation; // on an open stage, another for each time on it
let grant = readGrant(token ?? "");
const ownPlace = keepPlace(slug, drawPlace);
let blocked = false;
let inLine = false;
let mutedAt = -Infinity;

/* What the service says */

const polling = poll((signal) => api.state(signal), onRoom, onTrouble);

/** @param {import("./api.js").Room} news */
function onRoom(news) {
  room = news;
  view.showRoom(news);
  view.showMoving(news.moving ? farewell(news.moving, isHost()) : "", elsewhere());
  stage.draw(news.speakers, { own: ownPeer(), isHost: isHost() });
  obeyHost(news);
  if (inLine && !turn()) enterAtLast();
  refresh();
}

/**
 * @param {any} error
 * @param {number} failures in a row
 */
function onTrouble(error, failures) {
  if (moveOn()) return;
  if (error.code === "unknown-space") {
    view.showPhase(room ? "ended" : "unknown");
    leave();
  } else if (!room) {
    view.showPhase("error");
  } else if (failures > 2) {
    view.notify("The server cannot be reached; what you see may be old. Trying again.");
  }
}

/** Where the space goes on when this server goes away; who was invited takes the key along. */
function elsewhere() {
  const to = room?.moving?.to ?? null;
  return to && invitation ? `${to}#token=${invitation}` : to;
}

/** @returns {boolean} whether there is somewhere to go */
function moveOn() {
  const to = elsewhere();
  if (to) location.assign(to);
  return to !== null;
}

/** @param {import("./api.js").Room} news */
function obeyHost({ speakers }) {
  const muted = speakers.find(({ peer }) => peer === ownPeer())?.muted ?? false;
  const isNews = performance.now() - mutedAt > OWN_MUTE_MS;
  if (!(session instanceof SpeakSession) || !muted || session.muted || !isNews) return;
  session.mute(true);
  view.notify("The host muted you.");
}

/* Who we are */

const isHost = () => grant?.role === "host";
const ownPeer = () => grant?.peer ?? null;
const mayEnter = () => grant !== null && grant.role !== "listener";

/** In line: whoever has a number has their place by it. */
const place = () => grant?.peer ?? ownPlace;

/** How far away our turn is; null when it has come. */
const turn = () => (room?.admit ? waitFor(cohortOf(place()), room.admit) : null);

/** @returns {import("./dock.js").Situation} */
function situation() {
  const speaks = session instanceof SpeakSession;
  const wait = inLine ? turn() : null;
  return {
    mode: session ? (speaks ? "speak" : "listen") : inLine ? "line" : "idle",
    ...(wait && { wait }),
    state: session?.state ?? null,
    muted: session instanceof SpeakSession && session.muted,
    blocked,
    maySpeak: mayEnter() || (room?.open_stage ?? false),
    ready: room !== null && room.phase !== "planned",
  };
}

function refresh() {
  view.showSituation(situation());
  companion.follow(session !== null);
  showDetails();
  element("end").hidden = !isHost();
}

/* What people do */

/** @param {ListenSession | SpeakSession} next */
function follow(next) {
  next.addEventListener("state", () => {
    if (next.state === "failed" && next === session) fail(next);
    refresh();
  });
  next.addEventListener("blocked", () => setBlocked(next === session));
  session = next;
  setBlocked(false);
}

/** @param {boolean} isBlocked */
function setBlocked(isBlocked) {
  blocked = isBlocked;
  refresh();
}

/** @param {ListenSession | SpeakSession} failed */
function fail(failed) {
  if (moveOn()) return;
  session = null;
  stepDown();
  view.notify(failed.error?.message ?? "The connection failed.");
  polling.now();
}

function listen() {
  inLine = turn() !== null;
  if (inLine) refresh();
  else enterAtLast();
  view.focus("leave");
}

function enterAtLast() {
  inLine = false;
  follow(new ListenSession({ ticket: api.ticket, token: token ?? undefined, place: place() }));
  session?.open().catch(() => {}); // told by its state
}

/** The room goes on playing until we are on stage. */
async function speak() {
  const wish = await askName({ known: grant?.name ?? null, remembered: rememberedName() });
  if (!wish) return;
  try {
    const microphone = await openMicrophone(wish.original);
    await enter(wish.name, microphone);
    await goOnStage(microphone);
  } catch (error) {
    if (!(error instanceof JoinError)) throw error;
    if (error.code !== "closed") view.notify(error.message);
  }
}

/**
 * @param {string} name
 * @param {MediaStream} microphone is closed where the stage is
 */
async function enter(name, microphone) {
  if (mayEnter()) return;
  rememberName(name);
  try {
    ({ token } = await api.enterStage(name));
  } catch (error) {
    for (const track of microphone.getTracks()) track.stop();
    throw error;
  }
  grant = readGrant(token);
}

/** @param {MediaStream} microphone */
async function goOnStage(microphone) {
  const before = session;
  const next = new SpeakSession({
    endpoint: api.whip,
    token: token ?? "",
    muteEndpoint: api.muteOf(ownPeer() ?? 0),
  }, microphone);
  microphone.getAudioTracks()[0].addEventListener("ended", () => loseMicrophone(next));
  inLine = false;
  follow(next);
  view.focus("mute");
  try {
    await next.open();
    before?.close();
  } catch (error) {
    if (/** @type {JoinError} */ (error).code === "closed") before?.close();
    else session = before;
    throw error;
  } finally {
    refresh();
    polling.now();
  }
}

/** @param {SpeakSession} lost */
function loseMicrophone(lost) {
  if (lost !== session) return;
  view.notify("The microphone was disconnected.");
  leave();
}

/**
 * An invite link is used once, when its page is opened.
 * @param {string} code
 */
async function accept(code) {
  try {
    invitation = keepToken(slug, await api.useLink(code, rememberedName()));
    stepDown();
    refresh();
  } catch (error) {
    view.notify(/** @type {Error} */ (error).message);
  }
}

/** What an open stage gave us ends with our leaving it. */
function stepDown() {
  token = invitation;
  grant = readGrant(token ?? "");
}

async function mute() {
  if (!(session instanceof SpeakSession)) return;
  mutedAt = performance.now();
  const told = session.mute(!session.muted);
  refresh();
  await told;
  polling.now();
}

function leave() {
  const left = session;
  session = null;
  blocked = inLine = false;
  left?.close();
  stepDown();
  refresh();
}

/** @param {number} peer */
async function manage(peer) {
  const speaker = room?.speakers.find((one) => one.peer === peer);
  if (!speaker || !token) return;
  const wish = await askWhatToDo(speaker);
  if (wish === "mute") await attempt(api.mute(token, peer, !speaker.muted));
  if (wish === "remove") await attempt(api.remove(token, peer));
}

async function end() {
  if (token && await decide("end-dialog") === "ok") await attempt(api.end(token));
}

/** @param {Promise<unknown>} command */
async function attempt(command) {
  try {
    await command;
  } catch (error) {
    view.notify(/** @type {Error} */ (error).message);
  }
  polling.now();
}

function shareLink() {
  const key = token;
  const link = location.origin + location.pathname;
  share(link, key && isHost() ? (name) => api.invite(key, name) : null);
}

/* What moves */

/** @param {number} peer @returns {number | null} */
function levelOf(peer) {
  if (peer === ownPeer() && session instanceof SpeakSession) return session.inputLevel() || null;
  const speaker = room?.speakers.find((one) => one.peer === peer);
  if (!speaker || speaker.muted) return null;
  if (session) return heard.has(peer) ? roomLevel : null;
  return speaker.audible ? meterShare(-speaker.level) : null;
}

async function showDetails() {
  const stats = await session?.stats() ?? null;
  view.showDetails(situation(), stats);
}

/** @type {Set<number>} */ let heard = new Set();
let roomLevel = 0;

function light() {
  if (document.hidden) return;
  heard = new Set(session?.speakers());
  roomLevel = session?.level() ?? 0;
  stage.light(levelOf);
  view.showLevels(roomLevel, session instanceof SpeakSession ? session.inputLevel() : 0);
  const others = (room?.speakers ?? [])
    .filter(({ peer, muted }) => heard.has(peer) && !muted && peer !== ownPeer());
  const words = announcer.hear(others.map(({ name }) => name), performance.now());
  if (words) view.announce(words);
}

refresh();
const code = takeInvite();
if (code) accept(code);
setInterval(light, LIGHT_MS);
setInterval(showDetails, STATS_MS);
setInterval(() => view.showElapsed(), 1000);

/* Wiring */

const actions = { listen, speak, mute, leave, end, share: shareLink, play: () => {
  setBlocked(false);
  session?.play();
} };
for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
addEventListener("pagehide", leave);

/** For reading, in the console and in tests: docs/join.md, "Diagnostics". */
Object.defineProperty(window, "spacescore", {
  value: Object.freeze({
    get session() { return session; },
    get room() { return room; },
    get grant() { return grant; },
    stats: async () => session?.stats() ?? null,
  }),
});
