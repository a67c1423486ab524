import { expect, it } from "vitest";
import { moved, newAbove, type Row, shift } from "./steady";

const HIGH = 100;
const startOf = (index: number): number => index * HIGH;
const list = (...ids: number[]) => ids.map((id) => ({ id }));
/** The rows of such a list from an index on, as they were drawn. */
const rows = (from: number, ...ids: number[]): Row[] => ids.map((id, index) => ({ id, start: (from + index) * HIGH, size: HIGH }));

it("what comes and goes above what is read moves the list by just as much", () => {
  const seen = rows(4, 5, 6, 7, 8);
  expect(shift(seen, list(1, 4, 5, 6, 7, 8), startOf, 430, false)).toBe(-2 * HIGH);
  expect(shift(seen, list(11, 1, 2, 3, 4, 5, 6, 7, 8), startOf, 430, false)).toBe(HIGH);
  expect(shift(seen, list(1, 2, 3, 4, 5, 6, 7, 8, 9), startOf, 430, false)).toBe(0);
});

it("the next one takes the place of the one at the edge that has gone", () => {
  expect(shift(rows(4, 5, 6, 7), list(1, 2, 3, 4, 6, 7), startOf, 430, false)).toBe(0);
  expect(shift(rows(4, 5, 6, 7), list(1, 2, 3, 6, 7), startOf, 430, false)).toBe(-HIGH);
});

it("one that has moved up by its votes is not followed", () => {
  expect(shift(rows(4, 5, 6, 7), list(5, 1, 2, 3, 4, 6, 7), startOf, 430, false)).toBe(0);
});

it("at the very top one sees what is new", () => {
  expect(shift(rows(0, 5, 6, 7), list(9, 5, 6, 7), startOf, 0, false)).toBe(0);
});

it("at the very top nothing moves under a hand, and how many came above is known", () => {
  const seen = rows(0, 5, 6, 7);
  expect(shift(seen, list(9, 8, 5, 6, 7), startOf, 0, true)).toBe(2 * HIGH);
  expect(newAbove(seen, list(5, 6, 7), list(9, 8, 5, 6, 7, 4))).toBe(2);
  expect(newAbove(seen, list(5, 6, 7), list(7, 5, 6))).toBe(0);
  expect(shift(seen, list(6, 7), startOf, 0, true)).toBe(0);
});

it("tells what others moved from what one did oneself", () => {
  const seen = rows(0, 5, 6, 7);
  const after = (...ids: number[]) => (mine: number[], scrolled = 0) => moved(seen, list(5, 6, 7), list(...ids), startOf, scrolled, new Set(mine));
  expect(after(6, 7)([])).toBe(true);
  expect(after(6, 7)([5])).toBe(false);
  expect(after(7)([5])).toBe(true);
  expect(after(6, 5, 7)([6])).toBe(false);
  expect(after(6, 5, 7)([])).toBe(true);
  expect(after(5, 6, 7, 8)([])).toBe(false);
  expect(after(9, 5, 6, 7)([], HIGH)).toBe(false);
});
