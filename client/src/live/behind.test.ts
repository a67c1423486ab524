import { expect, it } from "vitest";
import { Behind } from "./behind";

it("lets go of what is long behind, and keeps the last half minute", () => {
  const behind = new Behind();
  expect(behind.end(100, 159)).toBe(null);
  expect(behind.end(100, 161)).toBe(131);
});

it("lets go of nothing while something is on its way, be it pictures or sound", () => {
  const behind = new Behind();
  behind.asked("main", 7, 2);
  behind.asked("audio", 8, 1);
  behind.came("main", 7, 2);
  expect(behind.end(0, 100)).toBe(null);
  behind.came("audio", 8, 1);
  expect(behind.end(0, 100)).toBe(70);
});

it("takes the last of several parts for all of them", () => {
  const behind = new Behind();
  behind.asked("main", 7, 2);
  behind.came("main", 7, 5);
  expect(behind.end(0, 100)).toBe(70);
});

it("goes on waiting for what was asked for before the one that came was told of", () => {
  const behind = new Behind();
  for (const [segment, part] of [[7, 3], [8, 0]] as const) {
    behind.asked("main", 7, 2);
    behind.asked("main", segment, part);
    behind.came("main", 7, 2);
    expect(behind.end(0, 100)).toBe(null);
    behind.came("main", segment, part);
    expect(behind.end(0, 100)).toBe(70);
  }
});

it("waits for whole segments too", () => {
  const behind = new Behind();
  behind.asked("main", 7, null);
  behind.came("main", 6, 5);
  expect(behind.end(0, 100)).toBe(null);
  behind.came("main", 7, null);
  expect(behind.end(0, 100)).toBe(70);
});
