// What hosts and co-hosts work with: who wants to speak, who is on stage, the door, the end.
// A panel beside the stage, and a sheet on a phone. It says what the service answers, no sooner.

import { askChanges } from "./announcement.js";
import { confirm, copy, decide } from "./dialogs.js";
import { element, find } from "./dom.js";
import { t } from "./language.js";
import { poll } from "./poll.js";
import { keepsOrder, wishesFor } from "./rights.js";
import { Rows } from "./rows.js";
import { explain, moment } from "./words.js";

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
 * @property {Invite[]} links
 *
 * @typedef {object} Invite a link by which several may come
 * @property {string} id
 * @property {import("./rights.js").Role} role
 * @property {string} name
 * @property {number} expires Unix seconds
 * @property {number} uses
 * @property {number} used
 *
 * @typedef {{ role: import("./rights.js").Role | null, peer: number | null }} Viewer
 *
 * @typedef {object} Surroundings
 * @property {() => Viewer} viewer
 * @property {(told: Partial<import("./api.js").Room>) => void} onDone something was done, or
 *   refused: what the answer tells of the room goes before what was heard of it, and ask anew
 * @property {(words: string) => void} onTrouble said where nobody sees the panel
 * @property {() => Promise<void>} onEdited the announcement is another
 */

const PERIOD_MS = 1500;
const RARE_MS = 10_000; // where the feed tells of hands and seats: for audience, links and blocks
const NARROW = matchMedia("(max-width: 46rem)");
const MANY = 10_000; // may come by the one link of a space by invitation

export class Console {
  #api;
  #viewer;
  #onDone;
  #onTrouble;
  #onEdited;
  /** @type {HTMLDialogElement} */ #dialog = element("console");
  /** @type {{ now: () => void, stop: () => void } | null} */ #polling = null;
  /** @type {People | null} */ #people = null;
  /** @type {import("./api.js").Room | null} */ #room = null;
  #lists;
  /** @type {Promise<string> | null} */ #forMany = null;
  #underWay = 0; // commands
  #said = ""; // why the latest command was refused: it stays until the next

