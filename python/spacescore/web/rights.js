// What the page offers to whom. The service's own table (policy.py) has the last word; offering
// what it would refuse is no good, so a test holds the two together.

/** @typedef {"listener" | "speaker" | "cohost" | "host"} Role */
/**
 * @typedef {"mute" | "unmute" | "cohost" | "uncohost" | "handOver" | "down" | "remove" | "block"}
 *   Wish what may be done about somebody on stage
 */

/** @type {Record<"host" | "cohost", Record<Wish, Role[]>>} to whom, by who asks */
const MAY = {
  host: {
    mute: ["speaker", "cohost"],
    unmute: ["speaker", "cohost"],
    cohost: ["speaker"],
    uncohost: ["cohost"],
    handOver: ["speaker", "cohost"],
    down: ["speaker", "cohost"],
    remove: ["listener", "speaker", "cohost"],
    block: ["listener", "speaker", "cohost"],
  },
  cohost: {
    mute: ["speaker"],
    unmute: ["speaker"],
    cohost: [],
    uncohost: [],
    handOver: [],
    down: ["speaker"],
    remove: ["listener", "speaker"],
    block: ["listener", "speaker"],
  },
};

/** @param {Role | null} role */
export const keepsOrder = (role) => role === "host" || role === "cohost";

/** @param {Role | null} role */
export const speaks = (role) => role !== null && role !== "listener";

/**
 * @param {Role | null} viewer
 * @param {{ role: Role, muted: boolean }} target
 * @returns {Wish[]} in the order in which they are shown
 */
export function wishesFor(viewer, { role, muted }) {
  if (viewer !== "host" && viewer !== "cohost") return [];
  const found = /** @type {[Wish, Role[]][]} */ (Object.entries(MAY[viewer]));
  return found.filter(([wish, roles]) => roles.includes(role) && wish !== (muted ? "mute" : "unmute"))
    .map(([wish]) => wish);
}
