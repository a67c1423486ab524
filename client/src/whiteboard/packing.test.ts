/// The server's golden vectors, on this side: points are packed and unpacked as there, and sheets are folded as there.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Stamped } from "../protocol";
import type { RawElement } from "./element";
import { Reader, Stroke } from "./arithmetic";
import { base64, bytesOf, crc32, joined, Packer, unpack } from "./packing";
import { Sheet } from "./sheet";

const read = (name: string) => JSON.parse(readFileSync(fileURLToPath(new URL(`../../../tests/vectors/board/${name}.json`, import.meta.url)), "utf-8"));

interface Good {
  readonly precision: number;
  readonly points: [number, number][];
  readonly pressures: number[];
  readonly blocks: number[];
  readonly packed: string;
  readonly told: string[];
}

interface Vector {
  readonly lesson: string;
  readonly page: number;
  readonly at: number;
  readonly elements: RawElement[];
  readonly events: Stamped[];
  readonly final: RawElement[] | null;
}

const { good, bad } = read("points") as { good: Good[]; bad: string[] };
const { sheets } = read("sheets") as { sheets: Vector[] };

describe("packed points", () => {
  it.each(good)("are unpacked as they were, and packed alike ($packed)", ({ precision, points, pressures, blocks, packed }) => {
    expect(unpack(bytesOf(packed))).toEqual({ precision, points, pressures, blocks });
    const packer = new Packer(precision, (bytesOf(packed)[0] as number) >= 16);
    let bytes = packer.header;
    let at = 0;
    for (const count of blocks) {
      bytes = joined(bytes, packer.block(points.slice(at, at + count), pressures.slice(at, at + count)));
      at += count;
    }
    expect(base64(bytes)).toBe(packed);
  });

  it.each(good)("are read as a crowd is told them ($packed)", ({ packed, told }) => {
    const bytes = bytesOf(packed);
    const stroke = new Stroke(bytes[0] as number);
    const pieces = told.map((each, index) => stroke.read(new Reader(bytesOf(each), index === 0 ? 0 : 1)));
    expect(base64(stroke.bytes)).toBe(packed);
    expect(base64(pieces.reduce(joined, bytes.subarray(0, 1)))).toBe(packed);
  });

  it.each(good)("are expected alike, however they were told ($packed)", ({ packed, told, blocks }) => {
    if (blocks.length < 2) return;
    const whole = bytesOf(packed);
    const before = new Stroke(whole[0] as number);
    told.slice(0, -1).forEach((each, index) => before.read(new Reader(bytesOf(each), index === 0 ? 0 : 1)));
    const late = Stroke.from(before.bytes);
    late.read(new Reader(bytesOf(told.at(-1) as string), 1));
    expect(base64(late.bytes)).toBe(packed);
  });

  it.each(bad)("that are none are refused (%s)", (packed) => {
    expect(() => unpack(bytesOf(packed))).toThrow(RangeError);
  });
});

describe.each(sheets)("the page $page of $lesson from $at on", ({ page, at, elements, events, final }) => {
  it("is what was fetched and the events since, each folded once", () => {
    const sheet = new Sheet(page, at, elements);
    for (const event of [...events, ...events]) sheet.fold(event);
    expect(sheet.stale).toBe(final === null);
    if (final !== null) expect([...sheet.elements.values()]).toEqual(final);
  });
});

it("sums are those of zlib", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf43926);
});

describe("points that passed by as ink", () => {
  const ink = bytesOf(good.find(({ points }) => points.length > 5)?.packed ?? "");
  const drawn = (sum: number): Stamped =>
    ({ seq: 1, at: 0, type: "board.drawn", page: 0, by: "t", changes: [{ id: "a", version: 1, nonce: 1, set: { type: "freedraw", x: 0, y: 0, width: 1, height: 1 }, inked: [ink.length, sum] }] }) as Stamped;

  it("are taken from there", () => {
    const sheet = new Sheet(0, 0, []);
    sheet.fold(drawn(crc32(ink)), () => joined(ink, Uint8Array.of(1, 2, 3)));
    expect(sheet.elements.get("a")?.["points"]).toBe(base64(ink));
  });

  it.each([null, ink.slice(0, 3), ink])("must be fetched where they are not what they were", (heard) => {
    const sheet = new Sheet(0, 0, []);
    sheet.fold(drawn(crc32(ink) ^ 1), () => heard);
    expect(sheet.stale).toBe(true);
  });
});
