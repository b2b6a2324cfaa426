// What hosts and co-hosts work with: who wants to speak, who is on stage, the door, the end.
// A panel beside the stage, and a sheet on a phone. It says what the service answers, no sooner.

import { confirm, askWhatToDo } from "./dialogs.js";
import { element } from "./dom.js";
import { t } from "./language.js";
import { poll } from "./poll.js";
import { keepsOrder, wishesFor } from "./rights.js";
import { Rows } from "./rows.js";
import { explain } from "./words.js";

/**
 * @typedef {object} Person
 * @property {number} peer
 * @property {string} name
 * @property {import("./rights.js").Role} role
 * @property {boolean} muted
 * @property {boolean} connected
 * @property {number} since Unix seconds
 *
 * @typedef {object} People
 * @property {Person[]} stage
 * @property {Person[]} hands
 * @property {Person[]} offers
 * @property {Person[]} [audience] others who are known by name
 * @property {{ identity: string, name: string }[]} blocked
 *
 * @typedef {{ role: import("./rights.js").Role | null, peer: number | null }} Viewer
 */

const PERIOD_MS = 1500;
const NARROW = matchMedia("(max-width: 46rem)");
const PACED_SECONDS = 120;

export class Console {
  #api;
  #viewer;
  #onDone;
  /** @type {HTMLDialogElement} */ #dialog = element("console");
  /** @type {{ now: () => void, stop: () => void } | null} */ #polling = null;
  /** @type {People | null} */ #people = null;
  /** @type {import("./api.js").Room | null} */ #room = null;
  #lists;
  #said = ""; // why the latest command was refused: it stays until the next

  /**
   * @param {import("./api.js").SpaceApi} api
   * @param {() => Viewer} viewer
   * @param {() => void} onDone something was done: ask anew
   */
  constructor(api, viewer, onDone) {
    this.#api = api;
    this.#viewer = viewer;
    this.#onDone = onDone;
    this.#lists = Object.fromEntries(["hands", "seats", "audience", "blocked", "pinned"]
      .map((id) => [id, new Rows(element(id), element("row"))]));
    element("console-toggle").addEventListener("click", () => this.toggle());
    element("console-close").addEventListener("click", () => this.#dialog.close());
    element("mute-all").addEventListener("click", () => this.#muteAll());
    element("end").addEventListener("click", () => this.end());
    element("pin").addEventListener("submit", (event) => this.#pin(event));
    element("door").addEventListener("change", () => this.#keepDoor());
    this.#dialog.addEventListener("close", () => this.#closed());
    this.#dialog.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !NARROW.matches) this.#dialog.close();
    });
  }

  toggle() {
    if (this.#dialog.open) return this.#dialog.close();
    if (NARROW.matches) this.#dialog.showModal();
    else this.#dialog.show();
    element("console-heading").focus();
    this.#mark(true);
    this.#polling = poll((signal) => this.#api.people(signal), (people) => {
      this.#people = people;
      this.#draw();
    }, (error) => this.#say(explain(error)), PERIOD_MS);
  }

  /** There is nothing to run any more. */
  close() {
    element("console-toggle").hidden = true;
    if (this.#dialog.open) this.#dialog.close();
  }

  #closed() {
    this.#polling?.stop();
    this.#polling = null;
    this.#mark(false);
    element("console-toggle").focus();
  }

  /** @param {boolean} open */
  #mark(open) {
    element("console-toggle").setAttribute("aria-expanded", String(open));
    document.body.toggleAttribute("data-console", open);
  }

