// The microphone, and why it may be refused.

import { JoinError } from "./errors.js";

/** @type {Record<string, [import("./errors.js").JoinErrorCode, string]>} by DOMException name */
const REFUSALS = {
  NotAllowedError: ["denied",
    "The browser may not use the microphone. Allow it in the address bar's site settings, "
    + "then press Speak again."],
  NotFoundError: ["no-microphone",
    "No microphone was found. Connect one, then press Speak again."],
  NotReadableError: ["microphone-busy",
    "The microphone is in use by another program. Close that, then press Speak again."],
};

/**
 * What to ask of the browser. `original` turns its voice processing off: music and other sounds
 * then come through as they are, and so does everything the loudspeakers play.
 * @param {boolean} original
 * @returns {MediaTrackConstraints}
 */
export function constraints(original) {
  const processed = !original;
  return {
    echoCancellation: processed,
    noiseSuppression: processed,
    autoGainControl: processed,
    channelCount: 1, // the room is mixed in mono
  };
}

/**
 * @param {boolean} original without echo cancellation, noise suppression and gain control
 * @returns {Promise<MediaStream>}
 * @throws {JoinError} saying what to do about it
 */
export async function openMicrophone(original) {
  if (!navigator.mediaDevices) {
    throw new JoinError("insecure",
      "Browsers give the microphone only to secure pages. Open this space over https://, or on "
      + "the server's own machine as http://localhost.");
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: constraints(original) });
  } catch (cause) {
    const { name, message } = /** @type {DOMException} */ (cause);
    const [code, text] = REFUSALS[name] ?? ["no-microphone", `No microphone: ${message}`];
    throw new JoinError(code, text, { cause });
  }
}
