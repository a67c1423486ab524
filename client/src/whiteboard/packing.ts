/// Points as integers in few bits: how a pen's path travels. The server's side, and the format, are told in
/// `classroom/whiteboard/quantise.py`.
///
/// What always holds: unpacking gives exactly the integers that were packed (golden vectors say so for both sides); packed
/// points followed by a packed block are packed points again; whatever the bytes, unpacking ends.

import type { Packed } from "../protocol";

export const PRECISION = 2; // of a board at its own size: a quarter of a pixel
export const PRECISION_MOST = 8;
const PRESSURES = 16; // the header's bit
export const PRESSURE_UNITS = 32;
const LONG = 14;
const RAW = 28;
const WINDOW = 16;
const BOUND = 1 << 22; // units from the origin

export interface Unpacked {
  readonly precision: number;
  /** In units of 2^-precision px. */
  readonly points: readonly (readonly [number, number])[];
  /** In 32nds; empty: there are none. */
  readonly pressures: readonly number[];
  /** How many points each block has. */
  readonly blocks: readonly number[];
}

class Context {
  sum = 4;
  count = 1;

  get parameter(): number {
    let k = 0;
    for (let least = this.count; least < this.sum; least *= 2) k += 1;
    return k;
  }

  take(u: number): void {
    this.sum += u;
    this.count += 1;
    if (this.count < WINDOW) return;
    this.sum = Math.floor(this.sum / 2);
    this.count >>= 1;
  }
}

/** Where a coordinate was last, its last difference, and how much that was more than the one before. */
class Axis {
  last = 0;
  slope = 0;
  bend = 0;
}

class Bits {
  readonly bytes: number[] = [];
  #free = 0;

  put(value: number, width: number): void {
    for (let bit = width - 1; bit >= 0; bit -= 1) {
      if (this.#free === 0) {
        this.bytes.push(0);
        this.#free = 8;
      }
      this.#free -= 1;
      const last = this.bytes.length - 1;
      this.bytes[last] = (this.bytes[last] as number) | (((value >>> bit) & 1) << this.#free);
    }
  }
}

/** Packs a path as it grows: the header, then block by block. */
export class Packer {
  readonly header: Uint8Array;
  readonly #pressures: boolean;
  readonly #contexts = [new Context(), new Context(), new Context()] as const;
  readonly #axes = [new Axis(), new Axis()] as const;
  #pressure = PRESSURE_UNITS / 2;

  constructor(precision = PRECISION, pressures = false) {
    this.#pressures = pressures;
    this.header = Uint8Array.of(precision | (pressures ? PRESSURES : 0));
  }

  /** The block of these points, at least one; `pressures` are as many, if there are any. */
  block(points: readonly (readonly [number, number])[], pressures: readonly number[] = []): Uint8Array {
    const bits = new Bits();
    points.forEach((point, index) => {
      this.#axes.forEach((axis, which) => {
        const moved = (point[which] as number) - axis.last;
        this.#code(bits, this.#contexts[which as 0 | 1], moved - axis.slope - (axis.bend >> 1));
        axis.bend = moved - axis.slope;
        axis.slope = moved;
        axis.last = point[which] as number;
      });
      if (!this.#pressures) return;
      const pressure = pressures[index] ?? this.#pressure;
      this.#code(bits, this.#contexts[2], pressure - this.#pressure);
      this.#pressure = pressure;
    });
    return Uint8Array.from([...varint(points.length), ...bits.bytes]);
  }

  #code(bits: Bits, context: Context, residue: number): void {
    const u = residue >= 0 ? residue * 2 : -residue * 2 - 1;
    const k = context.parameter;
    context.take(u);
    const ones = Math.floor(u / 2 ** k);
    if (ones >= LONG) {
      bits.put((1 << LONG) - 1, LONG);
      bits.put(u, RAW);
      return;
    }
    bits.put((1 << (ones + 1)) - 2, ones + 1);
    bits.put(u, k);
  }
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}

/** All points at once, in one block. */
export function pack(points: readonly (readonly [number, number])[], pressures: readonly number[] = [], precision = PRECISION): Uint8Array {
  const packer = new Packer(precision, pressures.length > 0);
  return points.length > 0 ? joined(packer.header, packer.block(points, pressures)) : packer.header;
}

class Reader {
  readonly #data: Uint8Array;
  at = 8;

  constructor(data: Uint8Array) {
    this.#data = data;
  }

  get over(): boolean {
    return this.at >= this.#data.length * 8;
  }

