/// What the member wants and the server has not answered yet.
///
/// What always holds: a command is answered to its author exactly once. It is sent in its turn, and again under the same
/// `cid` after every cut and every answer that does not come, until there is an answer; the server applies a `cid` once. What
/// came too soon (slow mode) is sent again when the server said; those of its kind that were given later wait for it. What is
/// longer than the server takes is refused here: sending it would end the connection, and so would each time that it is sent again.
/// What is not answered survives a reload, and what was refused does until its author has seen to that: it is kept on the
/// device, one entry for each `cid`, for this room and member alone. Where nothing on the page waits for the answer any more,
/// and nothing shows it, a refusal is told to `refusedLate`.

import type { Ack, ClientCommand, Refused } from "../protocol";
import { type Kept, parse, plain } from "./kept";
import type { Link } from "./link";
import { type KeyValue, randomId } from "./storage";
import type { Pending, SendOptions } from "./types";

interface Item {
  readonly cid: string;
  readonly command: ClientCommand;
  readonly at: number;
  readonly keepRefused: boolean;
  readonly answer: (ack: Ack) => void;
  state: Pending["state"];
  reason: Refused | null;
  /** Where it is in the log, once it was answered; the replica may not be there yet. */
  place: number | null;
  /** When it was last sent (ms, `performance.now()`). */
  sentAt: number;
  /** How often the server could not take it just now. */
  tries: number;
  /** Not before then (ms, `performance.now()`). */
  notBefore: number;
  /** It came too soon, and may come then (ms since 1970, this device's clock). */
  until: number | null;
}

const PREFIX = "classroom.outbox/";
const WINDOW = 8; // commands under way at once
const TRIES = 5;
const LONGEST = 10 * 60_000; // ms that something is held back because it came too soon

/** Refusals that are about the server's moment, not about what was asked: trying again soon is our business. */
const TRANSIENT: ReadonlySet<string> = new Set(["unavailable", "moved", "restarting", "busy"]);

const STOPPED: Refused = { ok: false, code: "stopped", message: "", temporary: true };
const TOO_LARGE: Refused = { ok: false, code: "too_large", message: "", temporary: false };

/** What people write in a place of its own on the page, where it is shown that it was refused. */
const WRITTEN: ReadonlySet<string> = new Set(["chat.say", "chat.edit", "doubt.ask"]);

export class Outbox {
  readonly #storage: KeyValue;
  readonly #patience: number;
  readonly #seq: () => number;
  readonly #serverNow: () => number;
  readonly #changed: () => void;
  readonly #refusedLate: (refused: Refused) => void;
  #items: Item[] = [];
  /** Where this member's entries are kept; null: not known yet who that is. */
  #shelf: string | null = null;
  #lastAt = 0;
  #link: Link | null = null;
  #stopped = false;
  #wake: ReturnType<typeof setTimeout> | undefined;

  /**
   * `patience`: ms before what the server could not take is tried again; doubles each time. `seq`: the replica's.
   * `serverNow`: ms since 1970.
   */
  constructor(
    storage: KeyValue,
    patience: number,
    seq: () => number,
    serverNow: () => number,
    changed: () => void,
    refusedLate: (refused: Refused) => void,
  ) {
    this.#storage = storage;
    this.#patience = patience;
    this.#seq = seq;
    this.#serverNow = serverNow;
    this.#changed = changed;
    this.#refusedLate = refusedLate;
  }

