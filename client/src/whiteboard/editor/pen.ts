/// A stroke while the pen is down: its points leave as ink, piece by piece, and are put on the page in the end.
///
/// What always holds: the pieces put together are the packed points of the stroke. Its corner lies on the grid of quarters of
/// a px, and its other sizes follow from the points, so that they need not be told.

import type { BoardInk } from "../../protocol";
import { base64, boxOf, joined, Packer, PRECISION, PRECISION_MOST, PRESSURE_UNITS, quantised, unpack } from "../packing";
import { fieldsOf, type SceneElement } from "./scene";

/** As fine as can be seen at this zoom. */
export function precisionAt(zoom: number): number {
  return Math.min(PRECISION_MOST, PRECISION + Math.max(0, Math.ceil(Math.log2(zoom))));
}

export class Pen {
  readonly id: string;
  readonly #page: number;
  readonly #precision: number;
  readonly #pressures: boolean;
  readonly #packer: Packer;
  readonly #x: number;
  readonly #y: number;
  #bytes: Uint8Array;
  #told = 0; // points
  #sent = 0; // bytes

  constructor(page: number, element: SceneElement, zoom: number) {
    this.id = element.id;
    this.#page = page;
    this.#precision = precisionAt(zoom);
    [this.#x, this.#y] = [onGrid(element.x), onGrid(element.y)];
    this.#pressures = element.simulatePressure === false;
    this.#packer = new Packer(this.#precision, this.#pressures);
    this.#bytes = this.#packer.header;
  }

  /** What is new since the last time, as a signal; null: nothing. */
  ink(element: SceneElement): BoardInk | null {
    if (!this.#take(element)) return null;
    const piece = this.#bytes.subarray(this.#sent);
    const after = this.#sent;
    this.#sent = this.#bytes.length;
    const ink = { type: "board.ink", page: this.#page, id: this.id, after, ink: base64(piece) } as const;
    return after === 0 ? { ...ink, look: { ...look(element), ...this.fields(element) } } : ink;
  }

  /** The fields of the element that are told otherwise than the editor has them, which has fractions of a px that nobody
   * sees. */
  fields(element: SceneElement): Readonly<Record<string, unknown>> {
    this.#take(element);
    const unpacked = unpack(this.#bytes);
    const last = unpacked.points.at(-1)?.map((units) => units / 2 ** unpacked.precision);
    return { x: this.#x, y: this.#y, ...boxOf(unpacked), ...(element.lastCommittedPoint != null && { lastCommittedPoint: last }) };
  }

  /** All of it, packed. */
  packed(element: SceneElement): Uint8Array {
    this.#take(element);
    return this.#bytes;
  }

  #take({ x: left, y: top, points = [], pressures = [] }: SceneElement): boolean {
    if (points.length <= this.#told) return false;
    const units = points.slice(this.#told).map(([x, y]) => [quantised(left + x - this.#x, this.#precision), quantised(top + y - this.#y, this.#precision)] as const);
    const pressed = points.slice(this.#told).map((_, index) => Math.min(PRESSURE_UNITS, Math.max(0, Math.round((pressures[this.#told + index] ?? 0.5) * PRESSURE_UNITS))));
    this.#bytes = joined(this.#bytes, this.#packer.block(units, this.#pressures ? pressed : []));
    this.#told = points.length;
    return true;
  }
}

function onGrid(value: number): number {
  return quantised(value, PRECISION) / 2 ** PRECISION;
}

function look(element: SceneElement): Readonly<Record<string, unknown>> {
  const { points: _, pressures: __, ...fields } = fieldsOf(element);
  return fields;
}
