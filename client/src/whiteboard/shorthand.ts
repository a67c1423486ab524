/// Strokes in shorthand, read: what a frame of a few bytes says, as the signal or the event that it stands for. The format,
/// and the server's side, are told in `classroom/rooms/shorthand.py`.
///
/// What always holds: what is read equals what the server would have said at length (golden vectors say so); where it cannot
/// be read (something was missed) `read` throws a `RangeError`, and the connection has to begin anew.

import type { BoardDrawn, BoardInkBy, BoardInkSlot, SignalOut, Stamped } from "../protocol";
import * as arithmetic from "./arithmetic";
import { bytesOf, crc32, joined } from "./packing";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const GRAIN = 4; // of a px
const NEAR = 4; // letters at the end of an id that count on from stroke to stroke

type Look = Readonly<Record<string, unknown>>;

interface Stroke {
  readonly page: number;
  readonly by: string;
  readonly look: Look;
  bytes: Uint8Array;
}

interface Slot {
  /** Of the last stroke. */
  id: string;
  /** What is told of it, as long as it is under way. */
  stroke: arithmetic.Stroke | null;
  page: number;
  by: string;
  look: Look;
  /** The slot's last event. */
  last: { readonly seq: number; readonly at: number; readonly step: number } | null;
}

class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError("the frame breaks off");
    this.#at += 1;
    return byte;
  }

  number(bytes: number): number {
    let value = 0;
    for (let count = 0; count < bytes; count += 1) value = value * 256 + this.byte();
    return value;
  }

  leb(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a number is too long");
  }

  zigzag(): number {
    const value = this.leb();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  /** That of the last stroke, whose last letters are a number that counts on. */
  idAfter(last: string): string {
    let number = this.leb();
    for (let place = 0; place < NEAR; place += 1) number += LETTERS.indexOf(last.at(-1 - place) ?? "") * 64 ** place;
    let letters = "";
    for (let place = 0; place < NEAR; place += 1) letters = (LETTERS[Math.floor(number / 64 ** place) % 64] as string) + letters;
    return last.slice(0, -NEAR) + letters;
  }

  id(): string {
    let [text, bits, free] = ["", 0, 0];
    while (text.length < 21) {
      if (free < 6) [bits, free] = [(bits << 8) | this.byte(), free + 8];
      free -= 6;
      text += LETTERS[(bits >> free) & 63] as string;
      bits &= (1 << free) - 1;
    }
    return text;
  }

  /** Points, to the end of the frame. */
  points(): arithmetic.Reader {
    return new arithmetic.Reader(this.#bytes, this.#at * 2);
  }
}

/** What a frame says. */
export type Said = { readonly signal: BoardInkBy } | { readonly event: Stamped<BoardDrawn> };

export class Shorthand {
  readonly #strokes = new Map<string, Stroke>();
  readonly #slots: Slot[] = [];

  /** A welcome, or what was missed: the strokes under way are told anew. */
  clear(): void {
    this.#strokes.clear();
    this.#slots.length = 0;
  }

  /** Signals in long form. */
  signals(signals: readonly SignalOut[]): void {
    for (const signal of signals) {
      if (signal.type === "board.ink_by") this.#ink(signal);
      else if (signal.type === "board.ink_slot") this.#slot(signal);
    }
  }

  /** Events in long form. */
  events(events: readonly Stamped[]): void {
    for (const event of events) if (event.type === "board.drawn") this.#ended(event);
  }

  read(frame: Uint8Array): Said {
    const first = frame[0] ?? 0;
    const slot = this.#slots[(first >> 4) & 3];
    if (slot === undefined) throw new RangeError("nothing is known of that slot");
    if ((first & 0x40) === 0) return { signal: this.#goesOn(slot, new arithmetic.Reader(frame, 1)) };
    const reader = new Reader(frame, 1);
    if ((first & 8) === 0) return { signal: this.#begins(slot, (first & 1) === 1, reader) };
    return { event: this.#lifted(slot, (first & 4) !== 0, (first & 1) === 1, reader) };
  }

  /** What the others know of a slot, for one who has just come. */
  #slot({ slot, page, by, look, last, id }: BoardInkSlot): void {
    this.#slots[slot] = { id: id ?? "", stroke: null, page, by, look: look ?? {}, last: last == null ? null : { seq: last[0], at: last[1], step: last[2] } };
  }

  #ink({ page, id, by, after, ink, look, slot }: BoardInkBy): void {
    const piece = bytesOf(ink);
    let stroke = this.#strokes.get(id);
    if (after === 0 && look != null) {
      stroke = { page, by, look, bytes: piece };
      this.#strokes.set(id, stroke);
    } else if (stroke !== undefined) {
      const known = stroke.bytes.length - after;
      if (known >= 0 && known < piece.length) stroke.bytes = joined(stroke.bytes, piece.subarray(known));
    }
    if (slot == null || stroke === undefined) return;
    this.#slots[slot] = { last: this.#slots[slot]?.last ?? null, id, stroke: arithmetic.Stroke.from(stroke.bytes), page, by, look: stroke.look };
  }

  #ended({ seq, at, step = 0, page, changes }: Stamped<BoardDrawn>): void {
    for (const { id } of changes) {
      this.#strokes.delete(id);
      const slot = this.#slots.find((each) => each?.id === id && each.page === page && each.stroke !== null);
      if (slot === undefined) continue;
      slot.stroke = null;
      if (changes.length === 1) slot.last = { seq, at, step };
    }
  }

  #goesOn({ id, stroke }: Slot, points: arithmetic.Reader): BoardInkBy {
    const heard = this.#strokes.get(id);
    if (stroke === null || heard === undefined) throw new RangeError("no stroke is under way there");
    const after = stroke.bytes.length;
    const ink = stroke.read(points);
    heard.bytes = stroke.bytes;
    return { type: "board.ink_by", page: heard.page, id, by: heard.by, after, ink };
  }

  #begins(slot: Slot, near: boolean, reader: Reader): BoardInkBy {
    const id = near ? reader.idAfter(slot.id) : reader.id();
    const sizes = reader.byte();
    let index = String(slot.look["index"]).slice(0, sizes >> 4);
    for (let more = sizes & 15; more > 0; more -= 1) index += String.fromCharCode(reader.byte());
    const seed = reader.number(4);
    const x = Number(slot.look["x"]) + reader.zigzag() / GRAIN;
    const y = Number(slot.look["y"]) + reader.zigzag() / GRAIN;
    const stroke = new arithmetic.Stroke(reader.byte());
    stroke.read(reader.points());
    const look = { ...slot.look, x, y, seed, index, ...stroke.box };
    const { page, by } = slot;
    const ink = stroke.bytes;
    this.#strokes.set(id, { page, by, look, bytes: ink });
    slot.id = id;
    slot.stroke = stroke;
    slot.look = look;
    return { type: "board.ink_by", page, id, by, after: 0, ink, look };
  }

  #lifted(slot: Slot, more: boolean, committed: boolean, reader: Reader): Stamped<BoardDrawn> {
    const { id, stroke, page, by, last, look } = slot;
    if (stroke === null || last === null) throw new RangeError("no stroke is under way there");
    const [seq, at, version] = [last.seq + reader.leb(), last.at + reader.leb(), reader.leb()];
    const [step, nonce, sum] = [last.step + reader.zigzag(), reader.number(4), reader.number(2)];
    if (more) stroke.read(reader.points());
    const points = stroke.bytes;
    if ((crc32(points) & 0xffff) !== sum) throw new RangeError("the ink is not what was sent");
    const set = { ...look, ...stroke.box, ...(committed && { lastCommittedPoint: stroke.last }) };
    this.#strokes.delete(id);
    slot.stroke = null;
    slot.last = { seq, at, step };
    return { seq, at, type: "board.drawn", page, by, changes: [{ id, version, nonce, set, points }], added: 1, ...(step !== 0 && { step }) };
  }
}
