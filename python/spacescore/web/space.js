// The page of one space: what happens, in which order. How it looks is elsewhere.

import { SpaceApi } from "./api.js";
import { showCrowd } from "./crowd.js";
import { element } from "./dom.js";
import { JoinError } from "./errors.js";
import { Following } from "./following.js";
import { ListenSession } from "./join.js";
import { learn, speakTheirLanguage, t, translate } from "./language.js";
import { Lights } from "./lights.js";
import { Line, waitFor } from "./line.js";
import { homeOf, nextOf } from "./moving.js";
import { Planned } from "./planned.js";
import { keepsOrder, speaks } from "./rights.js";
import { Stage } from "./stage.js";
import { Standing } from "./standing.js";
import { cohortOf, drawPlace } from "./ticket.js";
import { View } from "./view.js";
import {
  dropToken, keepPlace, keepToken, readGrant, rememberedName, rememberName, ROOT, slugOf, takeInvite,
  takeToken,
} from "./visit.js";
import { explain, farewell } from "./words.js";

/** @typedef {import("./whip.js").SpeakSession} SpeakSession */

const LIGHT_MS = 100; // who speaks, and how loud
const STATS_MS = 2000;
const OWN_MUTE_MS = 5000; // state.json may be this much older than our own mute button

const slug = slugOf(location.pathname);
const api = new SpaceApi(ROOT, slug, () => token);
const view = new View();
const planned = new Planned();
const stage = new Stage(element("speakers"), element("speaker-tile"), manage);
const lights = new Lights(stage, view);
const line = new Line((words) => view.announce(words));

/** @type {import("./api.js").Room | null} */ let room = null;
/** @type {import("./console.js").Console | null} */ let desk = null; // comes when a host first uses it
/** @type {Promise<import("./console.js").Console> | null} */ let fetching = null;
/** @type {Promise<import("./companion.js").Companion> | null} */ let companion = null;
/** @type {ListenSession | SpeakSession | null} */ let session = null;
let invitation = takeToken(slug);
let token = invitation; // on an open stage, another for each time on it
let grant = readGrant(token ?? "");
/** @type {Awaited<ReturnType<SpaceApi["describe"]>> | null} */ let about = null;
const ownPlace = keepPlace(slug, drawPlace);
let blocked = false;
let inLine = false;
let over = false; // it was here, and has ended
let mutedAt = -Infinity;

/* What the service says of the space */

const following = new Following(api, { onRoom, onTrouble, onFeedLost: () => standing.now() });

/** @param {import("./api.js").Room} news */
function onRoom(news) {
  if (over) return location.reload(); // opened anew
  const isRenamed = room?.title !== news.title;
  room = news;
  if (keptOut) return;
  standing.see(news, ownPeer());
  showRoom(news);
  obeyHost(news);
  if (inLine && !turn()) enterAtLast();
  if (isRenamed && !inLine) readAbout();
  refresh();
}

/** @param {import("./api.js").Room} now */
function showRoom(now) {
  view.showRoom(now);
  view.showMoving(now.moving ? farewell(now.moving, role() === "host") : "", elsewhere());
  const runs = keepsOrder(role());
  planned.show(now, { opens: runs, cancels: role() === "host" });
  stage.draw(now.speakers, { own: ownPeer(), role: role() });
  showCrowd(now);
  view.showDesk(runs && now.phase !== "planned" ? now.hands ?? 0 : null);
  desk?.show(now);
}

/**
 * @param {any} error
 * @param {number} failures in a row
 */
function onTrouble(error, failures) {
  if (keptOut || moveOn(homeOf(error, invitation)) || over) return;
  if (error.code === "unknown-space") {
    if (room) finish(room);
    else view.showPhase("unknown");
  } else if (error.code === "unauthorized" && !(room && token)) {
    quit();
    view.showPhase("invite");
  } else if (error.code === "forbidden") {
    keepOut(error.reason === "blocked" ? "blocked" : "removed");
  } else if (!room) {
    view.showPhase("error");
  } else if (failures > 2) {
    view.notify(t("news.old"));
  }
}

/** @param {import("./api.js").Room} ended */
function finish(ended) {
  over = true;
  quit();
  standing.stop();
  following.listenAs(null);
  closeDesk();
  view.showOffer("");
  view.notify("");
  view.showPhase("ended");
  if (ended.recording) findReplay(ended);
}

/** @param {import("./api.js").Room} ended */
async function findReplay({ started = 0 }) {
  const { awaitReplay } = await import("./encore.js");
  awaitReplay(slug, started, invitation, (...found) => view.showReplay(...found));
}

/** What only a press asks for. */
const dialogs = () => import("./dialogs.js");

/** Comes with its words. */
function fetchDesk() {
  fetching ??= makeDesk().catch((error) => {
    fetching = null;
    throw error;
  });
  return fetching;
}

