// A session that outlives its connections. It dials, watches whether packets come, and dials
// again when they do not: the old link is kept until a new one stands, and wins if it recovers.

import { JoinError } from "./errors.js";
import { Meter } from "./meter.js";
import { backoff } from "./watchdog.js";

/**
 * connecting: the first link is being made · playing: packets come · stalled: none for 2 s ·
 * reconnecting: another link is being made · failed: trying again cannot help, see `error` ·
 * closed: by us.
 * @typedef {"connecting" | "playing" | "stalled" | "reconnecting" | "failed" | "closed"} State
 */

/**
 * Makes a link whose answer is set, or throws: a JoinError that is not fatal is tried again.
 * @typedef {(signal: AbortSignal) => Promise<import("./link.js").Link>} Dial
 */

const LOOK_MS = 250;
const DIAL_MS = 8000; // HTTP, ICE and DTLS take 0.5 s; 8 s leaves room for a bad mobile network
const RECOVERED_MS = 500; // packets that were on their way when we dialled prove nothing

/** Events: "state" after each change of `state`, "blocked" when the browser wants a tap first. */
export class Session extends EventTarget {
  /** @type {State} */ #state = "connecting";
  /** @type {JoinError | null} */ #error = null;
  /** @type {import("./link.js").Link | null} */ #link = null;
  /** @type {Meter | null} */ #meter = null;
  /** @type {AbortController | null} */ #dialling = null;
  #dialledAt = 0;
  #redials = -1; // the first dial is none
  #hurry = () => {};
  #end = new AbortController();
  #dial;

  /**
   * @param {Dial} dial
   * @param {HTMLAudioElement} [element] plays the audio; one is made where none is given
   */
  constructor(dial, element = new Audio()) {
    super();
    this.#dial = dial;
    this.element = element;
  }

  /** @returns {State} */
  get state() {
    return this.#state;
  }

  /** Why the session failed; null otherwise. */
  get error() {
    return this.#error;
  }

  /** How often the connection had to be made anew. */
  get redials() {
    return Math.max(0, this.#redials);
  }

  /** The link that plays now, or null: for diagnostics. */
  get link() {
    return this.#link;
  }

  /**
   * Starts, and resolves once connected. Until then it keeps trying: see `state`.
   * @returns {Promise<this>}
   * @throws {JoinError} when trying again cannot help, or when closed meanwhile
   */
  async open() {
    const { signal } = this.#end;
    const timer = setInterval(() => this.#look(), LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    addEventListener("online", () => this.#redial(0), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    // Else the server would take 30 s to notice that nobody is there.
    addEventListener("pagehide", () => this.close(), { signal });
    await this.#redial(0);
    if (!this.#link) throw this.#error ?? new JoinError("closed", "The session was closed.");
    return this;
  }

  /** Starts playback. After a "blocked" event, call it from a tap. */
  async play() {
    this.element.srcObject = this.#link?.stream ?? null;
    try {
      await this.element.play();
    } catch (error) {
      // A newer srcObject interrupts an older play(): that is no refusal.
      if (/** @type {Error} */ (error).name === "NotAllowedError") this.#emit("blocked");
    }
  }

  /**
   * Peer ids of those heard in the mix right now.
   * @returns {number[]} sorted
   */
  speakers() {
    return this.#state === "playing" ? this.#link?.speakers() ?? [] : [];
  }

  /** @returns {number} how loud the mix is now: 0 (-60 dBFS or less) .. 1 (full scale) */
  level() {
    if (!this.#link) return 0;
    this.#meter ??= new Meter(this.#link.stream);
    return this.#meter.level();
  }

  /** @returns {Promise<import("./link.js").Stats | null>} null while there is no link */
  async stats() {
    return this.#link?.stats() ?? null;
  }

  /** Leaves. Idempotent. */
  close() {
    if (!this.#end.signal.aborted) this.#finish("closed");
  }

  /** @param {"closed" | "failed"} state */
  #finish(state) {
    this.#end.abort();
    this.#dialling?.abort();
    this.#replace(null);
    this.element.srcObject = null;
    this.#become(state);
  }

  /** @param {import("./link.js").Link | null} link */
  #replace(link) {
    this.#meter?.close();
    this.#link?.close();
    this.#meter = null;
    this.#link = link;
  }

  /** @param {string} type */
  #emit(type) {
    this.dispatchEvent(new Event(type));
  }

  /** @param {State} state */
  #become(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#emit("state");
  }

  #look() {
    const link = this.#link;
    if (!link || this.#end.signal.aborted) return;
    if (link.heard()) {
      const isNews = performance.now() - this.#dialledAt > RECOVERED_MS;
      if (isNews) this.#dialling?.abort();
      if (isNews || !this.#dialling) this.#become("playing");
    } else if (!this.#dialling && link.isDead()) {
      this.#become("stalled");
      this.#redial(backoff(0));
    }
  }

  /**
   * Dials until a link stands, the old one recovers, or the session ends.
   * @param {number} wait ms before the first attempt
   */
  async #redial(wait) {
    if (wait === 0) this.#hurry();
    if (this.#dialling) return;
    const { signal } = (this.#dialling = new AbortController());
    this.#dialledAt = performance.now();
    try {
      this.#replace(await this.#persist(wait, signal));
      this.#redials += 1;
      this.play();
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      this.#dialling = null;
    }
  }

  /** @param {any} error */
  #fail(error) {
    this.#error = error instanceof JoinError
      ? error
      : new JoinError("unsupported", `This browser cannot join: ${error.message}`, { cause: error });
    this.#finish("failed");
  }

  /**
   * @param {number} wait ms before the first attempt
   * @param {AbortSignal} signal
   * @returns {Promise<import("./link.js").Link>}
   */
  async #persist(wait, signal) {
    for (let attempt = 1; ; attempt++) {
      await this.#pause(wait, signal);
      if (this.#link) this.#become("reconnecting");
      try {
        return await this.#dialOnce(signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!isTransient(error)) throw error;
        wait = backoff(attempt) + 1000 * (/** @type {any} */ (error).retryAfter ?? 0);
      }
    }
  }

  /**
   * @param {AbortSignal} outer
   * @returns {Promise<import("./link.js").Link>}
   */
  async #dialOnce(outer) {
    const signal = AbortSignal.any([outer, AbortSignal.timeout(DIAL_MS)]);
    const link = await this.#dial(signal);
    try {
      await link.connected(signal);
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  /**
   * @param {number} ms
   * @param {AbortSignal} signal
   * @returns {Promise<void>} at once when the network is back
   */
  #pause(ms, signal) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      this.#hurry = () => resolve(clearTimeout(timer));
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}

/** @param {any} error */
function isTransient(error) {
  return error.name === "TimeoutError" || (error instanceof JoinError && !error.fatal);
}
