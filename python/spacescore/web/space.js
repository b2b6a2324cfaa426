// The page of one space: what happens, in which order. How it looks is elsewhere.

import { Announcer } from "./announcer.js";
import { SpaceApi } from "./api.js";
import { Companion } from "./companion.js";
import { askChanges, askHowToLeave, askName, confirm, share } from "./dialogs.js";
import { waitFor } from "./dock.js";
import { element } from "./dom.js";
import { JoinError, request } from "./errors.js";
import { bearer } from "./exchange.js";
import { ListenSession } from "./join.js";
import { speakTheirLanguage, t } from "./language.js";
import { newsOf } from "./me.js";
import { meterShare } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { Planned } from "./planned.js";
import { poll } from "./poll.js";
import { keepsOrder, speaks } from "./rights.js";
import { Stage } from "./stage.js";
import { cohortOf, drawPlace } from "./ticket.js";
import { View } from "./view.js";
import {
  dropToken, keepPlace, keepToken, readGrant, rememberedName, rememberName, ROOT, slugOf, takeInvite,
  takeToken,
} from "./visit.js";
import { SpeakSession } from "./whip.js";
import { explain, farewell } from "./words.js";

const LIGHT_MS = 100; // who speaks, and how loud
const STATS_MS = 2000;
const OWN_MUTE_MS = 5000; // state.json may be this much older than our own mute button

const ME_MS = 1500; // while something may happen to us
const CALM_MS = 6000; // while we only listen

const slug = slugOf(location.pathname);
const api = new SpaceApi(ROOT, slug, () => token);
const view = new View();
const announcer = new Announcer();
const companion = new Companion(api);
const planned = new Planned();
const stage = new Stage(element("speakers"), element("speaker-tile"), manage);

/** @type {import("./api.js").Room | null} */ let room = null;
/** @type {import("./console.js").Console | null} */ let desk = null; // only hosts need one
/** @type {ListenSession | SpeakSession | null} */ let session = null;
let invitation = takeToken(slug);
let token = invitation; // on an open stage, another for each time on it
let grant = readGrant(token ?? "");
/** @type {Awaited<ReturnType<SpaceApi["describe"]>> | null} */ let about = null;
/** @type {Promise<string> | null} */ let openLink = null; // of a space by invitation, made once
const ownPlace = keepPlace(slug, drawPlace);
let blocked = false;
let inLine = false;
let mutedAt = -Infinity;

/* What the service says of the space */

const polling = poll((signal) => api.state(signal), onRoom, onTrouble);

/** @param {import("./api.js").Room} news */
function onRoom(news) {
  if (room?.title !== news.title || room.phase !== news.phase) readAbout();
  room = news;
  if (keptOut) return;
  view.showRoom(news);
  view.showMoving(news.moving ? farewell(news.moving, role() === "host") : "", elsewhere());
  planned.show(news, { opens: keepsOrder(role()), cancels: role() === "host" });
  stage.draw(news.speakers, { own: ownPeer(), role: role() });
  if (desk) desk.show(news);
  else if (keepsOrder(role())) fetchDesk();
  obeyHost(news);
  if (inLine && !turn()) enterAtLast();
  refresh();
}

/**
 * @param {any} error
 * @param {number} failures in a row
 */
function onTrouble(error, failures) {
  if (keptOut || moveOn()) return;
  if (error.code === "unknown-space") {
    quit();
    desk?.close();
    view.showPhase(room ? "ended" : "unknown");
    if (room && room.recording) findReplay(room);
  } else if (error.code === "unauthorized" && !room) {
    view.showPhase("invite");
  } else if (error.code === "forbidden" && !room) {
    keepOut(error.reason === "blocked" ? "blocked" : "removed");
  } else if (!room) {
    view.showPhase("error");
  } else if (failures > 2) {
    view.notify(t("news.old"));
  }
}

