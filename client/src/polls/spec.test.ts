/// A poll being written becomes a spec that the server takes.

import { describe, expect, it } from "vitest";
import { POLL_OPTIONS_LIMIT, type Spec } from "../protocol";
import { addOption, type Draft, draftOf, faultsOf, moveOption, newOption, removeOption, specOf, withOption } from "./spec";

const QUIZ: Spec = {
  question: "2 + 2?",
  kind: "quiz",
  options: ["3", "4", "5"],
  right: [1],
  seconds: 30,
  secret: false,
  changeable: false,
  results: "live",
};

const texts = ({ options }: Draft) => options.map(({ text }) => text);

it("a spec survives being edited and not changed", () => {
  for (const spec of [
    QUIZ,
    { question: "How?", kind: "rating", scale: 7, secret: true, changeable: true, results: "closed" },
    { question: "Word?", kind: "text", secret: true, changeable: true, results: "staff" },
  ] satisfies Spec[]) {
    expect(specOf(draftOf(spec))).toEqual(spec);
  }
});

it("right answers move with their options", () => {
  const moved = moveOption(draftOf(QUIZ), 1, 0);

  expect(texts(moved)).toEqual(["4", "3", "5"]);
  expect(specOf(moved).right).toEqual([0]);
  expect(specOf(removeOption(moved, 1)).right).toEqual([0]);
});

it("empty options are left out, and right ones counted without them", () => {
  const draft = { ...draftOf(QUIZ), options: [newOption(""), newOption(" a "), newOption("b", true)] };

  expect(specOf(draft)).toMatchObject({ options: ["a", "b"], right: [1] });
});

it("a move beyond an end changes nothing", () => {
  const draft = draftOf(QUIZ);

  expect(texts(moveOption(draft, 0, -1))).toEqual(texts(draft));
  expect(texts(moveOption(draft, 2, 3))).toEqual(texts(draft));
});

it("there are no more options than the server takes", () => {
  let draft = draftOf(QUIZ);
  for (let turn = 0; turn < 20; turn += 1) draft = addOption(draft);

  expect(draft.options.length).toBe(POLL_OPTIONS_LIMIT);
});

describe("what is wrong", () => {
  const named = (change: Partial<Draft>) => faultsOf({ ...draftOf(QUIZ), ...change });

  it("nothing, with a good one", () => expect(faultsOf(draftOf(QUIZ))).toEqual([]));
  it("no question", () => expect(named({ question: " " })).toEqual(["questionMissing"]));
  it("one option", () => expect(named({ kind: "single", options: [newOption("a"), newOption(" ")] })).toEqual(["optionMissing"]));
  it("two alike", () => expect(faultsOf(withOption(draftOf(QUIZ), 0, { text: " 4" }))).toEqual(["optionDouble"]));
  it("a quiz without a right answer", () => expect(faultsOf(withOption(draftOf(QUIZ), 1, { right: false }))).toEqual(["rightMissing"]));
  it("options do not matter to a rating", () => expect(named({ kind: "rating", options: [] })).toEqual([]));
});
