/// What the editor has changed on a page, on its way to the others: minimal changes, one command at a time.
///
/// What always holds: at most one command is under way; what changes meanwhile waits as it was when its step ended. An element is
/// told as a difference to what the server has, by its nonce; where the server has another version it is told whole. The member's
/// steps are told in their order, each by itself, and all of one before the next, also where it goes in parts or once more: the
/// server joins what has the same number only with the newest; and what is to come after them, such as undo, comes before what is
/// done later. What the server does not take keeps nothing else from it, and is told once for all that waited together.

import type { Ack, BoardDelete, BoardPut, Change, Gone, Refused } from "../../protocol";
import { base64, pack, PRECISION, PRESSURE_UNITS, quantised } from "../packing";
import type { Pen } from "./pen";
import { alike, type Fields, fieldsOf, type SceneElement, worthTelling } from "./scene";

const BATCH = 400; // elements
/** Refusals that are about one of several changes, or about how much they are together. */
const APART: ReadonlySet<string> = new Set(["bad_request", "too_long", "too_large"]);
const FINE = PRECISION + 2; // of points that were scaled
const REMEMBERED = 4_000; // own nonces
const REBASED = -1; // no nonce: the editor's version has not been told since

interface Told {
  /** The nonce of the version that the server has, as far as is known. */
  readonly base: number;
  /** The nonce of the editor's version that was told so. */
  readonly local: number;
  readonly fields: Fields;
}

/** What was done in a step and is not told yet, as it was then: the editor changes its elements in place. */
interface Doing {
  readonly step: number;
  readonly changed: Map<string, SceneElement>;
  readonly gone: Map<string, SceneElement>;
  /** What became of it: the server took something of it, or refused something. */
  kept: boolean;
  refused: boolean;
  /** It is to be undone. */
  undone: boolean;
}

/** Undo or redo. Resolves when the server has answered. */
type Act = () => Promise<unknown>;

/** `of`: what is to be undone by it, where that waits, too. */
interface Back {
  readonly act: Act;
  readonly of: Doing | null;
}

interface Failed {
  readonly refused: Refused;
  readonly ids: readonly string[];
}

type SendBatch = (command: BoardPut | BoardDelete) => Promise<Ack>;

export class Outgoing {
  readonly page: number;
  step = Date.now();
  readonly #send: SendBatch;
  readonly #refused: (refused: Refused, ids: readonly string[]) => void;
  readonly #told = new Map<string, Told>();
  /** What is to be told, in this order. The first is under way. */
  readonly #turns: (Doing | Back)[] = [];
  /** The newest of what waits in them, of each element. */
  readonly #waiting = new Map<string, SceneElement>();
  readonly #inked = new Map<string, { readonly bytes: Uint8Array; readonly fields: Fields }>();
  readonly #nonces = new Set<number>();
  /** Told, and not answered yet. */
  #sending: ReadonlySet<string> = new Set();
  /** What was refused of what waited together, and is still on the page. */
  readonly #lost = new Map<string, Refused>();
  #busy = false;
  /** Nothing waits for an answer any more. */
  #leaving = false;
  #hurry: (_: unknown) => void = () => undefined;

  constructor(page: number, send: SendBatch, refused: (refused: Refused, ids: readonly string[]) => void) {
    this.page = page;
    this.#send = send;
    this.#refused = refused;
  }

  /** The editor shows the very version that the server has. */
  known(element: SceneElement): void {
    this.#told.set(element.id, { base: element.versionNonce, local: element.versionNonce, fields: fieldsOf(element) });
    if (this.waits(element.id)) this.#drop(element.id);
  }

  /** The server has this version; the editor has changed it since, and will tell how. */
  rebase(theirs: SceneElement): void {
    this.#told.set(theirs.id, { base: theirs.versionNonce, local: REBASED, fields: fieldsOf(theirs) });
  }

