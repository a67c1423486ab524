import { expect, it } from "vitest";
import type { RoomEvent, Stamped } from "../protocol";
import { spansOf, type Take, Timeline } from "./timeline";

const take = (kind: Take["kind"], start: number, duration: number): Take => ({ name: `${kind}.${start}`, kind, start, duration, size: 1, finished: true });
const at = (time: number, event: RoomEvent): Stamped => ({ ...event, seq: time, at: time });
const started = (time: number): Stamped => at(time, { type: "class.started", started_at: time });
const ended = (time: number): Stamped => at(time, { type: "class.ended" });

it("a position is class time without what lies between two days", () => {
  const line = new Timeline([{ from: 1_000, to: 11_000 }, { from: 500_000, to: 505_000 }], []);
  expect(line.length).toBe(15_000);
  expect([0, 9_999, 10_000, 12_500, 15_000, 99_000, -5].map((position) => line.toClass(position))).toEqual([
    1_000, 10_999, 500_000, 502_500, 505_000, 505_000, 1_000,
  ]);
  expect([0, 1_000, 4_000, 11_000, 300_000, 500_000, 502_500, 999_999].map((time) => line.toPosition(time))).toEqual([
    0, 0, 3_000, 10_000, 10_000, 10_000, 12_500, 15_000,
  ]);
  for (const position of [0, 1, 9_999, 10_000, 14_999]) expect(line.toPosition(line.toClass(position))).toBe(position);
});

it("at a moment there is the camera or the voices, and the screen beside it", () => {
  const camera = take("camera", 2_000, 3_000);
  const voices = take("sound", 6_000, 2_000);
  const screen = take("screen", 4_000, 3_000);
  const line = new Timeline([{ from: 0, to: 10_000 }], [voices, screen, camera]);
  const seen = (time: number) => [line.takeAt("main", time), line.takeAt("screen", time)];
  expect(seen(1_999)).toEqual([null, null]);
  expect(seen(2_000)).toEqual([camera, null]);
  expect(seen(4_500)).toEqual([camera, screen]);
  expect(seen(5_000)).toEqual([null, screen]);
  expect(seen(6_500)).toEqual([voices, screen]);
  expect(seen(8_000)).toEqual([null, null]);
});

it("of two takes that overlap the later one is shown", () => {
  const line = new Timeline([{ from: 0, to: 10_000 }], [take("camera", 0, 5_000), take("camera", 4_000, 3_000)]);
  expect(line.takeAt("main", 4_500)?.start).toBe(4_000);
  expect(line.takeAt("main", 3_999)?.start).toBe(0);
});

it("holes are what nothing was recorded of", () => {
  const line = new Timeline(
    [{ from: 10_000, to: 30_000 }, { from: 100_000, to: 110_000 }],
    [take("camera", 5_000, 10_000), take("screen", 14_000, 6_000), take("camera", 21_000, 4_000)],
  );
  // 20 to 21 s is too short to be told; the second day was not recorded at all.
  expect(line.holes()).toEqual([{ from: 15_000, to: 20_000 }, { from: 20_000, to: 30_000 }]);
  expect(line.recorded).toBe(true);
  expect(new Timeline([{ from: 0, to: 1_000 }], [take("camera", 5_000, 1_000)]).recorded).toBe(false);
});

it("the days are those of the log; starting anew before the end begins none", () => {
  const log = [at(50, { type: "chat.said", by: "a", name: "A", role: "student", text: "early" }), started(1_000), started(2_000), ended(9_000), started(20_000), ended(90_000)];
  expect(spansOf(log, [])).toEqual([{ from: 1_000, to: 9_000 }, { from: 20_000, to: 90_000 }]);
});

it("a class that was never begun counts from what there is of it", () => {
  const log = [at(5_000, { type: "chat.said", by: "a", name: "A", role: "student", text: "hello" }), ended(9_000)];
  expect(spansOf(log, [])).toEqual([{ from: 5_000, to: 9_000 }]);
  expect(spansOf(log, [take("camera", 3_000, 4_000)])).toEqual([{ from: 3_000, to: 9_000 }]);
});