async function makeDesk() {
  const [{ Console }] = await Promise.all([import("./console.js"), learn("console", "plan")]);
  translate(document);
  desk = new Console(api, {
    viewer: () => ({ role: role(), peer: ownPeer() }),
    onDone: learnOf,
    onTrouble: (words) => view.notify(words),
    onEdited: readAbout,
  });
  if (room) desk.show(room);
  return desk;
}

/** @param {"toggle" | "open" | "change" | "cancel" | "end"} what */
const withDesk = (what) => async () => (await fetchDesk())[what]();

function closeDesk() {
  view.showDesk(null);
  desk?.close();
}

/** What does not change often, and is in no state.json. */
async function readAbout() {
  about = await api.describe().catch(() => about);
  if (about) view.showAbout(about);
}

const elsewhere = () => nextOf(room, invitation);

/**
 * @param {string | null} [to]
 * @returns {boolean} whether there is somewhere to go
 */
function moveOn(to = null) {
  const there = to ?? elsewhere();
  if (there) location.assign(there);
  return there !== null;
}

/** @param {import("./api.js").Room} news */
function obeyHost({ speakers }) {
  const muted = speakers.find(({ peer }) => peer === ownPeer())?.muted ?? false;
  const isNews = performance.now() - mutedAt > OWN_MUTE_MS;
  if (!muted || !isNews || onAir()?.muted !== false) return;
  onAir()?.mute(true);
  view.notify(t("news.muted"));
}

/* What the service says of us */

const standing = new Standing(api, following, { onMe, onTrouble: onMeTrouble });
/** @type {"" | "removed" | "blocked"} */ let keptOut = "";
let granted = false; // let on stage, and not there yet
let lostStage = ""; // why, until it is known whether we still belong there

/** @param {string | null} next token */
function become(next) {
  if (next === token) return;
  token = next;
  granted = false;
  begin();
}

/** Nothing begins anew: the same, for longer. @param {string} next */
function renew(next) {
  if (invitation === token) invitation = keepToken(slug, next);
  token = next;
}

function begin() {
  grant = readGrant(token ?? "");
  standing.begin(token && (grant?.role ?? "listener"));
  hearIfSpeaking();
}

/** The feed is for those with a voice; the service turns others away. */
function hearIfSpeaking() {
  following.listenAs(speaks(role()) ? token : null);
}

/**
 * @param {import("./me.js").Me} now
 * @param {import("./me.js").News | null} news
 */
function onMe(now, news) {
  if (now.token) renew(now.token);
  if (!speaks(now.role) && !standing.isBusy && (onAir() || lostStage)) toAudience();
  if (news === "granted" && !onAir()) granted = true;
  else if (news) view.notify(t(`news.${news}`));
  granted &&= speaks(now.role);
  if (lostStage && speaks(now.role)) view.notify(lostStage);
  lostStage = "";
  view.showOffer(granted ? "granted" : now.offered ? "invited" : "");
  hearIfSpeaking();
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
  quit();
  standing.stop();
  following.stop();
  view.showOffer("");
  closeDesk();
  view.showPhase(how);
}

/** From the stage, or from where the stage was lost; the sound goes on. */
function toAudience() {
  const left = session;
  enterAtLast();
  left?.close();
}

/**
 * @param {() => Promise<unknown>} command
 * @returns {Promise<boolean>} whether it was done
 */
async function act(command) {
  try {
    await standing.act(command);
    return true;
  } catch (error) {
    view.notify(explain(error));
    return false;
  } finally {
    following.now();
  }
}

/** @param {Partial<import("./api.js").Room>} told by the answer to a command */
function learnOf(told) {
  if (room && !over) onRoom({ ...room, ...told });
  askAnew();
}

function askAnew() {
  standing.now();
  following.now();
}

/* Who we are */

const role = () => standing.role;
const ownPeer = () => grant?.peer ?? null;
const mayEnter = () => speaks(role());

/** @returns {SpeakSession | null} */
const onAir = () => (session && "mute" in session ? session : null);

/** In line: whoever has a number has their place by it. */
const place = () => grant?.peer ?? ownPlace;

/** How far away our turn is; null when it has come. */
const turn = () => (room?.admit ? waitFor(cohortOf(place()), room.admit) : null);

/** @returns {import("./dock.js").Situation} */
function situation() {
  return {
    mode: session ? (onAir() ? "speak" : "listen") : inLine ? "line" : "idle",
    state: session?.state ?? null,
    muted: onAir()?.muted ?? false,
    blocked,
    hand: standing.me?.hand ?? 0,
    maySpeak: mayEnter() || (room?.open_stage ?? false),
    ready: room !== null && room.phase !== "planned",
  };
}

