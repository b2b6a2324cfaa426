// Tickets, and the server's ICE ufrag that carries one (layout: src/fanout/secure/ticket.hpp).
//
//   ufrag = version(1) · ticket(66) · nonce(16) · payload type(2) [· fingerprint(22)]
//
// The server reads all it must know about a listener from this name, in the first STUN check;
// hence no signalling. The password, not the ticket, is the secret: it is never sent.

/**
 * What `GET /api/spaces/{space}/ticket` answers, or `spacescore ticket SPACE --json` prints.
 * @typedef {object} Ticket
 * @property {string} ticket 66 base64 characters
 * @property {string} password the server's ICE password
 * @property {string} fingerprint SHA-256 of the server's certificate, "AB:CD:…"
 * @property {Candidate[]} candidates where the nodes listen, best first
 * @property {number} ssrc the SSRC that the space's mix is sent with
 * @property {string} cname
 * @property {RTCIceServer[]} [ice_servers] relays
 * @property {number} [expiry] Unix seconds; after it nobody enters, those inside stay
 * @property {boolean} [requires_certificate] private spaces: the ufrag names our certificate
 *
 * @typedef {object} Candidate
 * @property {string} ip
 * @property {number} port
 * @property {"udp" | "tcp"} [protocol]
 * @property {number} [priority] RFC 8445; by default from the place in the list
 */

import { JoinError } from "./errors.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VERSION = "1";
const NONCE_BYTES = 12; // 96 bits: a million holders of one ticket never meet
export const COHORTS = 1000;
const FINGERPRINT_BYTES = 16; // half a SHA-256 suffices against a second preimage

/** @param {Uint8Array} bytes */
const base64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("=", "");

/**
 * A new session's name: 16 characters, 96 random bits, or 64 behind a place in line.
 * @param {number} [place] 32 bits: keeps one's cohort from session to session
 * @returns {string}
 */
export function drawNonce(place) {
  const bytes = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  if (place !== undefined) new DataView(bytes.buffer).setUint32(0, place);
  return base64(bytes);
}

/** A place in line for `drawNonce`. */
export function drawPlace() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * The cohort of a place, 0 to 999: those below `admit.cohorts` of state.json may enter.
 * @param {number} place
 */
export function cohortOf(place) {
  return Math.floor((place * COHORTS) / 2 ** 32);
}

/**
 * The server's ufrag for one listener.
 * @param {string} ticket
 * @param {string} nonce
 * @param {number} payloadType of Opus in our offer (Chrome says 111, Firefox 109)
 * @param {number} [redPayloadType] of RED in our offer
 * @param {string} [fingerprint] our certificate's, "AB:CD:…"; private spaces only
 * @returns {string} 85 characters, 2 more with RED, 22 more with a fingerprint
 */
export function makeUfrag(ticket, nonce, payloadType, redPayloadType, fingerprint) {
  const types = twoDigits(payloadType) + (redPayloadType ? twoDigits(redPayloadType) : "");
  return VERSION + ticket + nonce + types + (fingerprint ? shortFingerprint(fingerprint) : "");
}

/** @param {number} type */
const twoDigits = (type) => ALPHABET[type >> 6] + ALPHABET[type & 63];

/** @param {string} fingerprint "AB:CD:…" */
function shortFingerprint(fingerprint) {
  const bytes = fingerprint.split(":").map((hex) => parseInt(hex, 16));
  return base64(Uint8Array.from(bytes.slice(0, FINGERPRINT_BYTES)));
}

/** @type {[keyof Ticket, (value: any) => boolean][]} */
const RULES = [
  ["ticket", (value) => /^[A-Za-z0-9+/]{66}$/.test(value)],
  ["password", (value) => /^[A-Za-z0-9+/]{22,256}$/.test(value)],
  ["fingerprint", (value) => /^([0-9A-Fa-f]{2}:){31}[0-9A-Fa-f]{2}$/.test(value)],
  ["cname", (value) => /^[!-~]{1,255}$/.test(value)],
  ["ssrc", (value) => Number.isInteger(value) && value > 0 && value < 2 ** 32],
  ["ice_servers", (value) => value === undefined || Array.isArray(value)],
  ["candidates", (value) => Array.isArray(value) && value.length > 0 && value.every(isCandidate)],
];

/** @param {any} candidate */
function isCandidate(candidate) {
  return /^[0-9A-Fa-f:.]{2,45}$/.test(candidate?.ip)
    && Number.isInteger(candidate.port) && candidate.port > 0 && candidate.port < 65536
    && ["udp", "tcp", undefined].includes(candidate.protocol)
    && (candidate.priority === undefined || Number.isInteger(candidate.priority));
}

/**
 * Every field is written into SDP, so none may hold a line break or anything else unexpected.
 * @param {any} value parsed JSON
 * @returns {Ticket}
 * @throws {JoinError} bad-ticket, naming the field
 */
export function checkTicket(value) {
  for (const [field, holds] of RULES) {
    if (!holds(value?.[field])) {
      throw new JoinError("bad-ticket", `The ticket's ${field} is missing or malformed.`);
    }
  }
  return value;
}
