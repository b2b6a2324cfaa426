// What the controls offer and say, as a function of what is going on. Pure.

/**
 * idle: not joined · line: waiting for one's turn · listen · speak
 * @typedef {"idle" | "line" | "listen" | "speak"} Mode
 *
 * @typedef {object} Situation
 * @property {Mode} mode
 * @property {import("./session.js").State | null} state of the session
 * @property {boolean} muted by ourselves or the host
 * @property {boolean} blocked the browser wants a tap before it plays
 * @property {boolean} maySpeak
 * @property {Wait} [wait] in line
 * @property {boolean} ready the room's state is known
 *
 * @typedef {"calm" | "busy" | "good" | "bad"} Tone
 * @typedef {"listen" | "play" | "mute" | "speak" | "leave" | "invitation"} Control
 */

/**
 * @typedef {{ before: number, seconds: number | null }} Wait
 *   before: the share of the crowd; seconds: null while the door is closed
 */

/** @type {Record<string, [Tone, string]>} by state */
const STATUS = {
  connecting: ["busy", "Connecting…"],
  stalled: ["busy", "The sound has stopped. Waiting…"],
  reconnecting: ["busy", "Reconnecting…"],
  failed: ["bad", "Disconnected"],
};

/**
 * @param {Situation} situation
 * @returns {[Tone, string]}
 */
export function statusOf({ mode, state, muted, blocked, ready }) {
  if (!ready) return ["busy", "Opening…"];
  if (mode === "idle") return ["calm", "Not joined"];
  if (mode === "line") return ["busy", "You are in line"];
  if (blocked) return ["busy", "Your browser waits for a tap"];
  if (state !== "playing") return STATUS[state ?? ""] ?? ["calm", "Not joined"];
  if (mode === "listen") return ["good", "Listening"];
  return muted ? ["calm", "You are muted"] : ["good", "You are on air"];
}

/**
 * @param {Situation} situation
 * @returns {Control[]} always two, so that nothing jumps
 */
export function controlsOf({ mode, blocked, maySpeak, ready }) {
  if (mode === "speak") return ["mute", "leave"];
  const speak = maySpeak || !ready ? "speak" : "invitation";
  if (mode === "idle") return ["listen", speak];
  if (mode === "line") return [speak, "leave"];
  return blocked ? ["play", "leave"] : [speak, "leave"];
}

/**
 * How long one's turn is away: of a cohort, a cursor, and its pace.
 * @param {number} cohort
 * @param {{ cohorts: number, rate: number }} admit
 * @returns {Wait | null} null: it has come
 */
export function waitFor(cohort, { cohorts, rate }) {
  if (cohort < cohorts) return null;
  const before = cohort - cohorts + 1;
  return { before: before / 1000, seconds: rate > 0 ? Math.ceil(before / rate) : null };
}

/** @param {Wait} wait */
function waitOf({ before, seconds }) {
  if (seconds === null) return "The doors are not open yet. You will hear the room when they are.";
  const minutes = Math.round(seconds / 60);
  const time = seconds < 90 ? `${seconds} s` : `${minutes} min`;
  return `About ${time} · ${Math.ceil(100 * before)} % of the crowd go before you`;
}

/**
 * A second line: how good the connection is, for those who want to know.
 * @param {Situation} situation
 * @param {import("./link.js").Stats | null} stats
 */
export function detailsOf({ mode, state, wait, ready }, stats) {
  if (mode === "line" && wait) return waitOf(wait);
  if (mode === "idle") return ready ? "Press Listen to hear the room" : "";
  if (state !== "playing" || !stats?.packets) return "";
  const loss = (100 * stats.lost) / (stats.packets + stats.lost);
  return `Buffer ${Math.round(1000 * stats.delay)} ms · loss ${loss.toFixed(1)} %`;
}
