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
 * @property {boolean} open_stage anybody may speak
 * @property {boolean} recording
 * @property {{ ends: number, to: string | null } | null} [moving] the server goes away: when, and
 *   who takes over
 * @property {{ cohorts: number, rate: number }} [admit] who may enter, and how many more a second
 * @property {number} time Unix seconds, the server's clock
 * @property {number} [started] Unix seconds
 */

/** One space of the service. */
export class SpaceApi {
  #root;
  #api;
  #slug;
  #token;

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

  get whip() {
    return new URL(`whip/${this.#slug}`, this.#root);
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
    return (await this.#get("/state.json", signal)).json();
  }

  /**
   * @param {AbortSignal} signal
   * @returns {Promise<import("./companion.js").Live>}
   */
  async live(signal) {
    return (await this.#get("/live.json", signal)).json();
  }

  /** @param {string} reaction */
  async react(reaction) {
    await this.#send("POST", "/reactions", { reaction }, this.#token() ?? undefined);
  }

  /**
   * Asks for a place on an open stage.
   * @param {string} name
   * @returns {Promise<{ token: string, peer: number }>}
   */
  async enterStage(name) {
    return (await this.#send("POST", "/stage", { name })).json();
  }

  /**
   * @param {string} token the host's
   * @param {number} peer
   * @param {boolean} muted
   */
  async mute(token, peer, muted) {
    await this.#send("POST", `/speakers/${peer}/mute`, { muted }, token);
  }

  /**
   * @param {string} token the host's
   * @param {number} peer
   */
  async remove(token, peer) {
    await this.#send("DELETE", `/speakers/${peer}`, undefined, token);
  }

  /**
   * @param {string} token the host's
   * @param {string} name
   * @returns {Promise<string>} the link to give to the speaker
   */
  async invite(token, name) {
    const reply = await this.#send("POST", "/tokens", { role: "speaker", name }, token);
    return (await reply.json()).link;
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

  /** @param {string} token the host's */
  async end(token) {
    await this.#send("DELETE", "", undefined, token);
  }

  /**
   * @param {string} path
   * @param {AbortSignal} signal
   */
  #get(path, signal) {
    return request(this.#at(path), { signal, headers: bearer(this.#token() ?? undefined) });
  }

  /** @param {string} path */
  #at(path) {
    return new URL(this.#api.pathname + path, this.#root);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {string} [token]
   */
  #send(method, path, body, token) {
    const headers = { "Content-Type": "application/json", ...bearer(token) };
    return request(this.#at(path), { method, headers, body: body && JSON.stringify(body) });
  }
}
