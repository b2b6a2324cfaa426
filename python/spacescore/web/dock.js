// What the controls offer and say, as a function of what is going on. Pure.

/**
 * idle: not joined · listen · speak
 * @typedef {"idle" | "listen" | "speak"} Mode
 *
 * @typedef {object} Situation
 * @property {Mode} mode
 * @property {import("./session.js").State | null} state of the session
 * @property {boolean} muted by ourselves or the host
 * @property {boolean} blocked the browser wants a tap before it plays
 * @property {boolean} maySpeak
 * @property {boolean} ready the room's state is known
 *
 * @typedef {"calm" | "busy" | "good" | "bad"} Tone
 * @typedef {"listen" | "play" | "mute" | "speak" | "leave" | "invitation"} Control
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
  return blocked ? ["play", "leave"] : [speak, "leave"];
}

/**
 * A second line: how good the connection is, for those who want to know.
 * @param {Situation} situation
 * @param {import("./link.js").Stats | null} stats
 */
export function detailsOf({ mode, state, ready }, stats) {
  if (mode === "idle") return ready ? "Press Listen to hear the room" : "";
  if (state !== "playing" || !stats?.packets) return "";
  const loss = (100 * stats.lost) / (stats.packets + stats.lost);
  return `Buffer ${Math.round(1000 * stats.delay)} ms · loss ${loss.toFixed(1)} %`;
}
