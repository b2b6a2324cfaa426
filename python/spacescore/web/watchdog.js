// When to believe that audio has stopped, and how long to wait before trying again. Pure: the
// time is an argument.

/** A room that is silent still sends a packet every 400 ms; five missed ones are no accident. */
export const STALL_MS = 2000;

const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000; // a longer wait would outlast most outages

/**
 * Judges by evidence only: the mark that the latest packet left. A timer that was throttled or
 * asleep cannot mislead it, for a mark that moved means packets came.
 */
export class Watchdog {
  /** @type {number | undefined} */ #mark;
  #heardAt;

  /** @param {number} now ms */
  constructor(now) {
    this.#heardAt = now;
  }

  /** When the mark last moved, ms. */
  get heardAt() {
    return this.#heardAt;
  }

  /** Has any packet been heard at all? */
  get heardAny() {
    return this.#mark !== undefined;
  }

  /**
   * @param {number | undefined} mark of the latest packet; undefined when there is none
   * @param {number} now ms
   * @returns {boolean} whether something was heard since the last look
   */
  look(mark, now) {
    if (mark === undefined || mark === this.#mark) return false;
    this.#mark = mark;
    this.#heardAt = now;
    return true;
  }

  /** @param {number} now ms */
  isStalled(now) {
    return now - this.#heardAt >= STALL_MS;
  }
}

/**
 * Full jitter, doubling: when a node dies, its listeners must not come back as one wave.
 * @param {number} attempt 0, 1, 2 …
 * @param {number} [random] in [0, 1)
 * @returns {number} ms
 */
export function backoff(attempt, random = Math.random()) {
  return random * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** attempt);
}
