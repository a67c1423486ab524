/// The pages of the board whose elements are held here: fetched once, then kept current by the events of the room.
///
/// What always holds: a sheet takes each event once and in order. Events that come while a page is being fetched wait for
/// it, and those that the answer has in it already are passed over; after a cut the room's own events bring what was missed. The ink
/// of a stroke is shown until its event has been taken.

import { Emitter } from "../connection/emitter";
import type { BoardCursorBy, BoardLaserBy, SignalOut, Stamped } from "../protocol";
import type { Classroom } from "../room";
import { read, takeInk } from "./ahead";
import { Sheet, type SheetAnswer } from "./sheet";
import { Strokes } from "./strokes";

const KEPT = 24; // sheets
const RETRY = 700; // ms, doubled each time
const RETRY_MOST = 10_000;
const LOOK = 5_000; // ms between two looks for strokes that nobody goes on with

export type BoardNews = {
  /** Elements of a page have changed: these, or (null) all. `event`: which one made it so. */
  changed: [page: number, ids: readonly string[] | null, event: Stamped | null];
  ink: [page: number];
  pointer: [signal: BoardCursorBy | BoardLaserBy];
  /** A page is being loaded, or failed to be. */
  state: [page: number];
};

interface Held {
  readonly page: number;
  sheet: Sheet | null;
  queue: Stamped[];
  busy: boolean;
  failed: boolean;
  tries: number;
  retry: ReturnType<typeof setTimeout> | undefined;
}

/** What those who look on need of a store. */
export type Pages = Pick<BoardStore, "open" | "close" | "on" | "watch" | "sheet" | "failed" | "strokes">;

