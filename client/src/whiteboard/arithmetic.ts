/// Blocks of packed points as a crowd is told them, in an arithmetic code: the reader. The format, and the server's side, are told
/// in `classroom/whiteboard/arithmetic.py`.
///
/// What always holds: what is read are exactly the packed blocks that the server has been sent (golden vectors say so); whatever
/// the bytes, reading ends.

import { boxOf, joined, Packer, PRECISION_MOST, unpack } from "./packing";

const LONG = 20;
const RAW = 28;
const WINDOW = 32;
const LIGHTLY = 5; // 32nds: how a pen comes down
const RARELY = 1 << 11; // of 65,536
const EVENLY = 1 << 15;
const MOST = 256; // points in a message

/** Takes a message apart, decision by decision. */
interface Coder {
  decide(one: boolean, chance: number): boolean;
}

/** `at`: where the message begins, in halves of a byte. Behind it there are zeros. */
export class Reader implements Coder {
  readonly #data: Uint8Array;
  #at: number;
  #code = 0;
  #width = 2 ** 32;

  constructor(data: Uint8Array, at: number) {
    this.#data = data;
    this.#at = at;
    for (let count = 0; count < 4; count += 1) this.#code = this.#code * 256 + this.#byte();
  }

  decide(_: boolean, chance: number): boolean {
    const split = Math.floor(this.#width / 65_536) * chance;
    const one = this.#code < split;
    if (one) this.#width = split;
    else {
      this.#code -= split;
      this.#width -= split;
    }
    while (this.#width <= 1 << 24) {
      this.#code = this.#code * 256 + this.#byte();
      this.#width *= 256;
    }
    return one;
  }

  #byte(): number {
    return this.#half() * 16 + this.#half();
  }

  #half(): number {
    const byte = this.#data[this.#at >> 1] ?? 0;
    this.#at += 1;
    return this.#at % 2 === 1 ? byte >> 4 : byte & 15;
  }
}

/** What was told otherwise. */
const heard: Coder = { decide: (one) => one };

interface Context {
  sum: number;
  count: number;
}

interface Axis {
  last: number;
  slope: number;
  bend: number;
}

interface Block {
  readonly points: readonly (readonly [number, number])[];
  readonly pressures: readonly number[];
}

/** What is expected of a path that grows block by block. */
class Course {
  readonly #pressures: boolean;
  readonly #counts: Context = { sum: 1, count: 2 };
  readonly #places: readonly [Context, Context] = [
    { sum: 4, count: 1 },
    { sum: 4, count: 1 },
  ];
  readonly #presses: Context = { sum: 1, count: 2 };
  readonly #axes: readonly [Axis, Axis] = [
    { last: 0, slope: 0, bend: 0 },
    { last: 0, slope: 0, bend: 0 },
  ];
  #count = 1;
  #pressed: readonly [number, number, number] = [LIGHTLY, LIGHTLY, LIGHTLY];

  constructor(pressures: boolean) {
    this.#pressures = pressures;
  }

  /** The next block; `known` where it was told otherwise. */
  block(coder: Coder, most: number, known?: Block): Block {
    this.#count += residue(coder, this.#counts, (known?.points.length ?? 0) - this.#count);
    if (this.#count < 1 || this.#count > most) throw new RangeError("a block of too many points, or of none");
    const points: (readonly [number, number])[] = [];
    const pressures: number[] = [];
    for (let index = 0; index < this.#count; index += 1) {
      const [x, y] = known?.points[index] ?? [0, 0];
      points.push([this.#place(coder, 0, x), this.#place(coder, 1, y)]);
      if (this.#pressures) pressures.push(this.#pressure(coder, known?.pressures[index] ?? 0));
    }
    return { points, pressures };
  }

  #place(coder: Coder, which: 0 | 1, known: number): number {
    const axis = this.#axes[which];
    const { last, slope, bend } = axis;
    const expected = last + slope + ((bend + 1) >> 1);
    const value = expected + residue(coder, this.#places[which], known - expected);
    axis.last = value;
    axis.slope = value - last;
    axis.bend = axis.slope - slope;
    return value;
  }

  #pressure(coder: Coder, known: number): number {
    const [last, before, first] = this.#pressed;
    const expected = last + (((last - first) * 3 + 4) >> 3);
    const value = expected + residue(coder, this.#presses, known - expected);
    this.#pressed = [value, last, before];
    return value;
  }
}

function residue(coder: Coder, context: Context, known: number): number {
  const { sum, count } = context;
  const chance = Math.min(Math.max(Math.floor((sum * 65_536) / (sum + count)), RARELY), 65_536 - RARELY);
  const told = known >= 0 ? known * 2 : -known * 2 - 1;
  let u = 0;
  while (u < LONG && coder.decide(told > u, chance)) u += 1;
  if (u === LONG) {
    u = 0;
    for (let bit = RAW - 1; bit >= 0; bit -= 1) u = u * 2 + Number(coder.decide(((told >> bit) & 1) === 1, EVENLY));
  }
  context.sum = sum + u;
  context.count = count + 1;
  if (context.count === WINDOW) {
    context.sum = Math.floor(context.sum / 2);
    context.count >>= 1;
  }
  return u % 2 === 1 ? -(u + 1) / 2 : u / 2;
}

/** A stroke under way, as both sides know it. */
export class Stroke {
  readonly #packer: Packer;
  readonly #course: Course;
  readonly #points: (readonly [number, number])[] = [];
  readonly #precision: number;
  /** Its packed points. */
  bytes: Uint8Array;

  constructor(header: number) {
    if ((header & 0xe0) !== 0 || (header & 15) > PRECISION_MOST) throw new RangeError("no header of packed points");
    this.#precision = header & 15;
    this.#packer = new Packer(this.#precision, (header & 16) !== 0);
    this.#course = new Course((header & 16) !== 0);
    this.bytes = this.#packer.header;
  }

  /** One that was told at length. */
  static from(bytes: Uint8Array): Stroke {
    const stroke = new Stroke(bytes[0] ?? 0xff);
    const { points, pressures, blocks } = unpack(bytes);
    let at = 0;
    for (const count of blocks) {
      stroke.#course.block(heard, count, { points: points.slice(at, at + count), pressures: pressures.slice(at, at + count) });
      stroke.#packer.block(points.slice(at, at + count), pressures.slice(at, at + count));
      at += count;
    }
    stroke.#points.push(...points);
    stroke.bytes = bytes;
    return stroke;
  }

  /** What comes behind its packed points, as it is told. */
  read(reader: Reader): Uint8Array {
    let piece: Uint8Array = new Uint8Array();
    let left = MOST;
    do {
      const { points, pressures } = this.#course.block(reader, left);
      left -= points.length;
      this.#points.push(...points);
      piece = joined(piece, this.#packer.block(points, pressures));
    } while (reader.decide(false, RARELY));
    this.bytes = joined(this.bytes, piece);
    return piece;
  }

  /** In px. */
  get last(): readonly number[] | undefined {
    return this.#points.at(-1)?.map((units) => units / 2 ** this.#precision);
  }

  /** How wide and high the points are, in px. */
  get box(): { width: number; height: number } {
    return boxOf({ precision: this.#precision, points: this.#points });
  }
}