  get pending(): readonly Pending[] {
    const waited = new Set<string>();
    return this.#items.map(({ cid, command, state, at, reason, until }) => {
      // When those after it will be sent is not known.
      const next = !waited.has(command.type);
      if (until !== null && state !== "refused") waited.add(command.type);
      return { cid, command, state, at, reason, until: next ? until : null };
    });
  }

  /** When the oldest command under way was sent (ms, `performance.now()`); null: none is. */
  get waitingSince(): number | null {
    const times = this.#underWay.map((item) => item.sentAt);
    return times.length > 0 ? Math.min(...times) : null;
  }

  add(command: ClientCommand, { keepRefused = WRITTEN.has(command.type) }: SendOptions = {}): Promise<Ack> {
    if (this.#stopped) return Promise.resolve(STOPPED);
    return new Promise((answer) => {
      // A millisecond apart at least, so that their order survives a reload.
      this.#lastAt = Math.max(Date.now(), this.#lastAt + 1);
      const kept = { cid: randomId(), command: plain(command), at: this.#lastAt };
      this.#items.push(this.#item(kept, keepRefused, answer));
      this.#keep(kept);
      this.#flush();
      this.#changed();
    });
  }

  /** The server let this member in: take up what they left unanswered on this device, then send. */
  up(link: Link, room: string, member: string): void {
    const shelf = `${PREFIX}${encodeURIComponent(room)}/${encodeURIComponent(member)}/`;
    if (this.#shelf !== shelf) {
      if (this.#shelf !== null) this.#giveUp();
      this.#shelf = shelf;
      for (const item of this.#items) this.#keep(item);
      this.#takeUp(shelf);
    }
    if (this.#link !== link) this.#rewind();
    this.#link = link;
    this.#flush();
    this.#changed();
  }

  /** The connection is gone: what was under way waits for the next one. */
  down(): void {
    this.#link = null;
    clearTimeout(this.#wake);
    this.#rewind();
    this.#changed();
  }

  /** Send again what was not answered for `patience` ms, under the same `cid`. */
  resend(patience: number): void {
    const late = this.#underWay.filter((item) => performance.now() - item.sentAt > patience);
    for (const item of late) item.state = "queued";
    if (late.length > 0) this.#flush();
  }

  /**
   * The replica has moved on: what is in it need not be shown as pending any more. Neither is that which was answered more
   * than `patience` ms ago and still is not there: its event is one that this member is not shown.
   */
  settle(patience: number): void {
    const seq = this.#seq();
    const waits = ({ place, sentAt }: Item) => place === null || (place > seq && performance.now() - sentAt < patience);
    if (this.#items.every(waits)) return;
    this.#items = this.#items.filter(waits);
    this.#changed();
  }

  /** The author has seen the refusal. */
  dismiss(cid: string): void {
    const item = this.#refused(cid);
    if (item === undefined) return;
    this.#items = this.#items.filter((other) => other !== item);
    this.#forget(item);
    this.#changed();
  }

  /** Another tab of this device does not keep `key` any more: if it was refused here too, that has been seen to. */
  goneElsewhere(key: string): void {
    const item = this.#items.find((item) => item.state === "refused" && this.#shelf !== null && key === this.#shelf + item.cid);
    if (item !== undefined) this.dismiss(item.cid);
  }

  /** Try a refused command once more: a new wish, so under a new `cid`. */
  retry(cid: string): Promise<Ack> | null {
    const item = this.#refused(cid);
    if (item === undefined) return null;
    this.dismiss(cid);
    return this.add(item.command, { keepRefused: item.keepRefused });
  }

  /** What the server said about when one of `type` may come holds no more: ask it again. */
  hasten(type: ClientCommand["type"]): void {
    const held = this.#items.filter(({ command, state, until }) => command.type === type && state === "queued" && until !== null);
    if (held.length === 0) return;
    for (const item of held) Object.assign(item, { until: null, notBefore: 0 });
    this.#flush();
    this.#changed();
  }

  /** What is given from now on will be sent, after a `stop()` too. */
  start(): void {
    this.#stopped = false;
  }

  /** Nothing will be sent any more from this page, unless it is started again. What is kept on the device stays for the next. */
  stop(): void {
    this.#stopped = true;
    this.down();
    this.#giveUp();
    this.#shelf = null;
    this.#changed();
  }

  #item(kept: Kept, keepRefused: boolean, answer: (ack: Ack) => void): Item {
    const { reason = null } = kept;
    const state = reason === null ? "queued" : "refused";
    return { ...kept, keepRefused, answer, state, reason, place: null, sentAt: 0, tries: 0, notBefore: 0, until: null };
  }

  #refused(cid: string): Item | undefined {
    return this.#items.find((item) => item.cid === cid && item.state === "refused");
  }

  /** Sent, and not answered. */
  get #underWay(): readonly Item[] {
    return this.#items.filter((item) => item.state === "sending" && item.place === null);
  }

  #rewind(): void {
    for (const item of this.#underWay) item.state = "queued";
  }

  #flush(): void {
    const link = this.#link;
    if (link === null || !link.up) return;
    let under = this.#underWay.length;
    let soonest = Number.POSITIVE_INFINITY;
    const held = new Set<string>();
    for (const item of this.#items) {
      const { type } = item.command;
      const tooSoon = item.until !== null && item.state !== "refused" && item.place === null;
      if (item.state === "queued" && !held.has(type)) {
        // One that has to wait holds back those after it: their author meant them in this order. Where it waits for long, only
        // those of its kind.
        const wait = item.notBefore - performance.now();
        if (wait > 0) soonest = Math.min(soonest, wait);
        if ((wait > 0 && !tooSoon) || under >= WINDOW) break;
        if (wait <= 0) {
          under += 1;
          this.#sendOver(link, item);
        }
      }
      if (tooSoon) held.add(type);
    }
    if (soonest < Number.POSITIVE_INFINITY) this.#wakeIn(soonest);
  }

  #wakeIn(wait: number): void {
    clearTimeout(this.#wake);
    this.#wake = setTimeout(() => {
      this.#flush();
      this.#changed();
    }, wait);
  }

  #sendOver(link: Link, item: Item): void {
    item.state = "sending";
    item.sentAt = performance.now();
    const command = { ...item.command, cid: item.cid };
    if (link.fits(command)) link.command(command, (ack) => this.#answered(item, ack));
    else queueMicrotask(() => this.#answered(item, TOO_LARGE));
  }

  #answered(item: Item, ack: Ack): void {
    if (!this.#items.includes(item) || item.state === "refused" || item.place !== null) return;
    if (!ack.ok && this.#triesAgain(item, ack)) {
      this.#flush();
      return this.#changed();
    }
    // An answer may overtake its event: until that is here, the list goes on to show what was meant.
    if (ack.ok && ack.seq > this.#seq()) Object.assign(item, { state: "sending", place: ack.seq });
    else if (ack.ok || !item.keepRefused) this.#items = this.#items.filter((other) => other !== item);
    else Object.assign(item, { state: "refused", reason: ack });
    if (this.#refused(item.cid) === undefined) this.#forget(item);
    else this.#keep(item);
    this.#flush();
    item.answer(ack);
    this.#changed();
  }

  #triesAgain(item: Item, refused: Refused): boolean {
    if (refused.temporary && refused.code === "too_fast" && refused.until != null) return this.#waits(item, refused.until);
    if (!refused.temporary || !TRANSIENT.has(refused.code) || item.tries + 1 >= TRIES) return false;
    item.state = "queued";
    item.tries += 1;
    item.notBefore = performance.now() + this.#patience * 2 ** (item.tries - 1) * (0.5 + Math.random());
    return true;
  }

  /** Whether it is worth waiting until then (ms since 1970, the server's clock). */
  #waits(item: Item, until: number): boolean {
    const wait = until - this.#serverNow();
    if (wait > LONGEST) return false;
    item.state = "queued";
    item.until = Date.now() + wait;
    item.notBefore = performance.now() + Math.max(wait, this.#patience);
    return true;
  }

  #keep({ cid, command, at, reason }: Kept): void {
    const kept = { cid, command, at, ...(reason && { reason }) };
    if (this.#shelf !== null) this.#storage.set(this.#shelf + cid, JSON.stringify(kept));
  }

  #forget({ cid }: Item): void {
    if (this.#shelf !== null) this.#storage.delete(this.#shelf + cid);
  }

  /**
   * What another tab of this member has not had answered is taken up too: it may be closed for good. If it is not, both
   * send the same `cid`, which the server applies once.
   */
  #takeUp(shelf: string): void {
    const known = new Set(this.#items.map((item) => shelf + item.cid));
    const found: Kept[] = [];
    for (const key of this.#storage.keys().filter((key) => key.startsWith(shelf) && !known.has(key))) {
      const kept = parse(this.#storage.get(key));
      if (kept === null || (kept.reason && !WRITTEN.has(kept.command.type))) this.#storage.delete(key);
      else found.push(kept);
    }
    const items = found
      .sort((one, other) => one.at - other.at)
      .map((kept) => this.#takenUp(kept, WRITTEN.has(kept.command.type)));
    this.#items = [...items, ...this.#items];
  }

  #takenUp(kept: Kept, keepRefused: boolean): Item {
    return this.#item(kept, keepRefused, (ack) => {
      if (!ack.ok && ack.code !== "stopped" && !keepRefused) this.#refusedLate(ack);
    });
  }

  /** Nothing more is sent for this member from here; what is kept on the device stays for when they come again. */
  #giveUp(): void {
    const left = this.#items;
    this.#items = [];
    for (const item of left) if (item.state !== "refused" && item.place === null) item.answer(STOPPED);
  }
}
