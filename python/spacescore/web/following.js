// Keeps up with a space. Whoever has a voice in it hears of it by the feed; the others, and they
// as well while the feed is not there, ask for state.json, as often as the service says.

import { poll } from "./poll.js";

/** @typedef {import("./api.js").Room} Room */

const PACE_SECONDS = 2.5; // of a service that does not say
const [FASTEST, SLOWEST] = [1, 300];
const SPEECH = 30; // dB below full scale: how loud people are who talk, where nobody says

/**
 * @typedef {object} Follower
 * @property {(room: Room) => void} onRoom
 * @property {(error: any, failures: number) => void} onTrouble while nothing is heard
 * @property {(error: import("./errors.js").JoinError) => void} onFeedLost
 */

export class Following {
  #api;
  #follower;
  /** @type {ReturnType<typeof poll> | null} */ #polling = null;
  /** @type {{ stop: () => void } | null} */ #feed = null;
  /** @type {string | null} */ #token = null;
  #pace = PACE_SECONDS;
  /** @type {number | null} */ #ahead = null; // the server's clock, seconds
  #isHeard = false;

  /**
   * @param {import("./api.js").SpaceApi} api
   * @param {Follower} follower
   */
  constructor(api, follower) {
    this.#api = api;
    this.#follower = follower;
    this.#ask();
  }

  /** Milliseconds between two questions of a crowd. */
  get pace() {
    return 1000 * this.#pace;
  }

  /** Whether the feed tells, so that nothing needs to be asked again and again. */
  get isTold() {
    return this.#isHeard;
  }

  /** @param {string | null} token of somebody with a voice; null: there is none */
  async listenAs(token) {
    if (token === this.#token) return;
    this.#token = token;
    this.#feed?.stop();
    this.#feed = null;
    this.#isHeard = false;
    this.#ask();
    if (token === null) return;
    const feed = await import("./feed.js").catch(() => null); // one may ask all the same
    if (!feed || token !== this.#token) return;
    this.#feed = feed.hear(this.#api.feed, token, {
      onRoom: (room) => this.#hear(room),
      onLost: (error) => this.#lose(error),
    });
  }

  /** Asks at once what the feed does not tell. */
  now() {
    this.#polling?.now();
  }

  stop() {
    this.#token = null;
    this.#feed?.stop();
    this.#polling?.stop();
    this.#feed = this.#polling = null;
    this.#isHeard = false;
  }

  #ask() {
    const { onTrouble } = this.#follower;
    this.#polling ??= poll((signal) => this.#api.state(signal), (room) => this.#take(room),
      onTrouble, () => this.pace);
  }

  /** @param {Room} room */
  #take(room) {
    this.#ahead = room.time - Date.now() / 1000;
    this.#pace = Math.min(SLOWEST, Math.max(FASTEST, room.pace ?? PACE_SECONDS));
    this.#follower.onRoom(room);
    this.#settle();
  }

  /** @param {Omit<Room, "time">} told leaves out what would never be still */
  #hear(told) {
    this.#isHeard = true;
    this.#settle();
    const speakers = told.speakers.map((one) => ({ ...one, level: SPEECH }));
    const time = Date.now() / 1000 + (this.#ahead ?? 0);
    this.#follower.onRoom({ ...told, speakers, time });
  }

  /** One state.json is wanted in any case: it has the server's clock. */
  #settle() {
    if (!this.#isHeard || this.#ahead === null) return;
    this.#polling?.stop();
    this.#polling = null;
  }

  /** @param {import("./errors.js").JoinError} error */
  #lose(error) {
    this.#isHeard = false;
    this.#ask();
    this.#follower.onFeedLost(error);
  }
}
