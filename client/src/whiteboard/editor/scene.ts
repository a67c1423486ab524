/// Elements as the editor holds them, and what of them is told to others.

import type { BoardElement, RawElement } from "../element";
import { plain } from "../element";

/** The editor's own element: it is changed in place, with a new `versionNonce` each time. */
export type SceneElement = BoardElement & { readonly isDeleted: boolean; readonly [field: string]: unknown };

export type Fields = Readonly<Record<string, unknown>>;

const RESERVED = new Set(["id", "version", "versionNonce", "isDeleted", "updated", "status"]);
const LIMITED = 5_000; // points of a path, as the server has it

const DEFAULTS = {
  angle: 0,
  strokeColor: "#1e1e1e",
  backgroundColor: "transparent",
  fillStyle: "solid",
  strokeWidth: 2,
  strokeStyle: "solid",
  roughness: 1,
  opacity: 100,
  groupIds: [],
  frameId: null,
  roundness: null,
  seed: 1,
  boundElements: null,
  updated: 1,
  link: null,
  locked: false,
};

const OWN: Readonly<Record<string, Fields>> = {
  freedraw: { pressures: [], simulatePressure: true, lastCommittedPoint: null },
  line: { lastCommittedPoint: null, startBinding: null, endBinding: null, startArrowhead: null, endArrowhead: null, polygon: false },
  arrow: { lastCommittedPoint: null, startBinding: null, endBinding: null, startArrowhead: null, endArrowhead: "arrow", elbowed: false },
  text: { fontSize: 20, fontFamily: 5, textAlign: "left", verticalAlign: "top", containerId: null, lineHeight: 1.25, autoResize: true },
  image: { status: "saved", scale: [1, 1], crop: null },
  frame: { name: null },
};

/** For the editor: a copy of its own, with every field that it relies on. */
export function forEditor(raw: RawElement): SceneElement {
  const element = plain(raw);
  const copy = structuredClone(element) as unknown as Record<string, unknown>;
  const text = element.type === "text" ? { originalText: element.text ?? "" } : {};
  const pen = element.type === "freedraw" && (element.pressures?.length ?? 0) > 0 ? { simulatePressure: false } : {};
  return { ...structuredClone(DEFAULTS), ...structuredClone(OWN[element.type] ?? {}), ...text, ...pen, ...copy, isDeleted: false } as unknown as SceneElement;
}

/** What is told of an element: its fields, but for those that say which version it is, or matter here alone. */
export function fieldsOf(element: SceneElement): Fields {
  const told: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(element)) {
    if (!RESERVED.has(name) && value !== undefined) told[name] = value;
  }
  return told;
}

/** Whether it is more than the beginning of something. */
export function worthTelling({ type, width, height, points, text }: SceneElement): boolean {
  if (type === "text") return (text ?? "") !== "";
  if (points !== undefined) return points.length > 0 && points.length <= LIMITED && (type === "freedraw" || points.length > 1);
  return width !== 0 || height !== 0;
}

export function alike(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  const [mine, theirs] = [Object.entries(one), Object.keys(other)];
  return Array.isArray(one) === Array.isArray(other) && mine.length === theirs.length && mine.every(([key, value]) => alike(value, (other as Fields)[key]));
}