export class BoardStore {
  readonly connection: Classroom;
  readonly strokes = new Strokes();
  readonly #held = new Map<number, Held>();
  readonly #watched = new Map<number, number>();
  readonly #news = new Emitter<BoardNews>();
  #unlisten: readonly (() => void)[] = [];
  #lastEvent = 0;
  #look: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Classroom) {
    this.connection = connection;
  }

  /** Listen, until `close()`. */
  open(): void {
    const { connection } = this;
    this.#lastEvent = connection.room?.seq ?? 0;
    for (const page of this.#watched.keys()) this.#hold(page);
    this.#unlisten = [
      connection.on("event", (event) => this.#event(event)),
      connection.on("signal", (signal) => this.#signal(signal)),
      connection.on("room", () => this.#welcomed()),
    ];
    for (const piece of takeInk(connection)) this.#signal(piece);
  }

  readonly on = this.#news.on.bind(this.#news);

  close(): void {
    for (const unlisten of this.#unlisten) unlisten();
    this.#unlisten = [];
    this.strokes.clear();
    clearTimeout(this.#look);
    this.#look = undefined;
    for (const { retry } of this.#held.values()) clearTimeout(retry);
    this.#held.clear();
  }

  /** Hold the page, and keep it as long as it is looked at. Returns what to call when it is not any more. */
  watch(page: number): () => void {
    this.#watched.set(page, (this.#watched.get(page) ?? 0) + 1);
    this.#hold(page);
    return () => {
      const left = (this.#watched.get(page) ?? 1) - 1;
      if (left > 0) this.#watched.set(page, left);
      else this.#watched.delete(page);
    };
  }

  /** The page's elements; null as long as they are not here. */
  sheet(page: number): Sheet | null {
    return this.#held.get(page)?.sheet ?? null;
  }

  failed(page: number): boolean {
    return this.#held.get(page)?.failed ?? false;
  }

  #hold(page: number): void {
    const held = this.#held.get(page);
    if (held !== undefined) {
      this.#held.delete(page);
      this.#held.set(page, held); // the last looked at
      return;
    }
    this.#held.set(page, { page, sheet: null, queue: [], busy: false, failed: false, tries: 0, retry: undefined });
    for (const [old] of this.#held) {
      if (this.#held.size <= KEPT) break;
      if (!this.#watched.has(old)) this.#drop(old);
    }
    void this.#fetch(page);
  }

  #drop(page: number): void {
    clearTimeout(this.#held.get(page)?.retry);
    this.#held.delete(page);
  }

  async #fetch(page: number): Promise<void> {
    const held = this.#held.get(page);
    const view = this.connection.room?.board.pages.find(({ id }) => id === page);
    if (held === undefined || held.busy || view === undefined) return;
    clearTimeout(held.retry);
    held.busy = true;
    if (view.count === 0) {
      held.sheet = new Sheet(page, view.at, []); // nothing to ask for
      return this.#arrived(held, true);
    }
    const answer = await read<SheetAnswer>(this.connection.address(`/board/${page}@${view.at}`));
    if (this.#held.get(page) !== held) return;
    if (answer !== null) held.sheet = Sheet.from(answer);
    this.#arrived(held, answer !== null);
  }

  #arrived(held: Held, ok: boolean): void {
    held.busy = false;
    held.failed = !ok;
    if (!ok) {
      const wait = Math.min(RETRY * 2 ** held.tries, RETRY_MOST) * (0.75 + Math.random() / 2);
      held.tries += 1;
      held.retry = setTimeout(() => void this.#fetch(held.page), wait);
      return this.#news.emit("state", held.page);
    }
    held.tries = 0;
    this.#pump(held, false);
    this.#news.emit("changed", held.page, null, null);
    this.#news.emit("state", held.page);
  }

  #event(event: Stamped): void {
    if (!event.type.startsWith("board.") || !("page" in event)) return;
    const page = event.page as number;
    if (event.type === "board.page_removed") this.#drop(page);
    const held = this.#held.get(page);
    if (held === undefined) return this.#taken(event);
    held.queue.push(event);
    this.#pump(held, true);
  }

  /** Where it could not be fetched, what has come waits until that is tried again. */
  #pump(held: Held, tell: boolean): void {
    while (!held.busy && !held.failed && held.sheet !== null) {
      const event = held.queue[0];
      if (event === undefined) return;
      if (event.seq > held.sheet.at && this.#lacksInk(event)) return void this.#repair(held, event);
      held.queue.shift();
      const ids = held.sheet.fold(event, (id) => this.strokes.ink(id));
      if (held.sheet.stale) void this.#fetch(held.page);
      else if (ids !== null && tell) this.#news.emit("changed", held.page, ids, event);
      this.#taken(event);
    }
  }

  /** The ink of the strokes that it ends is not needed any more. */
  #taken(event: Stamped): void {
    if (event.type !== "board.drawn") return;
    let seen = false;
    for (const { id } of event.changes) seen = this.strokes.done(id) || seen;
    if (seen) this.#news.emit("ink", event.page);
  }

  #lacksInk(event: Stamped): boolean {
    if (event.type !== "board.drawn") return false;
    // A probe on an empty sheet: what is wanting there is ink, if no change has a base.
    const inked = event.changes.filter((change) => change.inked != null).map(({ base: _, ...change }) => change);
    if (inked.length === 0) return false;
    const probe = new Sheet(event.page, -1, []);
    probe.fold({ ...event, changes: inked }, (id) => this.strokes.ink(id));
    return probe.stale;
  }

  /** Fetch an event with all its points, in place of the one whose ink was not heard. */
  async #repair(held: Held, event: Stamped): Promise<void> {
    held.busy = true;
    const whole = await read<Stamped>(this.connection.address(`/board/events/${event.seq}`));
    if (this.#held.get(held.page) !== held) return;
    held.busy = false;
    if (whole === null) return void this.#fetch(held.page);
    held.queue[0] = whole;
    this.#pump(held, true);
  }

  /** After a welcome, events may be missing between what is held and what the room says. */
  #welcomed(): void {
    const { room } = this.connection;
    if (room === null) return;
    const before = this.#lastEvent;
    this.#lastEvent = room.seq;
    if (room.seq < before) this.#beginAnew();
    if (room.seq <= before) return;
    for (const held of [...this.#held.values()]) {
      const view = room.board.pages.find(({ id }) => id === held.page);
      if (view === undefined) this.#drop(held.page);
      else if (held.sheet !== null && !held.busy && held.queue.length === 0 && held.sheet.at < view.at) {
        this.#check(held, view.at);
      }
    }
  }

  /** It is another log under the same name: nothing that is held is of that. */
  #beginAnew(): void {
    this.strokes.clear();
    for (const page of [...this.#held.keys()]) this.#drop(page);
    for (const page of this.#watched.keys()) {
      this.#hold(page);
      this.#news.emit("ink", page);
      this.#news.emit("state", page);
    }
  }

  /** Events come one by one right after the room has been told them: only what they do not bring is fetched. */
  #check(held: Held, at: number): void {
    queueMicrotask(() => {
      if (this.#held.get(held.page) !== held || held.busy || held.sheet === null || held.queue.length > 0) return;
      if (held.sheet.at < at) void this.#fetch(held.page);
    });
  }

  #signal(signal: SignalOut): void {
    if (signal.type === "board.ink_by") {
      if (this.strokes.take(signal, performance.now())) this.#news.emit("ink", signal.page);
      this.#look ??= setTimeout(() => this.#forget(), LOOK);
    } else if (signal.type === "board.cursor_by" || signal.type === "board.laser_by") {
      this.#news.emit("pointer", signal);
    }
  }

  #forget(): void {
    for (const page of this.strokes.forget(performance.now())) this.#news.emit("ink", page);
    this.#look = this.strokes.size > 0 ? setTimeout(() => this.#forget(), LOOK) : undefined;
  }
}
