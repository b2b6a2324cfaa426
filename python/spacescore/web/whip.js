// Speaking by WHIP (RFC 9725). The offer is sendrecv: what comes back is the room without
// ourselves (mix-minus), so a speaker needs no second connection to listen.

import { bearer, exchange } from "./exchange.js";
import { connect, Link } from "./link.js";
import { Meter } from "./meter.js";
import { openMicrophone } from "./microphone.js";
import { Session } from "./session.js";

export { openMicrophone };

/**
 * @typedef {object} SpeakOptions
 * @property {string | URL} endpoint /whip/{space}
 * @property {string} token of a speaker or host; read whenever it is used
 * @property {string | URL} [muteEndpoint] is told of mutes, so that others see them
 * @property {() => Promise<RTCIceServer[]>} [iceServers] relays, asked for at each dial
 * @property {boolean} [original] the microphone as it is: no echo cancellation, noise
 *   suppression or gain control
 * @property {HTMLAudioElement} [element] plays the others
 */

/** A session that speaks. Its `level` is that of the others; `speakers` may name ourselves. */
export class SpeakSession extends Session {
  #microphone;
  #input;
  #options;
  #muted = false;

  /**
   * @param {SpeakOptions} options
   * @param {MediaStream} microphone belongs to the session from now on
   */
  constructor(options, microphone) {
    super((signal) => dial(options, microphone, signal), options.element);
    this.#options = options;
    this.#microphone = microphone;
    this.#input = new Meter(microphone);
    this.addEventListener("state", () => this.#settle());
  }

  get muted() {
    return this.#muted;
  }

  /**
   * Nothing of the microphone is sent while muted; the others see that we are.
   * @param {boolean} muted
   */
  async mute(muted) {
    this.#muted = muted;
    for (const track of this.#microphone.getTracks()) track.enabled = !muted;
    await this.#announce();
  }

  /** @returns {number} how loud the microphone is: 0 .. 1, and 0 while muted */
  inputLevel() {
    return this.#muted ? 0 : this.#input.level();
  }

  async #announce() {
    const { muteEndpoint, token } = this.#options;
    if (!muteEndpoint) return;
    await fetch(muteEndpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...bearer(token) },
      body: JSON.stringify({ muted: this.#muted }),
    }).catch(() => {}); // the silence itself needs no server
  }

  #settle() {
    if (this.state === "playing" && this.#muted) this.#announce(); // a new link begins unmuted
    if (this.state !== "closed" && this.state !== "failed") return;
    this.#input.close();
    for (const track of this.#microphone.getTracks()) track.stop();
  }
}

/**
 * Opens the microphone and speaks. Call it from a tap.
 * @param {SpeakOptions} options
 * @returns {Promise<SpeakSession>} once connected. It keeps itself connected from then on.
 * @throws {import("./errors.js").JoinError} saying what to do about it
 */
export async function speak(options) {
  const microphone = await openMicrophone(options.original ?? false);
  return new SpeakSession(options, microphone).open();
}

/**
 * @param {SpeakOptions} door
 * @param {MediaStream} microphone
 * @param {AbortSignal} signal
 * @returns {Promise<Link>}
 */
async function dial(door, microphone, signal) {
  const iceServers = await door.iceServers?.();
  return connect(async (pc) => {
    const [track] = microphone.getAudioTracks();
    const { receiver } = pc.addTransceiver(track, { direction: "sendrecv", streams: [microphone] });
    return new Link(pc, receiver, await exchange(pc, door, signal));
  }, iceServers);
}
