// The room service, as far as the page needs it.

import { request } from "./errors.js";
import { bearer } from "./exchange.js";

/**
 * @typedef {object} Speaker
 * @property {number} peer
 * @property {string} name
 * @property {"speaker" | "cohost" | "host"} role
 * @property {boolean} muted
 * @property {boolean} audible in the mix right now
 * @property {number} level RFC 6464: 0 (loudest) .. 127 (silence)
 *
 * @typedef {object} Room what state.json says
 * @property {string} space
 * @property {string} title
 * @property {"planned" | "open"} [phase]
 * @property {boolean} live
 * @property {number} listeners
 * @property {Speaker[]} speakers
 * @property {number} [hands] how many want to speak
 * @property {boolean} open_stage anybody may speak
 * @property {boolean} recording
 * @property {{ ends: number, to: string | null } | null} [moving] the server goes away: when, and
 *   who takes over
 * @property {{ mode: string, cohorts: number, rate: number }} [admit] who may enter, and how many
 *   more a second
 * @property {{ title: string, url: string }[]} [pins] links for everybody
 * @property {number} time Unix seconds, the server's clock
 * @property {number} [started] Unix seconds
 * @property {number} [starts] Unix seconds, while it is planned
 * @property {boolean} [auto_open] by itself then
 * @property {number} [pace] seconds until one may ask again
 * @property {{ peer: number, name: string }[]} [sample] of the listeners
 * @property {number[]} [called] who has something to answer
 * @property {import("./console.js").Person[]} [queue] the first raised hands; this and what
 *   follows only by the feed, for those who keep order
 * @property {import("./console.js").Person[]} [offers] invited to speak, not answered yet
 * @property {import("./console.js").Person[]} [seats] on stage, connected or not
 */

/** One space of the service. */
export class SpaceApi {
  #root;
  #api;
  #slug;
  #token;
  #isByInvitation = false; // as far as an answer has shown

  /**
   * @param {URL} root of the service
   * @param {string} slug
   * @param {() => string | null} [token] whose: a space by invitation shows itself to no other
   */
  constructor(root, slug, token = () => null) {
    this.#root = root;
    this.#token = token;
    this.#slug = encodeURIComponent(slug);
    this.#api = new URL(`api/spaces/${this.#slug}`, root);
  }

  get ticket() {
    return this.#at("/ticket");
  }