  /**
   * @param {import("./api.js").SpaceApi} api
   * @param {Surroundings} surroundings
   */
  constructor(api, { viewer, onDone, onTrouble, onEdited }) {
    this.#api = api;
    this.#viewer = viewer;
    this.#onDone = onDone;
    this.#onTrouble = onTrouble;
    this.#onEdited = onEdited;
    this.#lists = Object.fromEntries(["hands", "seats", "audience", "blocked", "links", "pinned"]
      .map((id) => [id, new Rows(element(id), element("row"))]));
    element("console-close").addEventListener("click", () => this.#dialog.close());
    element("mute-all").addEventListener("click", () => this.#muteAll());
    element("end").addEventListener("click", () => this.end());
    element("console-change").addEventListener("click", () => this.change());
    element("pin").addEventListener("submit", (event) => this.#pin(event));
    element("link").addEventListener("submit", (event) => this.#makeLink(event));
    element("link-copy").addEventListener("click", () => this.#copyLink());
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
    }, (error) => this.#say(explain(error)), () => (this.#room?.queue ? RARE_MS : PERIOD_MS));
  }

  close() {
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
    if (!keepsOrder(this.#viewer().role) || room.phase === "planned") this.close();
    this.#draw();
  }

  #draw() {
    const room = this.#room;
    if (!room || !this.#dialog.open) return;
    const isHost = this.#viewer().role === "host";
    element("end").hidden = !isHost;
    /** @type {HTMLOptionElement} */ (find(element("link"), "[value=cohost]")).disabled = !isHost;
    element("recording-state").textContent = t(room.recording ? "recording.on" : "recording.off");
    element("recording-then").hidden = !isHost || !room.recording;
    this.#lists.pinned.draw(pinsOf(room).map((pin) => this.#pinned(pin)));
    if (!this.#underWay) this.#drawDoor(room); // what is heard meanwhile may be of before
    if (this.#people) this.#drawPeople(freshest(this.#people, room), room);
  }

  /**
   * @param {People} people
   * @param {import("./api.js").Room} room
   */
  #drawPeople({ stage, hands, offers, audience = [], blocked, links }, room) {
    this.#say(this.#said);
    this.#lists.hands.draw(hands.map((one) => this.#hand(one, room.time)));
    this.#lists.seats.draw(stage.map((one) => this.#seat(one)));
    this.#lists.audience.draw([
      ...offers.map((one) => row(one, t("audience.invited"), [])),
      ...audience.map((one) => this.#guest(one)),
    ]);
    this.#lists.blocked.draw(blocked.map((one) => this.#blocked(one)));
    this.#lists.links.draw(links.map((one) => this.#link(one)));
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
        act: () => this.#showAll(pinsOf(this.#room).filter((one) => one.url !== url)) },
    ]);
  }

  /** @param {SubmitEvent} event */
  async #pin(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const { title, url } = Object.fromEntries(new FormData(form));
    const pin = { title: String(title).trim(), url: String(url).trim() };
    if (await this.#showAll([...pinsOf(this.#room), pin])) form.reset();
  }

  /** @param {{ title: string, url: string }[]} pins */
  #showAll(pins) {
    return this.#attempt(this.#api.pin(pins), (now) => ({ pins: now }));
  }

  async #muteAll() {
    if (await confirm("muteAll")) await this.#attempt(this.#api.muteAll());
  }

  async end() {
    if (await confirm("end")) await this.#attempt(this.#api.end());
  }

  async open() {
    await this.#attempt(this.#api.open());
  }

  async cancel() {
    if (await confirm("cancel")) await this.#attempt(this.#api.end());
  }

  async change() {
    const about = this.#api.describe();
    if (!await this.#attempt(about)) return;
    const changed = await askChanges({ ...await about, starts: this.#room?.starts });
    if (changed && await this.#attempt(this.#api.edit(changed))) await this.#onEdited();
  }

  // Links by which people come in.

  /** @param {Invite} invite */
  #link({ id, role, name, expires, uses, used }) {
    const what = [name, t(`share.as.${/** @type {"speaker"} */ (role)}`)].filter(Boolean).join(", ");
    const time = moment(expires, { dateStyle: "short", timeStyle: "short" });
    return row({ key: id, peer: 0, name: what }, t("links.note", { used, uses, time }), [
      { id: "revoke", text: "✕", label: t("links.revoke.label", { name: what }),
        act: () => this.#attempt(this.#api.revoke(id)) },
    ]);
  }

  /** @param {SubmitEvent} event */
  async #makeLink(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    const [uses, ttl] = ["uses", "ttl"].map((name) => Number(form.get(name)));
    const made = this.#api.makeLink({ role: String(form.get("role")), uses, ttl });
    if (!await this.#attempt(made)) return;
    /** @type {HTMLInputElement} */ (element("link-made")).value = await made;
    element("link-result").hidden = false;
    await this.#copyLink();
  }

  async #copyLink() {
    /** @type {HTMLInputElement} */
    const field = element("link-made");
    await copy(field, field.value, t("share.copied"), element("link-done"));
  }

  /**
   * What Share may give away here.
   * @param {boolean} byInvitation nobody comes in without a link
   * @returns {import("./dialogs.js").Inviter}
   */
  inviter(byInvitation) {
    return {
      person: (name, as) => this.#api.invite(name, as),
      cohosts: this.#viewer().role === "host",
      everybody: byInvitation ? () => this.#openLink() : null,
    };
  }

  /** Made once. */
  async #openLink() {
    this.#forMany ??= this.#api.makeLink({ role: "listener", uses: MANY });
    try {
      return await this.#forMany;
    } catch (error) {
      this.#forMany = null;
      throw error;
    }
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
    return element("door").querySelectorAll("[name=door]");
  }

  async #keepDoor() {
    const mode = [...this.#doors()].find(({ checked }) => checked)?.value ?? "open";
    /** @type {HTMLInputElement} */
    const seconds = element("door-seconds");
    if (mode === "paced" && !seconds.reportValidity()) return;
    await this.#attempt(this.#api.keepDoor(mode, Number(seconds.value)), (admit) => ({ admit }));
  }

  /**
   * @template T
   * @param {Promise<T>} command
   * @param {(answer: T) => Partial<import("./api.js").Room>} tell what it says of the room
   * @returns {Promise<boolean>} whether it was done
   */
  async #attempt(command, tell = () => ({})) {
    /** @type {Partial<import("./api.js").Room>} */ let told = {};
    let trouble = "";
    this.#underWay += 1;
    try {
      told = tell(await command);
    } catch (error) {
      trouble = explain(error);
    }
    this.#underWay -= 1;
    this.#said = trouble;
    this.#say(trouble);
    this.#polling?.now();
    this.#onDone(told);
    return !trouble;
  }

  /** @param {string} text */
  #say(text) {
    if (!this.#dialog.open && text) this.#onTrouble(text);
    const trouble = element("console-trouble");
    if (trouble.textContent !== text) trouble.textContent = text;
    trouble.hidden = !text;
  }
}

/**
 * What the feed tells goes before what was asked for a while ago.
 * @param {People} people
 * @param {import("./api.js").Room} room
 * @returns {People}
 */
function freshest(people, { queue, offers = [], seats = [] }) {
  if (!queue) return people;
  const busy = new Set([...queue, ...offers, ...seats].map(({ peer }) => peer));
  const audience = people.audience?.filter(({ peer }) => !busy.has(peer));
  return { ...people, hands: queue, offers, stage: seats, audience };
}

/**
 * @param {string} name
 * @param {import("./rights.js").Wish[]} wishes that may be had
 * @returns {Promise<import("./rights.js").Wish | "">}
 */
async function askWhatToDo(name, wishes) {
  element("manage-heading").textContent = name;
  const buttons = element("manage-dialog").querySelectorAll("button");
  for (const one of buttons) one.hidden = one.value !== "" && !wishes.includes(/** @type {any} */ (one.value));
  return /** @type {any} */ (await decide("manage-dialog"));
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
