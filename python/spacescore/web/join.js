// Listening to a space without signalling, from any web page:
//
//   import { listen } from "https://rooms.example/web/join.js";
//   const session = await listen({ ticket: "https://rooms.example/api/spaces/demo/ticket" });
//
// The page makes its own offer, writes the server's answer itself from the ticket, and connects.
// No HTTP request reaches the server for it: a ticket may come from a CDN. See docs/join.md.

import { readOffer, writeAnswer } from "./answer.js";
import { JoinError, request } from "./errors.js";
import { bearer } from "./exchange.js";
import { connect, Link } from "./link.js";
import { Session } from "./session.js";
import { checkTicket, drawNonce, makeUfrag } from "./ticket.js";

export { JoinError, Session };

/** @typedef {import("./ticket.js").Ticket} Ticket */
/** @typedef {import("./session.js").State} State */
/** @typedef {import("./link.js").Stats} Stats */

/**
 * @typedef {object} ListenOptions
 * @property {Ticket | string | URL} ticket the ticket, or where to get it. With an address the
 *   session fetches a fresh one for each connection, so it outlives the ticket's expiry.
 * @property {HTMLAudioElement} [element] plays the audio; one is made where none is given
 * @property {number} [steady] ms of jitter buffer to keep at least (up to 4000): steadier on bad
 *   networks, later everywhere. 200 to 400 is plenty. By default the browser decides.
 * @property {string} [token] Bearer, for the ticket of a space by invitation; read at each dial
 * @property {number} [place] in line, by `drawPlace`, where a space opens its door step by step
 * @property {AbortSignal} [signal] closes the session
 */

/** A session that listens by ticket. `open` it, or let `listen` do that. */
export class ListenSession extends Session {
  /** @param {ListenOptions} options */
  constructor(options) {
    const { ticket, element, steady, place, signal } = options;
    super(async (dialling) => {
      const loaded = await load(ticket, dialling, options.token);
      return connect((pc) => negotiate(pc, loaded, steady, place), loaded.ice_servers);
    }, element);
    signal?.addEventListener("abort", () => this.close());
  }
}

/**
 * Listens to a space. Call it from a tap: browsers start audio only then.
 * @param {ListenOptions} options
 * @returns {Promise<ListenSession>} once connected. It keeps itself connected from then on.
 * @throws {JoinError} when trying again cannot help (bad ticket, no such space), or when closed
 *   by `signal`. While the server does not answer, it keeps trying.
 */
export async function listen(options) {
  return new ListenSession(options).open();
}

/**
 * @param {Ticket | string | URL} source
 * @param {AbortSignal} signal
 * @param {string} [token]
 * @returns {Promise<Ticket>}
 */
async function load(source, signal, token) {
  if (typeof source === "object" && !(source instanceof URL)) return checkTicket(source);
  const response = await request(source, { signal, headers: bearer(token) });
  return checkTicket(await response.json());
}

/**
 * @param {RTCPeerConnection} pc
 * @param {Ticket} ticket
 * @param {number} [steady] ms
 * @param {number} [place]
 * @returns {Promise<Link>}
 */
async function negotiate(pc, ticket, steady, place) {
  const { receiver } = pc.addTransceiver("audio", { direction: "recvonly" });
  if (steady !== undefined) receiver.jitterBufferTarget = steady;
  await pc.setLocalDescription();
  const offer = readOffer(pc.localDescription?.sdp ?? "");
  const certificate = ticket.requires_certificate ? offer.fingerprint : undefined;
  const { payloadType, redPayloadType } = offer;
  const ufrag = makeUfrag(ticket.ticket, drawNonce(place), payloadType, redPayloadType, certificate);
  await pc.setRemoteDescription({ type: "answer", sdp: writeAnswer(offer, ticket, ufrag) });
  return new Link(pc, receiver);
}