  bit(): number {
    const byte = this.#data[this.at >>> 3];
    if (byte === undefined) throw new RangeError("the packed points break off");
    const bit = (byte >>> (7 - (this.at & 7))) & 1;
    this.at += 1;
    return bit;
  }

  /** At most 30 bits. */
  bits(width: number): number {
    let value = 0;
    for (let left = width; left > 0; ) {
      const byte = this.#data[this.at >>> 3];
      if (byte === undefined) throw new RangeError("the packed points break off");
      const free = 8 - (this.at & 7);
      const taken = Math.min(free, left);
      value = (value << taken) | ((byte >>> (free - taken)) & ((1 << taken) - 1));
      this.at += taken;
      left -= taken;
    }
    return value;
  }

  count(): number {
    let value = 0;
    for (let shift = 0; shift <= 14; shift += 7) {
      const byte = this.bits(8);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new RangeError("a block of too many points");
  }

  residue(context: Context): number {
    const k = context.parameter;
    let ones = 0;
    while (ones < LONG && this.bit() === 1) ones += 1;
    const u = ones === LONG ? this.bits(RAW) : ones * (1 << k) + this.bits(k);
    context.take(u);
    return u % 2 === 1 ? -(u + 1) / 2 : u / 2;
  }

  align(): void {
    this.at += -this.at & 7;
  }
}

/** Where the axis is now. */
function onward(axis: Axis, residue: number): number {
  const moved = residue + axis.slope + (axis.bend >> 1);
  axis.bend = moved - axis.slope;
  axis.slope = moved;
  axis.last += moved;
  if (Math.abs(axis.last) > BOUND) throw new RangeError("points beyond the bounds");
  return axis.last;
}

/** The points, `most` of them at most. Throws `RangeError` where these are none. */
export function unpack(data: Uint8Array, most = 5_000): Unpacked {
  const header = data[0];
  if (header === undefined || (header & 0xe0) !== 0 || (header & 15) > PRECISION_MOST) throw new RangeError("no header of packed points");
  const withPressures = (header & PRESSURES) !== 0;
  const reader = new Reader(data);
  const contexts = [new Context(), new Context(), new Context()] as const;
  const axes = [new Axis(), new Axis()] as const;
  let pressure = PRESSURE_UNITS / 2;
  const points: [number, number][] = [];
  const pressures: number[] = [];
  const blocks: number[] = [];
  while (!reader.over) {
    const count = reader.count();
    blocks.push(count);
    if (count < 1 || count > most - points.length) throw new RangeError(`more than ${most} points, or an empty block`);
    for (let index = 0; index < count; index += 1) {
      points.push([onward(axes[0], reader.residue(contexts[0])), onward(axes[1], reader.residue(contexts[1]))]);
      if (!withPressures) continue;
      pressure += reader.residue(contexts[2]);
      if (pressure < 0 || pressure > PRESSURE_UNITS) throw new RangeError("a pressure beyond the bounds");
      pressures.push(pressure);
    }
    reader.align();
  }
  return { precision: header & 15, points, pressures, blocks };
}

/** A coordinate in px as whole units, halves away from zero. */
export function quantised(value: number, precision: number): number {
  const units = value * 2 ** precision;
  return units >= 0 ? Math.floor(units + 0.5) : -Math.floor(0.5 - units);
}

/** How wide and high the points are, in px. */
export function boxOf({ precision, points }: Pick<Unpacked, "precision" | "points">): { width: number; height: number } {
  const size = (which: 0 | 1) => {
    let [least, most] = [Infinity, -Infinity];
    for (const point of points) [least, most] = [Math.min(least, point[which]), Math.max(most, point[which])];
    return points.length > 0 ? (most - least) / 2 ** precision : 0;
  };
  return { width: size(0), height: size(1) };
}

export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}

/** Packed points as bytes, however the parser has given them. */
export function bytesOf(packed: Packed): Uint8Array {
  if (typeof packed === "string") {
    const letters = atob(packed);
    const bytes = new Uint8Array(letters.length);
    for (let index = 0; index < letters.length; index += 1) bytes[index] = letters.charCodeAt(index);
    return bytes;
  }
  return packed instanceof Uint8Array ? packed : new Uint8Array(packed);
}

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32, as zlib has it. */
export function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) sum = (TABLE[(sum ^ byte) & 255] as number) ^ (sum >>> 8);
  return (sum ^ 0xffffffff) >>> 0;
}
