/// What the editor has changed on a page, on its way to the others: minimal changes, one batch at a time.
///
/// What always holds: at most one batch is under way; what changes meanwhile is gathered into the next. An element is told
/// as a difference to what the server has, by its nonce; where the server has another version it is told whole. Each step of the
/// member's is a command of its own, however long it had to wait; and what the server does not take keeps nothing else from it.

import type { Ack, BoardDelete, BoardPut, Change, Gone, Refused } from "../../protocol";
import { base64, pack, PRECISION, PRESSURE_UNITS, quantised } from "../packing";
import type { Pen } from "./pen";
import { alike, type Fields, fieldsOf, type SceneElement, worthTelling } from "./scene";

const BATCH = 400; // elements
/** Refusals that are about one of several changes, or about how much they are together. */
const APART: ReadonlySet<string> = new Set(["bad_request", "too_long", "too_large"]);
const FINE = PRECISION + 2; // of points that were scaled
const REMEMBERED = 4_000; // own nonces

interface Told {
  /** The nonce of the version that the server has, as far as is known. */
  readonly base: number;
  /** The nonce of the editor's version that was told so. */
  readonly local: number;
  readonly fields: Fields;
}

interface Doing {
  readonly changed: SceneElement[];
  readonly gone: SceneElement[];
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
  readonly #changed = new Map<string, SceneElement>();
  readonly #gone = new Map<string, SceneElement>();
  /** The step in which each of them was changed first. */
  readonly #steps = new Map<string, number>();
  readonly #whole = new Set<string>();
  readonly #inked = new Map<string, { readonly bytes: Uint8Array; readonly fields: Fields }>();
  readonly #nonces = new Set<number>();
  /** Told, and not answered yet. */
  #sending: ReadonlySet<string> = new Set();
  #flushing: Promise<void> | null = null;

  constructor(page: number, send: SendBatch, refused: (refused: Refused, ids: readonly string[]) => void) {
    this.page = page;
    this.#send = send;
    this.#refused = refused;
  }

  /** The editor shows the very version that the server has. */
  known(element: SceneElement): void {
    this.#told.set(element.id, { base: element.versionNonce, local: element.versionNonce, fields: fieldsOf(element) });
    this.#changed.delete(element.id);
    this.#steps.delete(element.id);
  }

  /** The server has this version; the editor has changed it since, and will tell how. */
  rebase(theirs: SceneElement): void {
    this.#told.set(theirs.id, { base: theirs.versionNonce, local: -1, fields: fieldsOf(theirs) });
  }

  forget(id: string): void {
    this.#told.delete(id);
    this.#changed.delete(id);
    this.#gone.delete(id);
    this.#steps.delete(id);
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
    return this.#changed.has(id);
  }

  /** Look for what the editor has changed, but for the stroke that is being drawn. Whether there is something to tell. */
  note(elements: readonly SceneElement[], drawing: string | null): boolean {
    for (const element of elements) {
      const told = this.#told.get(element.id);
      if (told?.local === element.versionNonce || element.id === drawing) continue;
      if (element.isDeleted) {
        this.#changed.delete(element.id);
        if (told !== undefined) this.#wait(this.#gone, element, this.step);
      } else if (told !== undefined || worthTelling(element)) {
        this.#wait(this.#changed, element, this.step);
        this.#gone.delete(element.id);
      }
    }
    return this.#changed.size + this.#gone.size > 0;
  }

  /** The stroke is done: its points are the ink that has gone by, and the rest. */
  lifted(pen: Pen, element: SceneElement): void {
    this.#inked.set(pen.id, { bytes: pen.packed(element), fields: pen.fields(element) });
  }

  /** Tell all that waits. Resolves when nothing does any more. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flush().finally(() => (this.#flushing = null));
    return this.#flushing;
  }

  async #flush(): Promise<void> {
    while (this.#changed.size + this.#gone.size > 0) {
      const doings = this.#take();
      this.#sending = new Set(doings.flatMap(([, { changed }]) => changed.map(({ id }) => id)));
      await Promise.all(
        doings.flatMap(([step, { changed, gone }]) => [
          ...inBatches(changed).map((batch) => this.#put(step, batch)),
          ...inBatches(gone).map((batch) => this.#delete(step, batch)),
        ]),
      );
      this.#sending = new Set();
    }
  }

  #wait(where: Map<string, SceneElement>, element: SceneElement, step: number): void {
    where.set(element.id, element);
    if (!this.#steps.has(element.id)) this.#steps.set(element.id, step);
  }

  /** What waits, by its step. */
  #take(): readonly (readonly [step: number, doing: Doing])[] {
    const doings = new Map<number, Doing>();
    const doingOf = (id: string): Doing => {
      const step = this.#steps.get(id) ?? this.step;
      const doing = doings.get(step) ?? { changed: [], gone: [] };
      doings.set(step, doing);
      return doing;
    };
    for (const element of this.#changed.values()) doingOf(element.id).changed.push(element);
    for (const element of this.#gone.values()) doingOf(element.id).gone.push(element);
    for (const waiting of [this.#changed, this.#gone, this.#steps]) waiting.clear();
    return [...doings].sort(([one], [other]) => one - other);
  }

  async #put(step: number, batch: readonly SceneElement[]): Promise<void> {
    const changes = batch.flatMap((element) => this.#change(element) ?? []);
    if (changes.length === 0) return;
    const failed = await this.#tell(step, changes, new Map(batch.map((element) => [element.id, element])));
    const [first] = failed;
    if (first === undefined) return;
    const ids = failed.flatMap(({ ids }) => ids);
    for (const id of ids) this.forget(id);
    this.#refused(first.refused, ids);
  }

  /** All of them; where the server does not take them together, as many as it takes. Answers which it does not. */
  async #tell(step: number, changes: readonly Change[], elements: ReadonlyMap<string, SceneElement>): Promise<readonly Failed[]> {
    const ack = await this.#send({ type: "board.put", page: this.page, changes, step });
    if (ack.ok) return [];
    if (ack.code === "stale") {
      // Somebody was faster: each is told whole, and the last writer wins.
      for (const { id } of changes) {
        const element = elements.get(id);
        if (element === undefined || element.isDeleted) continue;
        this.#whole.add(id);
        this.#wait(this.#changed, this.#changed.get(id) ?? element, step);
      }
      return [];
    }
    if (changes.length === 1 || !APART.has(ack.code)) return [{ refused: ack, ids: changes.map(({ id }) => id) }];
    const half = Math.ceil(changes.length / 2);
    return [...(await this.#tell(step, changes.slice(0, half), elements)), ...(await this.#tell(step, changes.slice(half), elements))];
  }

  async #delete(step: number, batch: readonly SceneElement[]): Promise<void> {
    const elements = batch.map(({ id, version, versionNonce }): Gone => [id, version, versionNonce]);
    for (const { id } of batch) this.forget(id);
    for (const { versionNonce } of batch) this.#remember(versionNonce);
    const ack = await this.#send({ type: "board.delete", page: this.page, elements, step });
    if (!ack.ok) this.#refused(ack, batch.map(({ id }) => id));
  }

  #change(element: SceneElement): Change | null {
    const { id, version, versionNonce: nonce } = element;
    const told = this.#whole.delete(id) ? undefined : this.#told.get(id);
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

function inBatches(elements: readonly SceneElement[]): readonly (readonly SceneElement[])[] {
  return Array.from({ length: Math.ceil(elements.length / BATCH) }, (_, index) => elements.slice(index * BATCH, (index + 1) * BATCH));
}