  forget(id: string): void {
    this.#told.delete(id);
    if (this.#waiting.has(id)) this.#drop(id);
  }

  /** Whether it was this editor who made that version. */
  made(nonce: number): boolean {
    return this.#nonces.has(nonce);
  }

  /** Whether the server has been told of it, and has taken it. */
  told(id: string): boolean {
    return this.#told.has(id) && !this.#sending.has(id);
  }

  /** Whether the editor has another version than the server that says the same: there is nothing to tell of it. */
  silent({ id, versionNonce }: SceneElement): boolean {
    const told = this.#told.get(id);
    return told !== undefined && told.local === versionNonce && told.base !== versionNonce;
  }

  /** Which of what the server has is not among `elements`, deleted or not. */
  lacking(elements: readonly SceneElement[]): readonly string[] {
    let there = 0;
    for (const { id } of elements) if (this.#told.has(id)) there += 1;
    if (there === this.#told.size) return [];
    const ids = new Set(elements.map(({ id }) => id));
    return [...this.#told.keys()].filter((id) => !ids.has(id));
  }

  waits(id: string): boolean {
    return this.#waiting.get(id)?.isDeleted === false;
  }

  /** Look for what the editor has changed, but for what is `unfinished`. Whether there is something to tell. */
  note(elements: readonly SceneElement[], unfinished: (element: SceneElement) => boolean, step = this.step): boolean {
    for (const element of elements) {
      const { id, versionNonce, isDeleted } = element;
      const told = this.#told.get(id);
      if (told?.local === versionNonce || this.#waiting.get(id)?.versionNonce === versionNonce || this.#lost.has(id) || unfinished(element)) continue;
      if (isDeleted) this.#noteGone(element, step);
      else if (told !== undefined || worthTelling(element)) {
        const doing = this.#doing(step);
        doing.gone.delete(id);
        this.#wait(doing.changed, element);
      }
    }
    return this.#turns.length > 0;
  }

  /** The stroke is done: its points are the ink that has gone by, and the rest. */
  lifted(pen: Pen, element: SceneElement): void {
    this.#inked.set(pen.id, { bytes: pen.packed(element), fields: pen.fields(element) });
  }

  /** Do it when all that waits now is told, and before what comes later. `undo`: it takes back what was done last, and nothing if that
   * is refused: the server would take back what was done before. */
  after(act: Act, undo = false): void {
    const of = undo ? (this.#doings.findLast(({ undone }) => !undone) ?? null) : null;
    if (of !== null) of.undone = true;
    this.#turns.push({ act, of });
    void this.flush();
  }

  /** Tell all that waits. Resolves when nothing does any more, unless that is already being done. */
  async flush(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (let last = this.#turns.at(-1); last !== undefined; last = this.#turns.at(-1)) {
        await this.#tellUntil(last);
        this.#sayRefused();
      }
    } finally {
      this.#busy = this.#leaving = false;
    }
  }

  async #tellUntil(last: Doing | Back): Promise<void> {
    for (let turn = this.#turns[0]; turn !== undefined && this.#turns.includes(last); turn = this.#turns[0]) {
      const done = this.#begin(turn);
      if (done === null || this.#leaving) continue;
      await new Promise((next, fail) => {
        this.#hurry = next;
        done.then(next, fail);
      });
    }
  }

  /** What builds on what failed is not told, either. */
  #answered(doing: Doing, told: number, failed: readonly Failed[]): void {
    doing.refused ||= failed.length > 0;
    doing.kept ||= failed.flatMap(({ ids }) => ids).length < told;
    for (const { refused, ids } of failed) {
      for (const id of ids) {
        for (const doing of this.#doings) doing.refused ||= doing.changed.has(id) || doing.gone.has(id);
        this.forget(id);
        this.#lost.set(id, refused);
      }
    }
    if (!this.#busy) this.#sayRefused();
  }

  #sayRefused(): void {
    const [first] = this.#lost.values();
    if (first === undefined) return;
    const ids = [...this.#lost.keys()];
    this.#lost.clear();
    this.#refused(first, ids);
  }

  /** The browser takes the page away: what waits is given away now, without an answer to what is under way. */
  leave(): void {
    this.#leaving = this.#busy;
    this.#hurry(null);
  }

  /** Null: nothing was left of it. */
  #begin(turn: Doing | Back): Promise<unknown> | null {
    if ("changed" in turn) {
      if (turn.changed.size > 0) return this.#put(turn, this.#take(turn.changed));
      if (turn.gone.size > 0) return this.#delete(turn, this.#take(turn.gone));
    }
    this.#turns.shift();
    return "changed" in turn || (turn.of?.refused && !turn.of.kept) ? null : turn.act();
  }

  get #doings(): readonly Doing[] {
    return this.#turns.filter((turn) => "changed" in turn);
  }

  /** What is done in this step, unless something is to come in between. */
  #last(step: number): Doing | null {
    const last = this.#turns.at(-1);
    return last !== undefined && "changed" in last && last.step === step ? last : null;
  }

  #doing(step: number): Doing {
    const last = this.#last(step);
    if (last !== null) return last;
    const doing: Doing = { step, changed: new Map(), gone: new Map(), kept: false, refused: false, undone: false };
    this.#turns.push(doing);
    return doing;
  }

  #wait(where: Map<string, SceneElement>, element: SceneElement): void {
    const then = { ...element };
    where.set(element.id, then);
    this.#waiting.set(element.id, then);
  }

  /** What nobody has been told of, and was made in this very step, is gone as if it had never been. */
  #noteGone(element: SceneElement, step: number): void {
    const { id } = element;
    if (!this.#told.has(id) && !this.waits(id)) return;
    this.#last(step)?.changed.delete(id);
    if (this.#told.has(id) || this.#doings.some(({ changed }) => changed.has(id))) this.#wait(this.#doing(step).gone, element);
    else this.#waiting.delete(id);
  }

  /** Nothing of it is told any more. */
  #drop(id: string): void {
    this.#waiting.delete(id);
    for (const { changed, gone } of this.#doings) {
      changed.delete(id);
      gone.delete(id);
    }
  }

  #take(waiting: Map<string, SceneElement>): readonly SceneElement[] {
    const batch = [...waiting.values()].slice(0, BATCH);
    for (const element of batch) {
      waiting.delete(element.id);
      if (this.#waiting.get(element.id) === element) this.#waiting.delete(element.id);
    }
    return batch;
  }

  async #put(doing: Doing, batch: readonly SceneElement[]): Promise<void> {
    const changes = batch.flatMap((element) => this.#change(element) ?? []);
    if (changes.length === 0) return;
    this.#sending = new Set(changes.map(({ id }) => id));
    const failed = await this.#tell(doing.step, changes, new Map(batch.map((element) => [element.id, element])));
    this.#sending = new Set();
    this.#answered(doing, changes.length, failed);
  }

  /** All of them; where the server does not take them together, as many as it takes. Answers which it does not. */
  async #tell(step: number, changes: readonly Change[], elements: ReadonlyMap<string, SceneElement>): Promise<readonly Failed[]> {
    const ack = await this.#send({ type: "board.put", page: this.page, changes, step });
    if (ack.ok) return [];
    if (ack.code === "stale") {
      // Somebody was faster: each is told whole, and the last writer wins.
      const whole = changes.flatMap(({ id }) => this.#whole(elements.get(id)) ?? []);
      return whole.length > 0 ? this.#tell(step, whole, elements) : [];
    }
    if (changes.length === 1 || !APART.has(ack.code)) return [{ refused: ack, ids: changes.map(({ id }) => id) }];
    const half = Math.ceil(changes.length / 2);
    return [...(await this.#tell(step, changes.slice(0, half), elements)), ...(await this.#tell(step, changes.slice(half), elements))];
  }

  async #delete(doing: Doing, batch: readonly SceneElement[]): Promise<void> {
    const elements = batch.map(({ id, version, versionNonce }): Gone => [id, version, versionNonce]);
    for (const { id } of batch) this.#told.delete(id);
    for (const { versionNonce } of batch) this.#remember(versionNonce);
    const ack = await this.#send({ type: "board.delete", page: this.page, elements, step: doing.step });
    this.#answered(doing, batch.length, ack.ok ? [] : [{ refused: ack, ids: batch.map(({ id }) => id) }]);
  }

  /** Null: what somebody else made of it won, and is shown here by now. */
  #whole(element: SceneElement | undefined): Change | null {
    if (element === undefined) return null;
    const told = this.#told.get(element.id);
    if (told !== undefined && told.local !== element.versionNonce && told.local !== REBASED) return null;
    this.#told.delete(element.id);
    return this.#change(element);
  }

  #change(element: SceneElement): Change | null {
    const { id, version, versionNonce: nonce } = element;
    const told = this.#told.get(id);
    const fields = fieldsOf(element);
    const set: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) if (told === undefined || !alike(told.fields[name], value)) set[name] = value;
    const unset = told === undefined ? [] : Object.keys(told.fields).filter((name) => !(name in fields));
    const points = this.#points(element, set);
    if (told !== undefined && points === null && unset.length === 0 && Object.keys(set).length === 0) {
      this.#told.set(id, { ...told, local: nonce });
      return null;
    }
    this.#told.set(id, { base: nonce, local: nonce, fields });
    this.#remember(nonce);
    return {
      id,
      version,
      nonce,
      ...(told !== undefined && { base: told.base }),
      set,
      ...(unset.length > 0 && { unset }),
      ...(points !== null && { points: base64(points) }),
    };
  }

  /** A pen's points, packed, in place of the lists in `set`. */
  #points(element: SceneElement, set: Record<string, unknown>): Uint8Array | null {
    const { id, type, points = [], pressures = [], simulatePressure } = element;
    const pressed = "pressures" in set;
    if (type !== "freedraw" || !("points" in set || pressed)) return null;
    delete set["points"];
    delete set["pressures"];
    const inked = this.#inked.get(id);
    this.#inked.delete(id);
    if (inked !== undefined) {
      Object.assign(set, inked.fields);
      return inked.bytes;
    }
    const units = points.map(([x, y]) => [quantised(x, FINE), quantised(y, FINE)] as const);
    return pack(units, simulatePressure === false ? points.map((_, index) => Math.round((pressures[index] ?? 0.5) * PRESSURE_UNITS)) : [], FINE);
  }

  #remember(nonce: number): void {
    this.#nonces.add(nonce);
    if (this.#nonces.size > REMEMBERED) this.#nonces.delete(this.#nonces.values().next().value as number);
  }
}
