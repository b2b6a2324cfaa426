// The HTTP half of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): an offer is POSTed, the 201
// holds the answer and where the session lives; DELETE there ends it.

import { request } from "./errors.js";

/**
 * @typedef {object} Door
 * @property {string | URL} endpoint
 * @property {string} [token] Bearer
 */

/** @param {string} [token] @returns {Record<string, string>} */
export function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/**
 * Offers, and sets the answer. The server is ICE-lite: it needs none of our candidates, so the
 * offer goes out before they are gathered.
 * @param {RTCPeerConnection} pc with its transceivers
 * @param {Door} door
 * @param {AbortSignal} signal
 * @returns {Promise<() => void>} hangs up, even while the page is being closed
 */
export async function exchange(pc, { endpoint, token }, signal) {
  await pc.setLocalDescription();
  const response = await request(endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", ...bearer(token) },
    body: pc.localDescription?.sdp,
    signal,
  });
  const location = response.headers.get("Location");
  const hangUp = () => {
    if (!location) return;
    const session = new URL(location, response.url);
    fetch(session, { method: "DELETE", headers: bearer(token), keepalive: true }).catch(() => {});
  };
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
  } catch (error) {
    hangUp();
    throw error;
  }
  return hangUp;
}