async function fetchDesk() {
  const { Console } = await import("./console.js");
  desk ??= new Console(api, () => ({ role: role(), peer: ownPeer() }), askAnew);
  if (room) desk.show(room);
  return desk;
}

/** What does not change often, and is in no state.json. */
async function readAbout() {
  about = await api.describe().catch(() => about);
  if (about) view.showAbout(about);
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
  view.notify(t("news.muted"));
}

/**
 * The recording of a space that has ended: its host's at once, everybody's once it is public.
 * @param {import("./api.js").Room} ended
 */
function findReplay({ started = 0 }) {
  const key = invitation;
  const looking = poll(async (signal) => {
    const headers = bearer(key ?? undefined);
    return (await request(new URL("api/recordings", ROOT), { signal, headers })).json();
  }, ({ recordings }) => {
    const found = recordings.find((/** @type {{ space: string, began: number }} */ one) =>
      one.space === slug && one.began >= started - 60);
    if (!found) return;
    looking.stop();
    view.showReplay(key ? `${found.link}#token=${key}` : found.link);
  }, () => {});
}

/* What the service says of us */

/** @type {import("./me.js").Me | null} */ let me = null;
/** @type {import("./me.js").Me | null} */ let before = null; // null: what comes next is no news
/** @type {{ now: () => void, stop: () => void } | null} */ let asking = null;
/** @type {"" | "removed" | "blocked"} */ let keptOut = "";
let granted = false; // let on stage, and not there yet
let lostStage = ""; // why, until it is known whether we still belong there
let pending = 0; // commands of our own: what follows from them is no news

/** @param {string | null} next token */
function become(next) {
  if (next === token && asking) return;
  token = next;
  grant = readGrant(next ?? "");
  me = before = null;
  granted = false;
  asking?.stop();
  asking = token ? poll((signal) => api.me(signal), onMe, onMeTrouble, mePeriod) : null;
}

const mePeriod = () => (me && !speaks(me.role) && !me.hand && !me.offered ? CALM_MS : ME_MS);

/** @param {import("./me.js").Me} now */
function onMe(now) {
  const news = pending ? null : newsOf(before, now);
  me = before = now;
  const onAir = session instanceof SpeakSession;
  if (!speaks(now.role) && !pending && (onAir || lostStage)) toAudience();
  if (news === "granted" && !onAir) granted = true;
  else if (news) view.notify(t(`news.${news}`));
  granted &&= speaks(now.role);
  if (lostStage && speaks(now.role)) view.notify(lostStage);
  lostStage = "";
  view.showOffer(granted ? "granted" : now.offered ? "invited" : "");
  if (room) onRoom(room);
}

/** @param {any} error */
function onMeTrouble(error) {
  if (error.code === "forbidden" && ["removed", "blocked"].includes(error.reason)) {
    keepOut(error.reason);
  } else if (error.code === "unauthorized" || error.code === "forbidden") {
    view.notify(explain(error));
    dropToken(slug);
    invitation = null;
    become(null);
    refresh();
  }
}

/** @param {"removed" | "blocked"} how */
function keepOut(how) {
  keptOut = how;
  if (how === "removed") dropToken(slug);
  else if (token) keepToken(slug, token); // told again, whenever one comes back
  me = null;
  quit();
  asking?.stop();
  polling.stop();
  view.showOffer("");
  desk?.close();
  view.showPhase(how);
}

/** From the stage, or from where the stage was lost; the sound goes on. */
function toAudience() {
  const left = session;
  enterAtLast();
  left?.close();
}

/**
 * Something that we do ourselves: what follows from it is no news.
 * @param {() => Promise<unknown>} command
 * @returns {Promise<boolean>} whether it was done
 */
async function act(command) {
  pending += 1;
  try {
    await command();
    return true;
  } catch (error) {
    view.notify(explain(error));
    return false;
  } finally {
    pending -= 1;
    before = null;
    askAnew();
  }
}

function askAnew() {
  asking?.now();
  polling.now();
}

