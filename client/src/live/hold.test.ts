import { expect, it } from "vitest";
import { FREE, type Hold, held } from "./hold";

function after(lost: number, looks: number, from: Hold = FREE): Hold {
  let hold = from;
  for (let each = 0; each < looks; each++) hold = held(hold, { lost, packets: 200 });
  return hold;
}

it("leaves it to the browser where next to nothing is lost", () => {
  expect(after(1, 100).ms).toBe(null);
});

it("holds things as soon as much is lost", () => {
  expect(after(20, 1).ms).toBeGreaterThan(200);
});

it("lets them go after a long calm, and not in the midst of loss that comes and goes", () => {
  const held = after(20, 1);
  expect(after(2, 100, held).ms).toBe(held.ms);
  expect(after(0, 19, held).ms).toBe(held.ms);
  expect(after(0, 20, held).ms).toBe(null);
  expect(after(0, 19, after(2, 1, after(0, 19, held))).ms).toBe(held.ms);
});

it("says nothing of a handful of packets", () => {
  expect(held(FREE, { lost: 1, packets: 3 })).toEqual(FREE);
});
