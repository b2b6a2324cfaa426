// What remains of a space that has ended: its recording, to be heard again.

import { request } from "./errors.js";
import { bearer } from "./exchange.js";
import { poll } from "./poll.js";
import { ROOT } from "./visit.js";

const SLACK_SECONDS = 60; // a recording begins with the first word
const [FIRST_MS, SELDOM_MS] = [15_000, 300_000]; // a whole audience asks, and nobody may ever publish

/**
 * Waits for the recording: its host's is there at once, everybody's once it is public.
 * @param {string} slug
 * @param {number} started Unix seconds
 * @param {string | null} token
 * @param {(link: string, isPublic: boolean) => void} onFound
 */
export function awaitReplay(slug, started, token, onFound) {
  let asked = 0;
  const looking = poll(async (signal) => {
    const headers = bearer(token ?? undefined);
    return (await request(new URL("api/recordings", ROOT), { signal, headers, cache: "no-cache" })).json();
  }, ({ recordings }) => {
    const found = recordings.find((/** @type {{ space: string, began: number }} */ one) =>
      one.space === slug && one.began >= started - SLACK_SECONDS);
    if (!found) return;
    looking.stop();
    onFound(token ? `${found.link}#token=${token}` : found.link, found.published);
  }, () => {}, () => Math.min(SELDOM_MS, FIRST_MS * 2 ** asked++));
}
