/// Rows of the list of messages.

import { expect, it } from "vitest";
import type { MessageView } from "../protocol";
import type { Pending } from "../room";
import { keyOf, type Row, RowMaker } from "./rows";

const NOON = new Date(2026, 4, 3, 12).getTime();
const MINUTE = 60_000;

function message(id: number, by: string, at: number, more: Partial<MessageView> = {}): MessageView {
  return { id, at, by, name: by, role: "student", text: "", ...more };
}

const marks = (rows: readonly Row[]) => rows.map((row) => (row.kind === "message" ? [row.message.id, row.first, row.newDay] : ["pending"]));

it("groups what one says within minutes, and begins anew with a reply, another author, or a day", () => {
  const rows = new RowMaker().rows(
    [
      message(1, "a", NOON),
      message(2, "a", NOON + MINUTE),
      message(3, "b", NOON + MINUTE),
      message(4, "b", NOON + 2 * MINUTE, { reply_to: 1 }),
      message(5, "b", NOON + 20 * MINUTE),
      message(6, "b", NOON + 24 * 60 * MINUTE),
    ],
    [],
  );

  expect(marks(rows)).toEqual([
    [1, true, true],
    [2, false, false],
    [3, true, false],
    [4, true, false],
    [5, true, false],
    [6, true, true],
  ]);
});

it("names the author anew where the name is another one: two may sit at one computer", () => {
  const [first, second] = [message(1, "a", NOON, { name: "Asha" }), message(2, "a", NOON, { name: "Ravi" })];
  const rows = new RowMaker().rows([first, second, message(3, "a", NOON, { name: "Ravi" })], []);

  expect(marks(rows).map(([, begins]) => begins)).toEqual([true, true, false]);
});

it("keeps the rows that are still right, so that they are not drawn again", () => {
  const maker = new RowMaker();
  const messages = [message(1, "a", NOON), message(2, "a", NOON), message(3, "b", NOON)];
  const before = maker.rows(messages, []);
  const after = maker.rows([...messages, message(4, "b", NOON)], []);

  expect(after.slice(0, 3).every((row, index) => row === before[index])).toBe(true);
});

it("makes the first row anew once older ones come before it", () => {
  const maker = new RowMaker();
  const second = message(2, "a", NOON);
  maker.rows([second], []);

  expect(marks(maker.rows([message(1, "a", NOON), second], []))).toEqual([
    [1, true, true],
    [2, false, false],
  ]);
});

it("what waits to be sent comes last, then changes that were refused, other commands not at all", () => {
  const pending: readonly Pending[] = [
    { cid: "c1", command: { type: "chat.say", text: "hi" }, state: "sending", at: 0, reason: null, until: null },
    { cid: "c2", command: { type: "doubt.ask", text: "why" }, state: "queued", at: 0, reason: null, until: null },
    { cid: "c3", command: { type: "chat.edit", id: 1, text: "ho" }, state: "queued", at: 0, reason: null, until: null },
    { cid: "c4", command: { type: "chat.edit", id: 1, text: "ha" }, state: "refused", at: 0, reason: null, until: null },
  ];
  const rows = new RowMaker().rows([message(1, "a", NOON)], pending);

  expect(rows.map(keyOf)).toEqual([1, "c1", "c4"]);
});
