// Who visits which space: the slug is in the path, the right to speak came with the link.

/**
 * What a token says of its bearer. Only the service can tell whether it is true.
 * @typedef {{ space: string, role: "listener" | "speaker" | "cohost" | "host", peer: number, name: string }}
 *   Grant
 */

/** The service's root, wherever it is mounted: modules live in its /web/. */
export const ROOT = new URL("../", import.meta.url);

/** @param {string} path */
export function slugOf(path) {
  return decodeURIComponent(path.replace(/\/+$/, "").split("/").pop() ?? "");
}

/**
 * @param {string} token a JWT
 * @returns {Grant | null} null when it is none
 */
export function readGrant(token) {
  try {
    const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)).space_grant ?? null;
  } catch {
    return null;
  }
}

/**
 * A browser that keeps nothing refuses even to look: then the page does without.
 * @template T
 * @param {() => T} access
 * @returns {T | null}
 */
export function ifAllowed(access) {
  try {
    return access();
  } catch {
    return null;
  }
}

/**
 * The token of this visit. It is taken out of the address bar at once, lest it be shared with the
 * link, and kept for this tab only.
 * @param {string} slug
 * @returns {string | null}
 */
export function takeToken(slug) {
  const key = `spacescore.token.${slug}`;
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return ifAllowed(() => sessionStorage.getItem(key));
  history.replaceState(null, "", location.pathname + location.search);
  return keepToken(slug, token);
}

/**
 * Keeps a token for this tab.
 * @param {string} slug
 * @param {string} token
 */
export function keepToken(slug, token) {
  ifAllowed(() => sessionStorage.setItem(`spacescore.token.${slug}`, token));
  return token;
}

/** @param {string} slug whose token opens nothing any more */
export function dropToken(slug) {
  ifAllowed(() => sessionStorage.removeItem(`spacescore.token.${slug}`));
}

/**
 * The code of an invite link, taken out of the address bar: it is worth a token, and may be used up.
 * @returns {string | null}
 */
export function takeInvite() {
  const code = new URLSearchParams(location.hash.slice(1)).get("invite");
  if (code) history.replaceState(null, "", location.pathname + location.search);
  return code;
}

/**
 * The place in line of this visit, the same however often the page is loaded.
 * @param {string} slug
 * @param {() => number} draw
 */
export function keepPlace(slug, draw) {
  const key = `spacescore.place.${slug}`;
  const kept = Number(ifAllowed(() => sessionStorage.getItem(key)) ?? NaN);
  const place = Number.isInteger(kept) ? kept : draw();
  ifAllowed(() => sessionStorage.setItem(key, String(place)));
  return place;
}

const NAME_KEY = "spacescore.name";

/** The name used last on this device. */
export function rememberedName() {
  return ifAllowed(() => localStorage.getItem(NAME_KEY)) ?? "";
}

/** @param {string} name */
export function rememberName(name) {
  ifAllowed(() => localStorage.setItem(NAME_KEY, name));
}