  /** Relays: a ticket names them. @returns {Promise<RTCIceServer[]>} */
  async iceServers() {
    return (await (await this.#get("/ticket")).json()).ice_servers ?? [];
  }

  get whip() {
    return new URL(`whip/${this.#slug}`, this.#root);
  }

  /** The address of the feed. */
  get feed() {
    const url = new URL(`live/${this.#slug}`, this.#root);
    url.protocol = url.protocol.replace("http", "ws");
    return url;
  }

  /** @param {number} peer */
  muteOf(peer) {
    return this.#at(`/speakers/${peer}/mute`);
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<Room>}
   */
  async state(signal) {
    const answer = await this.#look("/state.json", signal);
    const room = await answer.json();
    // A room that has not changed since is shown as it was (304), with a newer Date alone.
    const sent = Date.parse(answer.headers.get("Date") ?? "") / 1000;
    return { ...room, time: sent || room.time };
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<import("./companion.js").Live>}
   */
  async live(signal) {
    return (await this.#look("/live.json", signal)).json();
  }

  /** @param {string} reaction */
  async react(reaction) {
    await this.#send("POST", "/reactions", { reaction });
  }

  /**
   * What the space says of itself.
   * @returns {Promise<import("./announcement.js").Announcement>}
   */
  async describe() {
    return (await this.#look("")).json();
  }

  /** Its calendar file: a link alone would bring no token. */
  async calendar() {
    return (await this.#get("/calendar.ics")).blob();
  }

  /** Opens the doors of a planned space. */
  async open() {
    await this.#send("POST", "/open");
  }

  // For oneself.

  /**
   * Asks for a place on an open stage.
   * @param {string} name
   * @returns {Promise<{ token: string, peer: number }>}
   */
  async enterStage(name) {
    return (await this.#send("POST", "/stage", { name })).json();
  }

  /**
   * Takes part by name.
   * @param {string} name
   * @returns {Promise<string>} a token
   */
  async introduce(name) {
    return (await (await this.#send("POST", "/people", { name })).json()).token;
  }

  /**
   * Takes the code of an invite link for a token.
   * @param {string} code
   * @param {string} name for a link that names nobody
   * @returns {Promise<string>}
   */
  async useLink(code, name) {
    return (await (await this.#send("POST", "/links/use", { code, name })).json()).token;
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<import("./me.js").Me>}
   */
  async me(signal) {
    return (await this.#get("/me", signal)).json();
  }

  /** @param {boolean} up */
  async raiseHand(up) {
    await this.#send(up ? "PUT" : "DELETE", "/hand");
  }

  /** @param {boolean} accept an invitation to speak */
  async answer(accept) {
    await this.#send("POST", "/offer", { accept });
  }

  // For hosts and co-hosts.

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<import("./console.js").People>}
   */
  async people(signal) {
    return (await this.#get("/people", signal)).json();
  }

  /** @param {number} peer to speak: whose hand is up is on stage at once */
  async offer(peer) {
    await this.#send("POST", `/people/${peer}/offer`);
  }

  /** @param {number} peer whose hand is lowered */
  async dismiss(peer) {
    await this.#send("DELETE", `/hands/${peer}`);
  }

  /**
   * @param {number} peer
   * @param {import("./rights.js").Role} role
   */
  async giveRole(peer, role) {
    await this.#send("PUT", `/people/${peer}/role`, { role });
  }

  /** @param {number} peer */
  async handOver(peer) {
    await this.#send("PUT", "/host", { peer });
  }

  /**
   * @param {number} peer
   * @param {boolean} muted
   */
  async mute(peer, muted) {
    await this.#send("POST", `/speakers/${peer}/mute`, { muted });
  }

  async muteAll() {
    await this.#send("POST", "/mute");
  }

  /** @param {number} peer */
  async remove(peer) {
    await this.#send("DELETE", `/speakers/${peer}`);
  }

  /** @param {number} peer */
  async block(peer) {
    await this.#send("POST", `/people/${peer}/block`, {});
  }

  /** @param {string} identity */
  async unblock(identity) {
    await this.#send("DELETE", `/blocked/${encodeURIComponent(identity)}`);
  }

  /**
   * @param {string} mode
   * @param {number} seconds of "paced"
   * @returns {Promise<Room["admit"]>}
   */
  async keepDoor(mode, seconds) {
    const wish = mode === "paced" ? { mode, seconds } : { mode };
    return (await this.#send("PUT", "/admission", wish)).json();
  }

  /**
   * @param {{ title: string, url: string }[]} pins that everybody is shown, and no others
   * @returns {Promise<Room["pins"]>}
   */
  async pin(pins) {
    return (await (await this.#send("PUT", "/pins", { pins })).json()).pins;
  }

  /**
   * @param {string} name
   * @param {string} role
   * @returns {Promise<string>} a personal link
   */
  async invite(name, role) {
    return (await (await this.#send("POST", "/tokens", { role, name })).json()).link;
  }

  /**
   * @param {{ role: string, uses: number, ttl?: number }} wish uses: how many may come by it;
   *   ttl: for how many seconds
   * @returns {Promise<string>} an invite link
   */
  async makeLink(wish) {
    return (await (await this.#send("POST", "/links", wish)).json()).link;
  }

  /** @param {string} id of an invite link */
  async revoke(id) {
    await this.#send("DELETE", `/links/${id}`);
  }

  /** @param {import("./announcement.js").Announcement} announcement */
  async edit(announcement) {
    await this.#send("PATCH", "", announcement);
  }

  async end() {
    await this.#send("DELETE", "");
  }

  /**
   * What everybody is told alike: asked for by nobody in particular, so that a shared cache may
   * answer, unless the space is by invitation.
   * @param {string} path
   * @param {AbortSignal} [signal]
   */
  async #look(path, signal) {
    if (!this.#isByInvitation) {
      try {
        return await this.#ask(path, null, signal);
      } catch (error) {
        if (/** @type {any} */ (error).code !== "unauthorized" || !this.#token()) throw error;
      }
    }
    const answer = await this.#get(path, signal);
    this.#isByInvitation = !answer.headers.get("Cache-Control")?.includes("public");
    return answer;
  }

  /**
   * @param {string} path
   * @param {AbortSignal} [signal]
   */
  #get(path, signal) {
    return this.#ask(path, this.#token(), signal);
  }

  /**
   * @param {string} path
   * @param {string | null} token
   * @param {AbortSignal} [signal]
   */
  #ask(path, token, signal) {
    const headers = bearer(token ?? undefined);
    return request(this.#at(path), { signal, headers, cache: "no-cache" }); // stale is for proxies
  }

  /** @param {string} path */
  #at(path) {
    return new URL(this.#api.pathname + path, this.#root);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   */
  #send(method, path, body) {
    const token = this.#token() ?? undefined;
    const headers = { "Content-Type": "application/json", ...bearer(token) };
    return request(this.#at(path), { method, headers, body: body && JSON.stringify(body) });
  }
}