  /** @param {import("./api.js").Room} room */
  show(room) {
    this.#room = room;
    const mine = keepsOrder(this.#viewer().role) && room.phase !== "planned";
    const waiting = room.hands ?? 0;
    element("console-toggle").hidden = !mine;
    element("console-count").hidden = !waiting;
    element("console-count").textContent = String(waiting);
    element("console-toggle").setAttribute("aria-label",
      waiting ? t("host.waiting", { count: waiting }) : t("host"));
    if (!mine) this.close();
    this.#draw();
  }

  #draw() {
    const room = this.#room;
    if (!room || !this.#dialog.open) return;
    element("end").hidden = this.#viewer().role !== "host";
    element("recording-state").textContent = t(room.recording ? "recording.on" : "recording.off");
    this.#lists.pinned.draw(pinsOf(room).map((pin) => this.#pinned(pin)));
    this.#drawDoor(room);
    if (this.#people) this.#drawPeople(this.#people, room);
  }

  /**
   * @param {People} people
   * @param {import("./api.js").Room} room
   */
  #drawPeople({ stage, hands, offers, audience = [], blocked }, room) {
    this.#say(this.#said);
    this.#lists.hands.draw(hands.map((one) => this.#hand(one, room.time)));
    this.#lists.seats.draw(stage.map((one) => this.#seat(one)));
    this.#lists.audience.draw([
      ...offers.map((one) => row(one, t("audience.invited"), [])),
      ...audience.map((one) => this.#guest(one)),
    ]);
    this.#lists.blocked.draw(blocked.map((one) => this.#blocked(one)));
    element("audience-section").hidden = !offers.length && !audience.length;
    element("blocked-section").hidden = !blocked.length;
    element("mute-all").hidden = stage.length < 2;
    element("seats-count").textContent = String(stage.length);
  }

