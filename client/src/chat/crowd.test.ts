/// What the list says of a chat in which more is written than the reader is shown.

import { describe, expect, it } from "vitest";
import type { MessageView } from "../protocol";
import { type Row, RowMaker } from "./rows";
import { sampledAt } from "./useBusy";

const NOON = new Date(2026, 4, 3, 12).getTime();

/** Said `id` seconds after noon. */
function message(id: number, by: string, more: Partial<MessageView> = {}): MessageView {
  return { id, at: NOON + id * 1_000, by, name: by, role: "student", text: "", ...more };
}

const skips = (rows: readonly Row[]) => rows.map((row) => (row.kind === "message" ? row.skipped : null));
const firsts = (rows: readonly Row[]) => rows.map((row) => (row.kind === "message" ? row.first : null));

describe("how many messages were left out", () => {
  it("is told every few seconds, all that were left out since", () => {
    const messages = [
      message(1, "a"),
      message(2, "b", { skipped: 40 }),
      message(4, "c", { skipped: 50 }),
      message(6, "d", { skipped: 60 }),
      message(7, "e", { skipped: 3 }),
      message(16, "f"),
      message(21, "g"),
    ];

    expect(skips(new RowMaker().rows(messages, []))).toEqual([0, 0, 0, 150, 0, 3, 0]);
  });

  it("does not count what the reader has said and has", () => {
    const messages = [
      message(1, "a"),
      message(2, "me", { crowd: true }),
      message(3, "me", { crowd: true }),
      message(9, "b", { skipped: 7 }),
      message(12, "me", { crowd: true }),
      message(19, "c", { skipped: 1 }),
    ];

    expect(skips(new RowMaker().rows(messages, []))).toEqual([0, 0, 0, 5, 0, 0]);
  });

  it("stands where it stood when older messages come before", () => {
    const newer = [message(11, "a", { skipped: 2 }), message(13, "b", { skipped: 3 }), message(17, "c", { skipped: 4 })];
    const maker = new RowMaker();

    expect(skips(maker.rows(newer, []))).toEqual([2, 0, 7]);
    expect(skips(maker.rows([message(1, "d"), message(9, "e", { skipped: 1 }), ...newer], []))).toEqual([0, 1, 2, 0, 7]);
  });

  it("is not told twice because of what the staff picked, which was said before", () => {
    const messages = [message(9, "a"), message(11, "b", { skipped: 2 }), message(12, "c", { at: NOON, skipped: 4 }), message(13, "d")];

    expect(skips(new RowMaker().rows(messages, []))).toEqual([0, 2, 0, 0]);
  });

  it("is nothing to the staff, who have them all", () => {
    expect(skips(new RowMaker().rows([message(1, "a"), message(9, "b", { skipped: 7 })], [], true))).toEqual([0, 0]);
  });

  it("parts what one author said, as does what was picked", () => {
    const messages = [message(1, "a"), message(2, "a"), message(9, "a", { skipped: 6 }), message(12, "a", { promoted: 3 })];

    expect(firsts(new RowMaker().rows(messages, []))).toEqual([true, false, true, true]);
    expect(firsts(new RowMaker().rows(messages, [], true))).toEqual([true, false, false, true]);
  });

  it("is told anew when one's own before it is gone", () => {
    const maker = new RowMaker();
    const last = message(9, "b", { skipped: 2 });

    expect(skips(maker.rows([message(1, "a"), message(3, "me", { crowd: true }), last], []))).toEqual([0, 0, 1]);
    expect(skips(maker.rows([message(1, "a"), last], []))).toEqual([0, 2]);
  });
});

describe("when a message was last left out", () => {
  it("is the time of the last that tells of it", () => {
    const messages = [message(1, "a"), message(2, "b", { skipped: 3 }), message(3, "c")];

    expect(sampledAt(messages)).toBe(NOON + 2_000);
    expect(sampledAt([...messages, message(4, "me", { crowd: true }), message(5, "d")])).toBe(NOON + 4_000);
  });

  it("is never where everything is shown", () => {
    expect(sampledAt([])).toBe(0);
    expect(sampledAt([message(1, "a"), message(2, "b")])).toBe(0);
  });
});