function refresh() {
  view.showSituation(situation());
  line.show(inLine ? turn() : null, room?.admit);
  standing.attend(session !== null);
  accompany(session !== null);
  showDetails();
}

/**
 * Captions and applause come with the sound.
 * @param {boolean} isInside
 */
async function accompany(isInside) {
  if (isInside) companion ??= import("./companion.js").then(({ Companion }) => new Companion(api));
  (await companion)?.follow(session !== null);
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
  if ("mute" in failed && failed.error?.code === "forbidden") {
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
  follow(new ListenSession({
    ticket: api.ticket,
    get token() {
      return token ?? undefined;
    },
    place: place(),
  }));
  session?.open().catch(() => {}); // told by its state
}

/** The room goes on playing until we are on stage. */
async function speak() {
  const { askName } = await dialogs();
  const wish = await askName({ known: grant?.name ?? null, remembered: rememberedName() });
  if (wish) await step(wish.original, wish.name);
}

/**
 * @param {boolean} original
 * @param {string} [name] for an open stage
 */
async function step(original, name = "") {
  try {
    const voice = await import("./whip.js");
    const microphone = await voice.openMicrophone(original);
    await enter(name, microphone);
    await goOnStage(voice.SpeakSession, microphone);
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

/**
 * @param {typeof SpeakSession} Voice
 * @param {MediaStream} microphone
 */
async function goOnStage(Voice, microphone) {
  const left = session;
  const next = new Voice({
    endpoint: api.whip,
    get token() {
      return token ?? "";
    },
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
  if (standing.me?.hand) {
    await act(() => api.raiseHand(false));
    return;
  }
  if (!token && !await introduce()) return;
  if (!session && !inLine) listen();
  await act(() => api.raiseHand(true));
}

/** @returns {Promise<boolean>} */
async function introduce() {
  const { askName } = await dialogs();
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
  if (standing.me && !granted) standing.me.role = "speaker";
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
  const voice = onAir();
  if (!voice) return;
  mutedAt = performance.now();
  const told = voice.mute(!voice.muted);
  refresh();
  await told;
  following.now();
}

/** Who is on stage is asked first: they may go on listening. */
async function leave() {
  if (!onAir()) return quit();
  const { askHowToLeave } = await dialogs();
  const how = await askHowToLeave(role() === "host");
  if (how === "down") await stepOff();
  if (how === "leave") quit();
  if (how === "end") await withDesk("end")();
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
  if (standing.me?.hand && !keptOut && !over) act(() => api.raiseHand(false));
  stepDown();
  refresh();
}

/** @param {number} peer */
async function manage(peer) {
  const speaker = room?.speakers.find((one) => one.peer === peer);
  if (speaker) (await fetchDesk()).manage(speaker);
}

/** A link brings no token, and a space by invitation wants one. */
async function calendar() {
  await act(async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await api.calendar());
    link.download = `${slug}.ics`;
    link.click();
  });
}

async function shareLink() {
  const { share } = await dialogs();
  const inviter = keepsOrder(role()) ? await fetchDesk() : null;
  share(location.origin + location.pathname, inviter?.inviter(about?.visibility === "invite") ?? null);
}

/* What moves */

async function showDetails() {
  const stats = await session?.stats() ?? null;
  view.showDetails(situation(), stats);
}

function light() {
  lights.show({ speakers: room?.speakers ?? [], session, voice: onAir(), own: ownPeer() });
}

/* Wiring */

speakTheirLanguage(() => {
  if (over || keptOut || !room) view.retell();
  else onRoom(room);
  refresh();
});
refresh();
begin();
const code = takeInvite();
if (code) accept(code);
setInterval(light, LIGHT_MS);
setInterval(showDetails, STATS_MS);
setInterval(() => {
  view.showElapsed();
  planned.tick();
  line.tick();
}, 1000);

const actions = {
  listen, speak, mute, hand, leave, share: shareLink,
  "offer-accept": acceptOffer, "offer-decline": declineOffer, calendar,
  "console-toggle": withDesk("toggle"), open: withDesk("open"), change: withDesk("change"),
  cancel: withDesk("cancel"),
  play: () => {
    setBlocked(false);
    session?.play();
  },
};
for (const [id, action] of Object.entries(actions)) {
  element(id).addEventListener("click", async () => {
    try {
      await action();
    } catch (error) {
      view.notify(t("news.lost")); // what a press needs may have to be fetched
      throw error;
    }
  });
}
addEventListener("pagehide", () => session?.close());

/** For reading, in the console and in tests: docs/join.md, "Diagnostics". */
Object.defineProperty(window, "spacescore", {
  value: Object.freeze({
    get session() { return session; },
    get room() { return room; },
    get grant() { return grant; },
    get me() { return standing.me; },
    stats: async () => session?.stats() ?? null,
  }),
});