  /**
   * @param {Person} person
   * @param {number} now Unix seconds
   */
  #hand(person, now) {
    const { peer, name, since } = person;
    const count = Math.floor((now - since) / 60);
    return row(person, count > 0 ? t("hands.minutes", { count }) : t("hands.now"), [
      { id: "let", text: t("hands.let"), label: t("hands.let.label", { name }), primary: true,
        act: () => this.#attempt(this.#api.offer(peer)) },
      { id: "decline", text: "✕", label: t("hands.decline.label", { name }),
        act: () => this.#attempt(this.#api.dismiss(peer)) },
    ]);
  }

  /** @param {Person} person */
  #seat(person) {
    const { peer, name, role, muted, connected } = person;
    const own = peer === this.#viewer().peer;
    const notes = [
      own && t("role.you"),
      role !== "speaker" && t(role === "host" ? "role.host" : "role.cohost"),
      muted && t("muted"),
      !connected && t("stage.away"),
    ];
    const wishes = own ? [] : wishesFor(this.#viewer().role, person);
    const quick = /** @type {const} */ (["mute", "unmute"]).find((wish) => wishes.includes(wish));
    return row(person, notes.filter(Boolean).join(" · "), [
      ...(quick ? [{ id: "mute", text: t(quick), label: t(`stage.${quick}.label`, { name }),
        act: () => this.#attempt(this.#api.mute(peer, !muted)) }] : []),
      ...(wishes.length ? [{ id: "more", text: "⋯", label: t("stage.more", { name }),
        act: () => this.manage(person) }] : []),
    ]);
  }

  /** @param {Person} person */
  #guest(person) {
    const { peer, name } = person;
    return row(person, "", [
      { id: "invite", text: t("audience.invite"), label: t("audience.invite.label", { name }),
        act: () => this.#attempt(this.#api.offer(peer)) },
      { id: "more", text: "⋯", label: t("stage.more", { name }), act: () => this.manage(person) },
    ]);
  }

  /** @param {{ identity: string, name: string }} one */
  #blocked({ identity, name }) {
    return row({ key: identity, peer: 0, name }, "", [
      { id: "lift", text: t("blocked.lift"), label: t("blocked.lift.label", { name }),
        act: () => this.#attempt(this.#api.unblock(identity)) },
    ]);
  }

  /**
   * Asks what to do about somebody, and whether that is meant where it cannot be undone.
   * @param {{ peer: number, name: string, role: import("./rights.js").Role, muted: boolean }} person
   */
  async manage(person) {
    const { peer, name } = person;
    const on = person.role !== "listener";
    const wishes = wishesFor(this.#viewer().role, person)
      .filter((wish) => on || wish === "remove" || wish === "block");
    const wish = await askWhatToDo(name, wishes);
    const sure = ["handOver", "remove", "block"].includes(wish)
      ? await confirm(/** @type {"remove"} */ (wish), { name }) : Boolean(wish);
    if (!sure) return;
    const api = this.#api;
    const commands = {
      mute: () => api.mute(peer, true),
      unmute: () => api.mute(peer, false),
      cohost: () => api.giveRole(peer, "cohost"),
      uncohost: () => api.giveRole(peer, "speaker"),
      down: () => api.giveRole(peer, "listener"),
      handOver: () => api.handOver(peer),
      remove: () => api.remove(peer),
      block: () => api.block(peer),
    };
    await this.#attempt(commands[/** @type {keyof commands} */ (wish)]());
  }

  // Links that everybody is shown.

  /** @param {{ title: string, url: string }} pin */
  #pinned({ title, url }) {
    return row({ key: url, peer: 0, name: title || url }, "", [
      { id: "unpin", text: "✕", label: t("pins.unpin.label", { name: title || url }),
        act: () => this.#attempt(this.#api.pin(pinsOf(this.#room).filter((one) => one.url !== url))) },
    ]);
  }

  /** @param {SubmitEvent} event */
  async #pin(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { title, url } = Object.fromEntries(new FormData(form));
    const pin = { title: String(title).trim(), url: String(url).trim() };
    if (await this.#attempt(this.#api.pin([...pinsOf(this.#room), pin]))) form.reset();
  }

  async #muteAll() {
    if (await confirm("muteAll")) await this.#attempt(this.#api.muteAll());
  }

  async end() {
    if (await confirm("end")) await this.#attempt(this.#api.end());
  }

  // The door.

  /** @param {import("./api.js").Room} room */
  #drawDoor({ admit }) {
    if (!admit) return;
    const share = Math.floor(admit.cohorts / 10);
    for (const one of this.#doors()) one.checked = one.value === (admit.mode ?? "open");
    element("door-now").hidden = share >= 100;
    element("door-now").textContent = t("door.now", { share });
  }

  /** @returns {NodeListOf<HTMLInputElement>} */
  #doors() {
    return element("door").querySelectorAll("input");
  }

  async #keepDoor() {
    const mode = [...this.#doors()].find(({ checked }) => checked)?.value ?? "open";
    await this.#attempt(this.#api.keepDoor(mode, PACED_SECONDS));
  }

  /**
   * @param {Promise<unknown>} command
   * @returns {Promise<boolean>} whether it was done
   */
  async #attempt(command) {
    const trouble = await command.then(() => "", explain);
    this.#said = trouble;
    this.#say(trouble);
    this.#polling?.now();
    this.#onDone();
    return !trouble;
  }

  /** @param {string} text */
  #say(text) {
    if (!this.#dialog.open && text) this.#onTrouble(text);
    const trouble = element("console-trouble");
    if (trouble.textContent !== text) trouble.textContent = text;
    trouble.hidden = !text;
  }

  /** Told where nobody sees the panel. @type {(text: string) => void} */
  #onTrouble = (text) => {
    element("notice-text").textContent = text;
    element("notice").hidden = false;
  };
}

/** @param {import("./api.js").Room | null} room */
const pinsOf = (room) => room?.pins ?? [];

/**
 * @param {{ peer: number, name: string, key?: string }} person
 * @param {string} note
 * @param {import("./rows.js").Choice[]} choices
 * @returns {import("./rows.js").Row}
 */
function row({ key, peer, name }, note, choices) {
  return { key: key ?? String(peer), peer, name, note, choices };
}
