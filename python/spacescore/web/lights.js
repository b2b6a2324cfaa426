// Who is heard and how loud, ten times a second: on the stage, on the meters, and in words for
// those who do not see it.

import { Announcer } from "./announcer.js";
import { meterShare } from "./meter.js";

/**
 * @typedef {object} Hearing
 * @property {import("./api.js").Speaker[]} speakers
 * @property {import("./session.js").Session | null} session
 * @property {import("./whip.js").SpeakSession | null} voice the session, where we speak by it
 * @property {number | null} own our peer
 */

export class Lights {
  #announcer = new Announcer();
  #stage;
  #view;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {import("./view.js").View} view
   */
  constructor(stage, view) {
    this.#stage = stage;
    this.#view = view;
  }

  /** @param {Hearing} hearing */
  show({ speakers, session, voice, own }) {
    if (document.hidden) return;
    const heard = new Set(session?.speakers());
    const room = session?.level() ?? 0;
    const input = voice?.inputLevel() ?? 0;
    this.#stage.light((peer) => {
      if (voice && peer === own) return input || null;
      const speaker = speakers.find((one) => one.peer === peer);
      if (!speaker || speaker.muted) return null;
      if (session) return heard.has(peer) ? room : null;
      return speaker.audible ? meterShare(-speaker.level) : null;
    });
    this.#view.showLevels(room, input);
    const others = speakers.filter(({ peer, muted }) => heard.has(peer) && !muted && peer !== own);
    const words = this.#announcer.hear(others.map(({ name }) => name), performance.now());
    if (words) this.#view.announce(words);
  }
}
