/// Each action has one key, and is offered just where the server takes it.

import { expect, it } from "vitest";
import type { DoubtState } from "../../protocol";
import { type Action, ACTIONS, actionFor, possible, prompt } from "./actions";

const STATES: readonly DoubtState[] = ["pending", "open", "answering", "answered", "dismissed", "withdrawn", "merged"];

it("no two actions share a key, nor with moving and help", () => {
  const keys = Object.values(ACTIONS).map(({ key }) => key);

  expect(new Set([...keys, "j", "k", "x", "?"]).size).toBe(keys.length + 4);
});

it("what is shown as a button is possible", () => {
  for (const state of STATES) expect(possible(state)).toEqual(expect.arrayContaining([...prompt(state)]));
});

it.each<[DoubtState, string, Action | undefined]>([
  ["pending", "a", "approve"],
  ["pending", "A", "approve"],
  ["open", "a", undefined],
  ["open", "s", "start"],
  ["answering", "f", "finish"],
  ["answered", "d", undefined],
  ["dismissed", "o", "reopen"],
  ["withdrawn", "o", undefined],
  ["merged", "p", undefined],
])("a %s doubt and the key %s", (state, key, action) => {
  expect(actionFor(key, state)).toBe(action);
});