/* Who we are */

const role = () => me?.role ?? grant?.role ?? null;
const ownPeer = () => grant?.peer ?? null;
const mayEnter = () => speaks(role());

/** In line: whoever has a number has their place by it. */
const place = () => grant?.peer ?? ownPlace;

/** How far away our turn is; null when it has come. */
const turn = () => (room?.admit ? waitFor(cohortOf(place()), room.admit) : null);

/** @returns {import("./dock.js").Situation} */
function situation() {
  const onAir = session instanceof SpeakSession;
  const wait = inLine ? turn() : null;
  return {
    mode: session ? (onAir ? "speak" : "listen") : inLine ? "line" : "idle",
    ...(wait && { wait }),
    state: session?.state ?? null,
    muted: session instanceof SpeakSession && session.muted,
    blocked,
    hand: me?.hand ?? 0,
    maySpeak: mayEnter() || (room?.open_stage ?? false),
    ready: room !== null && room.phase !== "planned",
  };
}

function refresh() {
  view.showSituation(situation());
  companion.follow(session !== null);
  showDetails();
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
  const why = failed.error ? explain(failed.error) : t("news.lost");
  if (failed instanceof SpeakSession && failed.error?.code === "forbidden") {
    lostStage = why;
  } else {
    stepDown();
    view.notify(why);
  }
  askAnew();
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
  if (wish) await step(wish.original, wish.name);
}

/**
 * @param {boolean} original
 * @param {string} [name] for an open stage
 */
async function step(original, name = "") {
  try {
    const microphone = await openMicrophone(original);
    await enter(name, microphone);
    await goOnStage(microphone);
  } catch (error) {
    if (!(error instanceof JoinError)) throw error;
    if (error.code !== "closed") view.notify(explain(error));
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
    become((await api.enterStage(name)).token);
  } catch (error) {
    for (const track of microphone.getTracks()) track.stop();
    throw error;
  }
}

/** @param {MediaStream} microphone */
async function goOnStage(microphone) {
  const left = session;
  const next = new SpeakSession({
    endpoint: api.whip,
    token: token ?? "",
    muteEndpoint: api.muteOf(ownPeer() ?? 0),
    iceServers: () => api.iceServers().catch(() => []),
  }, microphone);
  microphone.getAudioTracks()[0].addEventListener("ended", () => loseMicrophone(next));
  inLine = granted = false;
  view.showOffer("");
  follow(next);
  view.focus("mute");
  try {
    await next.open();
    left?.close();
  } catch (error) {
    if (/** @type {JoinError} */ (error).code === "closed") left?.close();
    else session = left;
    throw error;
  } finally {
    refresh();
    askAnew();
  }
}

/** @param {SpeakSession} lost */
function loseMicrophone(lost) {
  if (lost !== session) return;
  view.notify(t("news.microphone"));
  quit();
}

/** Asks to speak, or no longer. */
async function hand() {
  if (me?.hand) {
    await act(() => api.raiseHand(false));
    return;
  }
  if (!token && !await introduce()) return;
  if (!session && !inLine) listen();
  await act(() => api.raiseHand(true));
}

/** @returns {Promise<boolean>} */
async function introduce() {
  const wish = await askName({ known: null, remembered: rememberedName(), forHand: true });
  if (!wish) return false;
  rememberName(wish.name);
  return act(async () => {
    invitation = keepToken(slug, await api.introduce(wish.name));
    become(invitation);
  });
}

async function acceptOffer() {
  const accepted = granted || await act(() => api.answer(true));
  if (!accepted) return;
  if (me) me.role = granted ? me.role : "speaker";
  await step(false);
}

async function declineOffer() {
  const own = ownPeer() ?? 0;
  await act(() => (granted ? api.giveRole(own, "listener") : api.answer(false)));
  view.showOffer("");
  view.focus("leave");
}

/**
 * An invite link is used once, when its page is opened. A token of before keeps who we are.
 * @param {string} code
 */
