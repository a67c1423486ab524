/// "Already asked?" finds what asks the same, and not what merely shares small words.

import { describe, expect, it } from "vitest";
import type { DoubtView } from "../protocol";
import { similar, stems } from "./similar";

const ASKED = [
  "Why does static friction not depend on the area of contact?",
  "Is centrifugal force real?",
  "What is the difference between mass and weight?",
  "क्या घर्षण हमेशा गति के विपरीत होता है?",
  "How do I solve question 4 of the worksheet?",
];

const doubts: readonly DoubtView[] = ASKED.map((text, index) => ({ id: index + 1, at: 0, text, state: "open", votes: 1 }));
const found = (text: string) => similar(doubts, text).map(({ id }) => id);

describe("finds", () => {
  it.each([
    ["does friction depend on contact area", 1],
    ["Friction and the areas in contact", 1],
    ["is the centrifugal force a real force?", 2],
    ["difference of weight and mass please", 3],
    ["घर्षण हमेशा गति से विपरीत क्यों", 4],
    ["solving worksheet question 4", 5],
  ])("%s", (text, id) => {
    expect(found(text)[0]).toBe(id);
  });
});

it.each(["When is the next class?", "what is the", "Why is the sky blue?", "  ", "fri"])("finds nothing for %s", (text) => {
  expect(found(text)).toEqual([]);
});

it("offers at most three, the likest first", () => {
  const many = Array.from({ length: 10 }, (_, index) => ({ ...(doubts[0] as DoubtView), id: index + 1, text: `Friction and contact ${"area ".repeat(index)}` }));

  expect(similar(many, "friction contact").length).toBe(3);
});

it("takes inflected words for the same", () => {
  expect(stems("derivations derived derives")).toEqual(stems("derive"));
  expect(stems("Forces, forced")).toEqual(stems("force"));
  expect(stems("गतियाँ")).not.toEqual(stems("घर्षण"));
});

it("takes five thousand doubts between two keys", () => {
  const many = Array.from({ length: 5_000 }, (_, index) => ({ ...(doubts[index % 5] as DoubtView), id: index }));
  const took = (draft: string): number => {
    const start = performance.now();
    similar(many, draft);
    return performance.now() - start;
  };

  // The words of each doubt are found once, for the first key; how long that takes says how fast this machine is today.
  const first = took("why does friction depend");
  const later = ["on", "on the", "on the area"].map((more) => took(`why does friction depend ${more}`));

  expect(Math.min(...later)).toBeLessThan(first);
  expect(Math.min(...later)).toBeLessThan(200);
});
