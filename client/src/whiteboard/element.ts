/// Elements as they stand on a page: Excalidraw's open format, with points packed or listed.

import { bytesOf, PRESSURE_UNITS, unpack } from "./packing";

export type Point = readonly [number, number];

/** As the wire has it: `points` are a list, or packed as text in base64. */
export interface RawElement {
  readonly id: string;
  readonly version: number;
  readonly versionNonce: number;
  readonly isDeleted: boolean;
  readonly [field: string]: unknown;
}

/** With points as lists, as in an `.excalidraw` file. Fields that a file may leave out are optional here. */
export interface BoardElement {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly versionNonce: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly angle?: number;
  readonly strokeColor?: string;
  readonly backgroundColor?: string;
  readonly fillStyle?: string;
  readonly strokeWidth?: number;
  readonly strokeStyle?: string;
  readonly roughness?: number;
  readonly opacity?: number;
  readonly seed?: number;
  readonly roundness?: { readonly type: number; readonly value?: number } | null;
  readonly index?: string | null;
  readonly frameId?: string | null;
  readonly boundElements?: readonly { readonly id: string; readonly type: string }[] | null;
  readonly points?: readonly Point[];
  readonly pressures?: readonly number[];
  readonly simulatePressure?: boolean;
  readonly lastCommittedPoint?: Point | null;
  readonly startArrowhead?: string | null;
  readonly endArrowhead?: string | null;
  readonly elbowed?: boolean;
  readonly text?: string;
  readonly fontSize?: number;
  readonly fontFamily?: number;
  readonly textAlign?: string;
  readonly lineHeight?: number;
  readonly containerId?: string | null;
  readonly fileId?: string | null;
  readonly scale?: Point;
  readonly crop?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  readonly name?: string | null;
}

const plains = new WeakMap<RawElement, BoardElement>();

/** The element with its points as lists; those that cannot be read are none. */
export function plain(raw: RawElement): BoardElement {
  let element = plains.get(raw);
  if (element === undefined) {
    element = unpacked(raw);
    plains.set(raw, element);
  }
  return element;
}

function unpacked(raw: RawElement): BoardElement {
  const { points } = raw;
  if (typeof points !== "string") return raw as unknown as BoardElement;
  return { ...raw, ...lists(bytesOf(points), raw["type"] === "freedraw") } as unknown as BoardElement;
}

/** What packed points are as fields of an element. */
export function lists(bytes: Uint8Array, pen: boolean): { points: Point[]; pressures?: number[] } {
  try {
    const { precision, points, pressures } = unpack(bytes);
    const unit = 2 ** -precision;
    const px = points.map(([x, y]): Point => [x * unit, y * unit]);
    return pen ? { points: px, pressures: pressures.map((pressure) => pressure / PRESSURE_UNITS) } : { points: px };
  } catch (error) {
    if (error instanceof RangeError) return { points: [], ...(pen && { pressures: [] }) };
    throw error;
  }
}

/** The order in which elements are drawn: by `index`, then by `id`; those without an index at the end. */
export function inOrder(one: RawElement, other: RawElement): number {
  const [first, second] = [one["index"] as string | null | undefined, other["index"] as string | null | undefined];
  if (first !== second) {
    if (first == null) return 1;
    if (second == null) return -1;
    return first < second ? -1 : 1;
  }
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** Whether a version takes the place of another (Excalidraw's reconciliation). */
export function wins(version: number, nonce: number, over: { version: number; versionNonce: number }): boolean {
  return version > over.version || (version === over.version && nonce < over.versionNonce);
}
