// What the service says of whoever is here with a token. It is asked while something may happen
// to them: while they have a voice, listen, or have something to answer. Whoever waits before the
// door asks for nothing: state.json calls them when there is something to hear.

import { newsOf, traceOf } from "./me.js";
import { poll } from "./poll.js";
import { speaks } from "./rights.js";

/**
 * @typedef {import("./me.js").Me} Me
 * @typedef {import("./rights.js").Role} Role
 */

const ALERT_MS = 1500; // while something may happen to us
const CALM_PACES = 3; // of the crowd's, while we only listen
const TOLD_MS = 30_000; // while the feed shows when to ask

/**
 * @typedef {object} Bearer
 * @property {(me: Me, news: import("./me.js").News | null) => void} onMe
 * @property {(error: any) => void} onTrouble
 */

export class Standing {
  /** @type {Me | null} */ me = null;
  #api;
  #following;
  #bearer;
  /** @type {Role | null} */ #given = null; // by the token; null: there is none
  /** @type {Me | null} */ #before = null; // null: what comes next is no news
  /** @type {ReturnType<typeof poll> | null} */ #asking = null;
  #pending = 0; // commands of our own: what follows from them is no news
  #isOwed = false; // an answer to such a command
  #isCalled = false;
  #listens = false;
  #trace = "";

  /**
   * @param {import("./api.js").SpaceApi} api
   * @param {{ isTold: boolean, pace: number }} following
   * @param {Bearer} bearer
   */
  constructor(api, following, bearer) {
    this.#api = api;
    this.#following = following;
    this.#bearer = bearer;
  }

  /** @returns {Role | null} what was decided in the space goes before what the token says */
  get role() {
    return this.me?.role ?? this.#given;
  }

  /** Whether a command of our own is under way. */
  get isBusy() {
    return this.#pending > 0;
  }

  /** Begins anew, with another token. @param {Role | null} role that it gives; null: it is none */
  begin(role) {
    this.#asking?.stop();
    this.#asking = this.me = this.#before = null;
    this.#isCalled = this.#isOwed = false;
    this.#given = role;
    this.#settle();
  }

  stop() {
    this.begin(null);
  }

  now() {
    this.#asking?.now();
  }

  /**
   * @param {import("./api.js").Room} room as it is by now
   * @param {number | null} peer ours
   */
  see(room, peer) {
    const { isTold } = this.#following;
    const isCalled = room.called?.includes(peer ?? 0) ?? this.#isCalled;
    const trace = isTold ? traceOf(room, peer) : this.#trace;
    const isNews = (isCalled && !this.#isCalled) || trace !== this.#trace;
    this.#isCalled = isCalled;
    this.#trace = trace;
    this.#settle();
    if (isNews) this.now();
  }

  /** @param {boolean} isInside in the room: one listens, or speaks */
  attend(isInside) {
    this.#listens = isInside;
    this.#settle();
  }

  /**
   * Something that we do ourselves: what follows from it is no news.
   * @template T
   * @param {() => Promise<T>} command
   * @returns {Promise<T>}
   */
  async act(command) {
    this.#pending += 1;
    try {
      return await command();
    } finally {
      this.#pending -= 1;
      this.#before = null;
      this.#isOwed = true;
      this.#settle();
      this.now();
    }
  }

  /** Something may be done to us, or is asked of us. */
  get #isAlert() {
    return speaks(this.role) || this.#isOwed || this.#isCalled || Boolean(this.me?.hand || this.me?.offered);
  }

  #settle() {
    if (this.#given && (this.#listens || this.#isAlert)) {
      this.#asking ??= poll((signal) => this.#api.me(signal), (me) => this.#take(me),
        this.#bearer.onTrouble, () => this.#period());
    } else {
      this.#asking?.stop();
      this.#asking = null;
    }
  }

  #period() {
    const { isTold, pace } = this.#following;
    return isTold ? TOLD_MS : this.#isAlert ? ALERT_MS : CALM_PACES * pace;
  }

  /** @param {Me} me */
  #take(me) {
    const news = this.#pending ? null : newsOf(this.#before, me);
    this.me = this.#before = me;
    this.#isOwed = this.#pending > 0;
    this.#bearer.onMe(me, news);
  }
}
