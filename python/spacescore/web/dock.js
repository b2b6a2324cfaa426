// What the controls offer and say, as a function of what is going on. Pure.

import { t } from "./language.js";
import { tenths } from "./words.js";

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
 * @property {number} [hand] our place among the raised hands; 0: it is not up
 * @property {boolean} ready the room's state is known
 *
 * @typedef {"calm" | "busy" | "good" | "bad"} Tone
 * @typedef {"listen" | "play" | "mute" | "speak" | "hand" | "leave" | "invitation"} Control
 */

/** @type {Record<string, [Tone, import("./language.js").Key]>} by state */
const STATUS = {
  connecting: ["busy", "status.connecting"],
  stalled: ["busy", "status.stalled"],
  reconnecting: ["busy", "status.reconnecting"],
  failed: ["bad", "status.failed"],
};

/**
 * @param {Situation} situation
 * @returns {[Tone, string]}
 */
export function statusOf(situation) {
  const [tone, key] = toneOf(situation);
  return [tone, t(key)];
}

/**
 * @param {Situation} situation
 * @returns {[Tone, import("./language.js").Key]}
 */
function toneOf({ mode, state, muted, blocked, ready }) {
  if (!ready) return ["busy", "status.opening"];
  if (mode === "idle") return ["calm", "status.idle"];
  if (mode === "line") return ["busy", "status.line"];
  if (blocked) return ["busy", "status.tap"];
  if (state !== "playing") return STATUS[state ?? ""] ?? ["calm", "status.idle"];
  if (mode === "listen") return ["good", "status.listening"];
  return muted ? ["calm", "status.muted"] : ["good", "status.air"];
}

/**
 * @param {Situation} situation
 * @returns {Control[]} always two, so that nothing jumps
 */
export function controlsOf({ mode, blocked, maySpeak, ready }) {
  if (mode === "speak") return ["mute", "leave"];
  const speak = maySpeak || !ready ? "speak" : "hand";
  if (mode === "idle") return ["listen", speak];
  if (mode === "line") return [maySpeak ? "speak" : "invitation", "leave"];
  return blocked ? ["play", "leave"] : [speak, "leave"];
}

/**
 * A second line: one's hand, or how good the connection is, for those who want to know.
 * @param {Situation} situation
 * @param {import("./link.js").Stats | null} stats
 */
export function detailsOf({ mode, state, hand = 0, ready }, stats) {
  if (mode === "line") return t("details.line");
  if (mode === "listen" && hand > 1) return t("details.hand.before", { count: hand - 1 });
  if (mode === "listen" && hand) return t("details.hand");
  if (mode === "idle") return ready ? t("details.idle") : "";
  if (state !== "playing" || !stats?.packets) return "";
  const loss = (100 * stats.lost) / (stats.packets + stats.lost);
  return t("details.link", { delay: Math.round(1000 * stats.delay), loss: tenths(loss) });
}
