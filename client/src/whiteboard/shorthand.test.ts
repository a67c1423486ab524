/// The server's golden vector of strokes in shorthand, read on this side.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { SignalOut, Stamped } from "../protocol";
import { base64, bytesOf } from "./packing";
import { Shorthand } from "./shorthand";

type Row = { readonly new: true } | { readonly signals: SignalOut[] } | { readonly events: Stamped[] } | { readonly short: string; readonly says: unknown };

const { rows } = JSON.parse(readFileSync(fileURLToPath(new URL("../../../tests/vectors/board/shorthand.json", import.meta.url)), "utf-8")) as { rows: Row[] };

/** With bytes as text, as the vector has them. */
function told(value: unknown): unknown {
  if (value instanceof Uint8Array) return base64(value);
  if (Array.isArray(value)) return value.map(told);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, told(field)]));
}

function hear(reader: Shorthand, row: Row): unknown {
  if ("new" in row) return reader.clear();
  if ("signals" in row) return reader.signals(row.signals);
  if ("events" in row) return reader.events(row.events);
  const said = reader.read(bytesOf(row.short));
  return told("signal" in said ? said.signal : said.event);
}

describe("strokes in shorthand", () => {
  it("say what the server would have said at length", () => {
    const reader = new Shorthand();
    const short = rows.filter((row) => "short" in row);
    expect(short.length).toBeGreaterThan(60);
    for (const row of rows) {
      const said = hear(reader, row);
      if ("says" in row) expect(said).toEqual(row.says);
    }
  });

  it("cannot be read where something was missed, and that is noticed", () => {
    const first = rows.findIndex((row) => "short" in row);
    expect(() => hear(new Shorthand(), rows[first] as Row)).toThrow(RangeError);
    const lifts = rows.flatMap((row, index) => ("says" in row && (row.says as { type: string }).type === "board.drawn" ? [index] : []));
    for (const lift of lifts.slice(0, 4)) {
      const reader = new Shorthand();
      for (const row of rows.slice(0, lift - 1)) hear(reader, row); // the piece before is lost
      expect(() => hear(reader, rows[lift] as Row)).toThrow(RangeError);
    }
  });

  it("that break off are noticed", () => {
    const reader = new Shorthand();
    const at = rows.findIndex((row) => "says" in row && (row.says as { type: string }).type === "board.drawn");
    for (const row of rows.slice(0, at)) hear(reader, row);
    const frame = bytesOf((rows[at] as { short: string }).short);
    for (let length = 1; length < 9; length += 1) expect(() => reader.read(frame.slice(0, length))).toThrow(RangeError);
    reader.clear();
    expect(() => reader.read(frame)).toThrow(RangeError);
  });
});
