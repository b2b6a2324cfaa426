// What can go wrong on the way into a space, said so that a person can act on it.

/**
 * @typedef {"bad-ticket" | "unsupported" | "unknown-space" | "unauthorized" | "forbidden"
 *   | "refused" | "busy" | "network" | "timeout" | "closed"
 *   | "insecure" | "denied" | "no-microphone" | "microphone-busy"} JoinErrorCode
 */

/** Codes that trying again cannot cure. */
const FATAL = new Set([
  "bad-ticket", "unsupported", "unknown-space", "unauthorized", "forbidden", "refused", "closed",
  "insecure", "denied", "no-microphone", "microphone-busy",
]);

/** An error whose `message` may be shown as it stands. */
export class JoinError extends Error {
  /**
   * @param {JoinErrorCode} code
   * @param {string} message
   * @param {{ cause?: unknown, retryAfter?: number, reason?: string, location?: string | null }}
   *   [options] retryAfter: seconds; reason: the service's own word for what was wrong; location:
   *   where to ask instead
   */
  constructor(code, message, { cause, retryAfter = 0, reason = "", location = null } = {}) {
    super(message, { cause });
    this.name = "JoinError";
    this.code = code;
    this.retryAfter = retryAfter;
    this.reason = reason;
    this.location = location;
  }

  /** True when trying again cannot help. */
  get fatal() {
    return FATAL.has(this.code);
  }
}

/** @type {Record<number, [JoinErrorCode, string]>} */
const BY_STATUS = {
  401: ["unauthorized", "This link has expired or is not valid. Ask the host for a new one."],
  403: ["forbidden", "This stage is by invitation. Ask the host for a speaker link."],
  404: ["unknown-space", "There is no such space here."],
  410: ["unknown-space", "This space has ended."],
  429: ["busy", "Very many people are joining. Trying again in a moment."],
  503: ["busy", "The room cannot be joined for the moment. Trying again."],
};

const UNREACHABLE = "The server cannot be reached. Trying again.";

/**
 * What a status means where no response came with it.
 * @param {number} status
 */
export function errorOfStatus(status) {
  const [code, message] = BY_STATUS[status] ?? ["network", UNREACHABLE];
  return new JoinError(code, message);
}

/**
 * Turns an HTTP response that is not 2xx into a JoinError. Where the service says why
 * (problem+json, RFC 9457), its words go first.
 * @param {Response} response
 * @returns {Promise<JoinError>}
 */
export async function errorFromResponse(response) {
  const { status } = response;
  const problem = await response.json().catch(() => null);
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  if (status >= 500 && status !== 503) {
    return new JoinError("network", "The server has a problem. Trying again.", { retryAfter });
  }
  const [code, message] = BY_STATUS[status] ?? ["refused", `The server refused (${status}).`];
  const words = code === "busy" ? message : problem?.detail ?? message;
  const location = response.headers.get("Location");
  return new JoinError(code, words, { retryAfter, reason: problem?.code, location });
}

/**
 * fetch, with failures of the network as JoinErrors; aborts stay what they are.
 * @param {RequestInfo | URL} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} a 2xx response
 */
export async function request(input, init) {
  let response;
  try {
    response = await fetch(input, init);
  } catch (cause) {
    if (init?.signal?.aborted) throw cause;
    throw new JoinError("network", UNREACHABLE, { cause });
  }
  if (!response.ok) throw await errorFromResponse(response);
  return response;
}
