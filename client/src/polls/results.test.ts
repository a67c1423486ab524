/// A poll's figures as they are drawn.

import { expect, it } from "vitest";
import type { PollView, Spec } from "../protocol";
import { barsOf, meanOf, wasRight } from "./results";

function poll(spec: Partial<Spec>, state: PollView["state"] = "closed"): PollView {
  return { id: 1, state, spec: { question: "?", kind: "quiz", options: ["a", "b", "c"], right: [0, 2], ...spec } };
}

it("shares are of those who voted, not of the choices", () => {
  const bars = barsOf(poll({ kind: "multiple", right: [] }), { counts: [4, 2, 0], voters: 4, words: [] }, [1]);

  expect(bars.map(({ label, share, mine }) => [label, share, mine])).toEqual([
    ["a", 1, false],
    ["b", 0.5, true],
    ["c", 0, false],
  ]);
});

it("no votes are no share, not a division by nothing", () => {
  expect(barsOf(poll({}), { counts: [0, 0, 0], voters: 0, words: [] }, []).every(({ share }) => share === 0)).toBe(true);
  expect(meanOf({ counts: [0, 0], voters: 0, words: [] })).toBeNull();
});

it("a rating's points count from one", () => {
  const bars = barsOf(poll({ kind: "rating", scale: 3, options: [], right: [] }), { counts: [0, 1, 3], voters: 4, words: [] }, [3]);

  expect(bars.map(({ label, mine }) => [label, mine])).toEqual([["1", false], ["2", false], ["3", true]]);
  expect(meanOf({ counts: [0, 1, 3], voters: 4, words: [] })).toBe(2.75);
});

it.each<[readonly number[] | undefined, boolean | null]>([
  [[0, 2], true],
  [[0], false],
  [[0, 1, 2], false],
  [undefined, null],
])("a quiz with two right answers, and %s", (mine, right) => {
  expect(wasRight(poll({}), mine)).toBe(right);
});

it("nothing is right before the quiz is closed, nor in a poll", () => {
  expect(wasRight(poll({}, "open"), [0, 2])).toBeNull();
  expect(wasRight(poll({ kind: "single" }), [0])).toBeNull();
});
