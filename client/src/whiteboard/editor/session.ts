/// One page in the editor: what is drawn here goes out, what others draw comes in.
///
/// What always holds: of two versions of an element both sides keep the same one (`wins`), so that all who have seen the
/// same events show the same page.

import type { Classroom } from "../../room";
import type { Refused, Stamped } from "../../protocol";
import { inOrder, type RawElement, wins } from "../element";
import type { BoardStore } from "../store";
import { Outgoing } from "./outgoing";
import { Pen } from "./pen";
import { forEditor, type SceneElement } from "./scene";

const INK_EVERY = 28; // ms: with every second animation frame. Each piece is a frame to everybody
const INK_REST = 45; // ms after a piece until the next one leaves where the pen rests
const POINT_EVERY = 50; // ms
const BATCH_EVERY = 100; // ms
const LASER_MOST = 60; // points in a signal

export interface Stagehand {
  readonly scene: () => readonly SceneElement[];
  readonly show: (elements: readonly SceneElement[]) => void;
  readonly refused: (refused: Refused) => void;
  readonly texts: (texts: readonly string[]) => void;
  readonly pictures: (files: readonly string[]) => void;
  /** Bring a picture here that came with something from elsewhere: what it is called here. Null: it cannot be had. */
  readonly adopt: (file: string) => Promise<string | null>;
}

export class Session {
  readonly #page: number;
  readonly #connection: Classroom;
  readonly #store: BoardStore;
  readonly #hand: Stagehand;
  readonly #out: Outgoing;
  readonly #files = new Set<string>();
  /** Pictures from elsewhere that are on their way here: what shows them is not told before. */
  readonly #coming = new Set<string>();
  /** Ids that others have changed, and by what, of the packet that is being heard. */
  readonly #news = new Map<string, Stamped | null>();
  #pen: Pen | null = null;
  #inkedAt = -Infinity;
  #inkTimer: ReturnType<typeof setTimeout> | undefined;
  #pointedAt = 0;
  #laser: [number, number][] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #off: () => void = () => undefined;
  #over = false;
  /** The page as it was left. */
  #left: readonly SceneElement[] = [];

  constructor(page: number, connection: Classroom, store: BoardStore, hand: Stagehand) {
    this.#page = page;
    this.#connection = connection;
    this.#store = store;
    this.#hand = hand;
    this.#out = new Outgoing(page, connection.send, (refused, ids) => this.#refused(refused, ids));
  }

