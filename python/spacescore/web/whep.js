// Listening by WHEP: what any standard player does, with this page's session around it. Pages
// that may choose use join.js, which asks nothing of the HTTP server.

import { exchange } from "./exchange.js";
import { connect, Link } from "./link.js";
import { Session } from "./session.js";

/** Listens to a space at its WHEP endpoint. `open` it from a tap. */
export class WhepSession extends Session {
  /**
   * @param {import("./exchange.js").Door & { element?: HTMLAudioElement, steady?: number }} options
   *   steady: ms of jitter buffer to keep at least
   */
  constructor({ endpoint, token, element, steady }) {
    super((signal) => connect(async (pc) => {
      const { receiver } = pc.addTransceiver("audio", { direction: "recvonly" });
      if (steady !== undefined) receiver.jitterBufferTarget = steady;
      return new Link(pc, receiver, await exchange(pc, { endpoint, token }, signal));
    }), element);
  }
}
