// Hears of a space by its WebSocket, which tells hosts and speakers the whole of it whenever
// something has changed (docs/rooms.md, "The feed"). The token is the first message, so that no
// URL has it. A line that breaks, or falls silent, is made anew with growing, jittered pauses.

import { errorOfStatus } from "./errors.js";
import { backoff } from "./watchdog.js";

const SILENT_MS = 40_000; // the service says something every 15 s: two of them are missed
const LASTING_MS = 10_000; // what broke sooner was no good line, and counts as a failure
const REFUSED_MS = 30_000; // a refusal may be lifted, but not soon
const PRIVATE_CODES = 4000; // plus the status that HTTP would have answered with
const UNKNOWN_SPACE = 404;

/**
 * @typedef {object} Ear
 * @property {(room: Omit<import("./api.js").Room, "time">) => void} onRoom
 * @property {(error: import("./errors.js").JoinError) => void} onLost the line is gone, or was
 *   refused; it is tried again all the same
 */

/**
 * @param {URL} url of the feed
 * @param {string} token
 * @param {Ear} ear
 * @returns {{ stop: () => void }}
 */
export function hear(url, token, { onRoom, onLost }) {
  /** @type {WebSocket} */ let socket;
  let timer = 0;
  let failures = 0;
  let since = 0;

  function dial() {
    const dialled = (socket = new WebSocket(url));
    since = performance.now();
    dialled.onopen = () => dialled.send(JSON.stringify({ token }));
    dialled.onmessage = ({ data }) => dialled === socket && take(JSON.parse(data));
    dialled.onclose = ({ code }) => dialled === socket && lose(code - PRIVATE_CODES);
    expect();
  }

  function expect() {
    clearTimeout(timer);
    timer = setTimeout(() => lose(), SILENT_MS);
  }

  /** @param {{ type: string, room: Omit<import("./api.js").Room, "time"> }} message */
  function take({ type, room }) {
    expect();
    if (type === "room") onRoom(room);
    if (type === "ended") lose(UNKNOWN_SPACE);
  }

  /** @param {number} [status] from 400 on it is a refusal, else an accident */
  function lose(status = 0) {
    stop();
    failures = performance.now() - since > LASTING_MS ? 0 : failures + 1;
    const refused = REFUSED_MS * (0.5 + Math.random() / 2);
    timer = setTimeout(dial, status >= 400 ? refused : backoff(failures));
    onLost(errorOfStatus(status));
  }

  function stop() {
    const left = socket;
    clearTimeout(timer);
    left.onclose = left.onmessage = null;
    left.close();
  }

  dial();
  return { stop };
}