  start(): void {
    this.#all(true);
    this.#off = this.#store.on("changed", (page, ids, event) => {
      if (page !== this.#page) return;
      if (ids === null) this.#all();
      else this.#hear(ids, event);
    });
  }

  /** What is not told yet is told all the same. Resolves when it is. */
  stop(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#inkTimer);
    this.#off();
    this.#pen = null;
    this.#note();
    this.#left = this.#hand.scene().map((element) => ({ ...element }));
    this.#over = true;
    return new Promise((told) => this.#out.after(async () => told()));
  }

  /** Something new begins: what follows is undone by itself. */
  begin(): void {
    this.#out.step = Math.max(Date.now(), this.#out.step + 1);
  }

  /** The pen was lifted: tell at once. */
  settle(): void {
    clearTimeout(this.#timer);
    // Excalidraw finishes the element after it has told of the pointer.
    this.#timer = setTimeout(() => this.#flush(), 0);
  }

  /** Do it after all that was done here until now, and before what will be. */
  after(act: () => Promise<unknown>, undo: boolean): void {
    if (!this.#over) this.#note();
    this.#out.after(act, undo);
  }

  /** The page is reloaded or closed: what waits is kept on the device, where the outbox has it. */
  leave(): void {
    if (!this.#over) this.#note();
    void this.#out.flush();
    this.#out.leave();
  }

  changed(elements: readonly SceneElement[], drawing: string | null, zoom: number): void {
    if (this.#over) return;
    for (const { fileId, isDeleted } of elements) if (fileId && !isDeleted && !this.#files.has(fileId)) void this.#adopt(fileId);
    const lost = this.#out.lacking(elements);
    if (lost.length > 0) return this.#keep(lost, elements);
    this.#draw(elements, drawing, zoom);
    if (this.#note(elements, drawing) && drawing === null) this.#soon();
  }

  /** The room has this picture. */
  uploaded(file: string): void {
    this.#files.add(file);
  }

  /** What is pasted from elsewhere may have pictures that the room does not have. */
  async #adopt(file: string): Promise<void> {
    const { step } = this.#out;
    this.#files.add(file);
    this.#coming.add(file);
    const name = await this.#hand.adopt(file);
    this.#coming.delete(file);
    if (name !== file) this.#files.delete(file); // it may be pasted again
    const scene = this.#over ? this.#left : this.#hand.scene();
    const foreign = scene.filter(({ id, fileId }) => fileId === file && !this.#out.told(id));
    const adopted = name === null ? [] : foreign.map((element) => ({ ...element, fileId: name, version: element.version + 1, versionNonce: Math.floor(Math.random() * 2 ** 31) }));
    const page = [...scene.filter((element) => !foreign.includes(element)), ...adopted];
    if (this.#over) this.#left = page;
    else this.#show(page);
    this.#out.note(adopted, () => false, step); // not with what was drawn meanwhile, which is undone by itself
    void this.#out.flush();
  }

  /** But for what is not finished: a stroke that is being drawn, a picture that is not here yet. */
  #note(elements = this.#hand.scene(), drawing = this.#pen?.id ?? null): boolean {
    return this.#out.note(elements, ({ id, fileId, isDeleted }) => id === drawing || (!!fileId && !isDeleted && this.#coming.has(fileId)));
  }

  pointer(x: number, y: number, laser: boolean, down: boolean): void {
    if (laser && down) this.#laser.push([round(x), round(y)]);
    const now = performance.now();
    if (now - this.#pointedAt < POINT_EVERY || this.#pen !== null) return;
    this.#pointedAt = now;
    if (laser) {
      if (this.#laser.length > 0) this.#connection.signal({ type: "board.laser", page: this.#page, points: this.#laser.slice(-LASER_MOST) });
      this.#laser = [];
    } else this.#connection.signal({ type: "board.cursor", page: this.#page, x: round(x), y: round(y) });
  }

  /** The editor shows a drawing that was dropped on it in place of the page: it comes to what is there. */
  #keep(lost: readonly string[], elements: readonly SceneElement[]): void {
    const kept = lost.flatMap((id) => {
      const raw = this.#store.sheet(this.#page)?.elements.get(id);
      this.#out.forget(id);
      return raw === undefined ? [] : [this.#both(raw, undefined)];
    });
    this.#show([...elements, ...kept]);
    this.#soon();
  }

  #draw(elements: readonly SceneElement[], drawing: string | null, zoom: number): void {
    if (this.#pen !== null && this.#pen.id !== drawing) {
      const { id } = this.#pen;
      const element = elements.find((each) => each.id === id);
      if (element !== undefined && !element.isDeleted) this.#out.lifted(this.#pen, element);
      this.#pen = null;
      clearTimeout(this.#inkTimer);
      this.#inkTimer = undefined;
      this.settle();
    }
    if (drawing === null) return;
    const element = elements.findLast(({ id }) => id === drawing);
    if (element === undefined) return;
    this.#pen ??= new Pen(this.#page, element, zoom);
    const since = performance.now() - this.#inkedAt;
    if (since >= INK_EVERY) this.#ink(element);
    else this.#inkTimer ??= setTimeout(() => this.#ink(this.#hand.scene().findLast(({ id }) => id === drawing)), INK_REST - since);
  }

  /** What is new of the stroke goes out; also where the pen rests, and nothing more is drawn for now. */
  #ink(element: SceneElement | undefined): void {
    clearTimeout(this.#inkTimer);
    this.#inkTimer = undefined;
    if (this.#over || element === undefined || this.#pen?.id !== element.id) return;
    this.#inkedAt = performance.now();
    const ink = this.#pen.ink(element);
    if (ink !== null) this.#connection.signal(ink);
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), BATCH_EVERY);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#over) return;
    this.#note();
    void this.#out.flush();
  }

  /** The page as it stands, with what was drawn here and not told yet. */
  #all(first = false): void {
    const sheet = this.#store.sheet(this.#page);
    if (sheet === null) return;
    this.#news.clear();
    if (first) this.#show([...sheet.elements.values()].map((raw) => this.#both(raw, undefined)));
    else this.#theirs(new Map([...sheet.elements.keys(), ...this.#hand.scene().filter(({ id }) => this.#out.told(id)).map(({ id }) => id)].map((id) => [id, null])));
  }

  /** A packet may tell of many events; the page takes them in at once, since each time costs as much as all that is on it. */
  #hear(ids: readonly string[], event: Stamped | null): void {
    if (this.#news.size === 0) {
      queueMicrotask(() => {
        const news = new Map(this.#news);
        this.#news.clear();
        if (!this.#over && news.size > 0) this.#theirs(news);
      });
    }
    for (const id of ids) this.#news.set(id, event);
  }

  /** `news`: what has changed, and which event has done it. */
  #theirs(news: ReadonlyMap<string, Stamped | null>): void {
    const sheet = this.#store.sheet(this.#page);
    if (sheet === null) return;
    const mine = new Map(this.#hand.scene().map((element) => [element.id, element]));
    let changed = false;
    for (const [id, event] of news) {
      const raw = sheet.elements.get(id);
      const local = mine.get(id);
      if (raw === undefined) changed = this.#gone(id, mine, event) || changed;
      else {
        const both = this.#both(raw, local);
        if (both !== local) {
          mine.set(id, both);
          changed = true;
        }
      }
    }
    if (changed) this.#show([...mine.values()]);
    else this.#tell();
  }

  #gone(id: string, mine: Map<string, SceneElement>, event: Stamped | null): boolean {
    const local = mine.get(id);
    if (local === undefined || local.isDeleted) return false;
    const gone = event?.type === "board.drawn" ? event.changes.find((change) => change.id === id) : undefined;
    const newer = gone !== undefined ? !wins(gone.version, gone.nonce, local) : event === null;
    if (this.#out.waits(id) && newer) {
      this.#out.forget(id); // told anew, whole
      this.#soon();
      return false;
    }
    this.#out.forget(id);
    mine.delete(id);
    return true;
  }

  /** Which of two versions it is to be. */
  #both(raw: RawElement, local: SceneElement | undefined): SceneElement {
    if (local !== undefined && local.versionNonce === raw.versionNonce) return local;
    if (local !== undefined && this.#out.made(raw.versionNonce) && local.version > raw.version) return local;
    const theirs = forEditor(raw);
    if (local !== undefined && !local.isDeleted && !this.#out.silent(local) && !wins(raw.version, raw.versionNonce, local)) {
      this.#out.rebase(theirs);
      this.#soon(); // the others are told, even if nothing more is done here
      return local;
    }
    this.#out.known(theirs);
    return theirs;
  }

  #show(elements: readonly SceneElement[]): void {
    const files = elements.flatMap(({ fileId }) => (fileId && !this.#files.has(fileId) ? [fileId] : []));
    for (const file of files) this.#files.add(file);
    if (files.length > 0) this.#hand.pictures(files);
    this.#hand.show([...elements].sort((one, other) => inOrder(one as never, other as never)));
    this.#tell();
  }

  #tell(): void {
    const texts = this.#hand.scene().filter(({ type, isDeleted, text }) => type === "text" && !isDeleted && text?.trim());
    this.#hand.texts(texts.sort((one, other) => one.y - other.y || one.x - other.x).map(({ text = "" }) => text.trim()));
  }

  /** What was refused is taken from the page again: it shows what all have. */
  #refused(refused: Refused, ids: readonly string[]): void {
    if (refused.code !== "stopped") this.#hand.refused(refused);
    const sheet = this.#store.sheet(this.#page);
    if (this.#over || sheet === null) return;
    const mine = new Map(this.#hand.scene().map((element) => [element.id, element]));
    for (const id of ids) {
      const raw = sheet.elements.get(id);
      if (raw === undefined) mine.delete(id);
      else {
        const theirs = forEditor(raw);
        this.#out.known(theirs);
        mine.set(id, theirs);
      }
    }
    this.#show([...mine.values()]);
  }
}

function round(value: number): number {
  return Math.round(value * 4) / 4;
}