async function accept(code) {
  const use = () => api.useLink(code, rememberedName());
  try {
    invitation = keepToken(slug, await use().catch((error) => {
      if (error.code !== "unauthorized" || !token) throw error;
      token = null;
      return use();
    }));
    stepDown();
    refresh();
    askAnew();
  } catch (error) {
    view.notify(explain(error));
  }
}

/** What an open stage gave us ends with our leaving it. */
function stepDown() {
  become(invitation);
}

async function mute() {
  if (!(session instanceof SpeakSession)) return;
  mutedAt = performance.now();
  const told = session.mute(!session.muted);
  refresh();
  await told;
  polling.now();
}

/** Who is on stage is asked first: they may go on listening. */
async function leave() {
  if (!(session instanceof SpeakSession)) return quit();
  const how = await askHowToLeave(role() === "host");
  if (how === "down") await stepOff();
  if (how === "leave") quit();
  if (how === "end") await desk?.end();
}

/** Gives the seat to the next; whoever keeps order keeps their office. */
async function stepOff() {
  const own = ownPeer() ?? 0;
  if (!keepsOrder(role())) await act(() => api.giveRole(own, "listener"));
  toAudience();
  stepDown();
  refresh();
}

function quit() {
  const left = session;
  session = null;
  blocked = inLine = false;
  left?.close();
  if (me?.hand) act(() => api.raiseHand(false));
  stepDown();
  refresh();
}

/** @param {number} peer */
async function manage(peer) {
  const speaker = room?.speakers.find((one) => one.peer === peer);
  if (speaker) (desk ?? await fetchDesk()).manage(speaker);
}

const open = () => act(() => api.open());

async function cancel() {
  if (await confirm("cancel")) await act(() => api.end());
}

/** A link brings no token, and a space by invitation wants one. @param {Event} event */
async function calendar(event) {
  event.preventDefault();
  await act(async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await api.calendar());
    link.download = `${slug}.ics`;
    link.click();
  });
}

function shareLink() {
  const byInvitation = about?.visibility === "invite";
  share(location.origin + location.pathname, keepsOrder(role()) ? {
    person: (name, as) => api.invite(name, as),
    cohosts: role() === "host",
    everybody: byInvitation ? () => (openLink ??= inviteMany()) : null,
  } : null);
}

async function inviteMany() {
  try {
    return await api.inviteMany();
  } catch (error) {
    openLink = null;
    throw error;
  }
}

async function change() {
  if (!about) await readAbout();
  if (!about || !room) return;
  const changed = await askChanges({ ...about, starts: room.starts });
  if (changed && await act(() => api.edit(changed))) await readAbout();
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

/* Wiring */

speakTheirLanguage(() => {
  if (room) onRoom(room);
  else view.showPhase("loading");
  if (keptOut) view.showPhase(keptOut);
  refresh();
});
refresh();
become(token);
const code = takeInvite();
if (code) accept(code);
setInterval(light, LIGHT_MS);
setInterval(showDetails, STATS_MS);
setInterval(() => {
  view.showElapsed();
  planned.tick();
}, 1000);

const actions = {
  listen, speak, mute, hand, leave, open, change, cancel, share: shareLink,
  "console-change": change,
  "offer-accept": acceptOffer, "offer-decline": declineOffer,
  play: () => {
    setBlocked(false);
    session?.play();
  },
};
for (const [id, action] of Object.entries(actions)) element(id).addEventListener("click", action);
element("calendar").addEventListener("click", calendar);
addEventListener("pagehide", () => session?.close());

/** For reading, in the console and in tests: docs/join.md, "Diagnostics". */
Object.defineProperty(window, "spacescore", {
  value: Object.freeze({
    get session() { return session; },
    get room() { return room; },
    get grant() { return grant; },
    get me() { return me; },
    stats: async () => session?.stats() ?? null,
  }),
});
