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

/** A key of fractional indexing: a letter that says how many digits its whole part has, these, and a fraction that does not end in 0. */
const ORDER = /^([a-zA-Z])([0-9A-Za-z]*)$/;

function ordered(index: unknown): boolean {
  const [, head, digits] = ORDER.exec(typeof index === "string" ? index : "") ?? [];
  if (head === undefined || digits === undefined) return false;
  const whole = head >= "a" ? head.charCodeAt(0) - 96 : 91 - head.charCodeAt(0);
  return digits.length >= whole && (digits.length === whole || !digits.endsWith("0")) && !/^A0{26}$/.test(head + digits);
}

/** Whether it may be in the place of `usual`: the server lets through more than the editor can bear. */
function bearable(value: unknown, usual: unknown): boolean {
  if (value === undefined) return false;
  if (usual === null) return value === null || typeof value === "object" || typeof value === "string";
  return typeof value === typeof usual && Array.isArray(value) === Array.isArray(usual) && value !== null;
}

/** Fields that may be null, and what they are if not. */
const LISTS = ["boundElements", "lastCommittedPoint", "fixedSegments"] as const;
const OBJECTS = ["roundness", "startBinding", "endBinding", "crop", "customData"] as const;
const WORDS = ["frameId", "link", "containerId", "startArrowhead", "endArrowhead", "name", "fileId"] as const;

/** For the editor: a copy of its own, with every field that it relies on, as it relies on it. */
export function forEditor(raw: RawElement): SceneElement {
  const element = plain(raw);
  const copy = structuredClone(element) as unknown as Record<string, unknown>;
  const usual: Fields = { ...DEFAULTS, ...OWN[element.type] };
  for (const [name, value] of Object.entries(usual)) if (!bearable(copy[name], value)) delete copy[name];
  for (const name of LISTS) if (copy[name] != null && !Array.isArray(copy[name])) delete copy[name];
  for (const name of OBJECTS) if (copy[name] != null && (typeof copy[name] !== "object" || Array.isArray(copy[name]))) delete copy[name];
  for (const name of WORDS) if (copy[name] != null && typeof copy[name] !== "string") delete copy[name];
  if (copy["index"] != null && !ordered(copy["index"])) copy["index"] = null; // the editor finds a place for it
  const text = element.type === "text" ? { text: "", originalText: element.text ?? "" } : {};
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
