// Where a space goes on, when it is not on this server any more. Pure.

/**
 * @param {string} link
 * @param {string | null} token of who was invited: they take the key along
 */
const withKey = (link, token) => (token ? `${link}#token=${token}` : link);

/**
 * When this server goes away.
 * @param {import("./api.js").Room | null} room
 * @param {string | null} token
 */
export function nextOf(room, token) {
  const to = room?.moving?.to;
  return to ? withKey(to, token) : null;
}

/**
 * A node that does not have the space says where the same file is: so the page is there as well.
 * @param {any} error
 * @param {string | null} token
 */
export function homeOf({ reason, location }, token) {
  if (reason !== "elsewhere" || !location) return null;
  return withKey(location.replace(/\/api\/spaces\/([^/]+).*$/, "/s/$1"), token);
}
