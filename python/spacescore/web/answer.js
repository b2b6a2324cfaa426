// Both halves of a negotiation that never leaves the page: what our offer says, and the answer
// the server would have given. The server is ICE-lite, DTLS passive, and sends one Opus stream.
//
// What is left out matters as much: no header extensions, no transport-cc (Chrome would send
// feedback several times a second), no nack (Chrome would turn it on). What is put in: candidates
// (added later they cost 100 ms in Chrome) and a=ssrc (without it Chrome ignores
// jitterBufferTarget).

import { JoinError } from "./errors.js";

/**
 * @typedef {object} Offer
 * @property {string} mid
 * @property {number} payloadType of Opus
 * @property {number} [redPayloadType] of Opus with redundant copies (RFC 2198): Chrome, Safari
 * @property {string} fingerprint SHA-256 of our certificate
 */

/**
 * Reads what we must know of our own offer.
 * @param {string} sdp
 * @returns {Offer}
 */
export function readOffer(sdp) {
  const find = (/** @type {RegExp} */ line) => sdp.match(line)?.[1];
  const payloadType = find(/^a=rtpmap:(\d+) opus\/48000\/2\r?$/im);
  if (payloadType === undefined) {
    throw new JoinError("unsupported", "This browser cannot play Opus over WebRTC.");
  }
  const redPayloadType = find(/^a=rtpmap:(\d+) red\/48000\/2\r?$/im);
  return {
    mid: find(/^a=mid:(\S+)/m) ?? "0",
    payloadType: Number(payloadType),
    ...(redPayloadType && { redPayloadType: Number(redPayloadType) }),
    fingerprint: find(/^a=fingerprint:sha-256 (\S+)/im) ?? "",
  };
}

// RFC 8445 section 5.1.2: type preference, then place in the list, component 1. TCP (RFC 6544)
// lies below every UDP candidate: it is for those whose network blocks UDP.
const TYPE_PREFERENCE = { udp: 126, tcp: 90 };

/**
 * @param {import("./ticket.js").Candidate} candidate
 * @param {number} place in the list, best first
 */
function candidateLine({ ip, port, protocol = "udp", priority }, place) {
  const rank = priority ?? TYPE_PREFERENCE[protocol] * 2 ** 24 + (65535 - place) * 2 ** 8 + 255;
  const suffix = protocol === "tcp" ? " tcptype passive" : "";
  return `a=candidate:${place + 1} 1 ${protocol} ${rank} ${ip} ${port} typ host${suffix}`;
}

/**
 * The server's answer to our offer.
 * @param {Offer} offer
 * @param {import("./ticket.js").Ticket} ticket
 * @param {string} ufrag
 * @returns {string} SDP
 */
export function writeAnswer({ mid, payloadType, redPayloadType }, ticket, ufrag) {
  const red = redPayloadType !== undefined;
  return [
    "v=0",
    `o=- ${ticket.ssrc} 1 IN IP4 0.0.0.0`,
    "s=-",
    "t=0 0",
    `a=group:BUNDLE ${mid}`,
    "a=ice-lite",
    `m=audio 9 UDP/TLS/RTP/SAVPF ${payloadType}${red ? ` ${redPayloadType}` : ""}`,
    "c=IN IP4 0.0.0.0",
    `a=mid:${mid}`,
    "a=sendonly",
    "a=rtcp-mux",
    `a=rtpmap:${payloadType} opus/48000/2`,
    `a=fmtp:${payloadType} minptime=10;useinbandfec=1`,
    ...(red ? redLines(redPayloadType, payloadType) : []),
    `a=ice-ufrag:${ufrag}`,
    `a=ice-pwd:${ticket.password}`,
    `a=fingerprint:sha-256 ${ticket.fingerprint.toUpperCase()}`,
    "a=setup:passive",
    ...ticket.candidates.map(candidateLine),
    `a=msid:${ticket.cname} mix`,
    `a=ssrc:${ticket.ssrc} cname:${ticket.cname}`,
    "",
  ].join("\r\n");
}

/**
 * @param {number} red
 * @param {number} opus
 */
function redLines(red, opus) {
  return [`a=rtpmap:${red} red/48000/2`, `a=fmtp:${red} ${opus}/${opus}`];
}
