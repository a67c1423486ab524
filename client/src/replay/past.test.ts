import { expect, it } from "vitest";
import type { RoomEvent, Stamped } from "../protocol";
import { applyEvents } from "../room";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, said, stamped } from "../testing/rooms";
import { emptyRoom } from "./log";
import { answersOf, clustered, markersOf } from "./markers";
import { Past, STRIDE } from "./past";
import { captionAt, captionsOf } from "./captions";
import { Timeline } from "./timeline";

const start = emptyRoom({ id: "physics", title: "Physics" }, ASHA, { state: EMPTY_VIEW, own: EMPTY_OWN });

/** A lesson: words, doubts, what becomes of them. */
function lesson(count: number): Stamped[] {
  const events = Array.from({ length: count }, (_, number): RoomEvent => {
    const seq = number + 1;
    if (seq % 7 === 3) return { type: "doubt.asked", text: `Why ${seq}?`, state: "open" };
    if (seq % 7 === 5) return { type: "doubt.started", id: seq - 2 };
    if (seq % 7 === 6) return { type: "doubt.answered", id: seq - 3, live: true, class_time: seq * 1_000 };
    if (seq % 11 === 0) return { type: "chat.deleted", id: seq - 10 };
    return said("s2", `Message ${seq}`);
  });
  return stamped(1, ...events);
}

const still = (): void => undefined;

it("the room at any moment is the fold of all that had happened by then", async () => {
  const events = lesson(STRIDE * 3 + 17);
  const past = await Past.fold(start, events, still);
  for (const count of [0, 1, 500, STRIDE - 1, STRIDE, STRIDE + 1, STRIDE * 2 + 300, events.length]) {
    expect(past.stateAfter(count)).toEqual(applyEvents(start, events.slice(0, count)));
  }
});

it("going on from what is at hand, and back, arrives at the same", async () => {
  const events = lesson(STRIDE * 2 + 100);
  const past = await Past.fold(start, events, still);
  let near = { state: past.stateAfter(0), count: 0 };
  for (const count of [3, 40, 41, 900, STRIDE + 5, STRIDE + 6, 20, STRIDE * 2 + 99, 0]) {
    near = { state: past.stateAfter(count, near), count };
    expect(near.state).toEqual(applyEvents(start, events.slice(0, count)));
  }
});

it("what has happened by a moment is found though the clock had stepped back", async () => {
  const events = [10, 20, 15, 30].map((at, index): Stamped => ({ ...said("s2", String(index)), seq: index + 1, at }));
  const past = await Past.fold(start, events, still);
  expect([9, 10, 19, 20, 29, 30, 99].map((at) => past.countAt(at))).toEqual([0, 1, 1, 3, 3, 4, 4]);
});

it("all messages of a large class stay, and how far it has come is told", async () => {
  const events = stamped(1, ...Array.from({ length: 25_000 }, (_, number) => said("s2", `Message ${number}`)));
  const shares: number[] = [];
  const past = await Past.fold(start, events, (share) => void shares.push(share));
  expect(past.stateAfter(events.length).chat.messages).toHaveLength(25_000);
  expect(past.stateAfter(events.length).chat.more).toBe(false);
  expect(shares).toHaveLength(25);
  expect(shares.at(-1)).toBe(1);
});

it("an answer begins where the doubt was taken up, the last time that it was", () => {
  const events = stamped(
    1,
    { type: "doubt.asked", text: "Why?", state: "open" },
    { type: "doubt.started", id: 1 },
    { type: "doubt.started", id: 1 },
    { type: "doubt.answered", id: 1, live: true, class_time: 4_000 },
    { type: "doubt.answered", id: 1, live: true, class_time: 4_000, text: "Because." },
    { type: "doubt.asked", text: "How?", state: "open" },
    { type: "doubt.answered", id: 6, text: "Like this." },
    { type: "doubt.asked", text: "When?", state: "open" },
    { type: "doubt.answered", id: 8, live: true, class_time: 9_000 },
  );
  expect([...answersOf(events)]).toEqual([
    [1, 3_000],
    [8, 9_000],
  ]);
});

it("answers, polls and pinned messages are marked, in the order of the line", () => {
  const spec = { question: "Clear?", kind: "single", options: ["yes", "no"] } as const;
  const events = stamped(
    1,
    said("t1", "Page 12"),
    { type: "chat.pinned", id: 1, message: { id: 1, at: 1_000, by: "t1", name: "T1", role: "student", text: "Page 12" } },
    { type: "poll.opened", id: 3, spec },
    { type: "doubt.asked", text: "Why?", state: "open" },
    { type: "doubt.started", id: 4 },
    { type: "doubt.answered", id: 4, live: true, class_time: 5_000 },
    { type: "poll.closed", id: 3, results: "closed" },
    { type: "chat.pinned", id: 1, on: false },
    { type: "poll.opened", id: 9, spec },
  );
  const line = new Timeline([{ from: 1_000, to: 21_000 }], []);
  expect(markersOf(events, line)).toEqual([
    { kind: "pin", from: 1_000, to: 1_000, text: "Page 12" },
    { kind: "poll", from: 2_000, to: 6_000, text: "Clear?" },
    { kind: "doubt", from: 4_000, to: 4_000, text: "Why?" },
    { kind: "poll", from: 8_000, to: 20_000, text: "Clear?" },
  ]);
});

it("markers that stand too near to each other are drawn as one", () => {
  const marker = (from: number) => ({ kind: "doubt", from, to: from, text: String(from) }) as const;
  const many = Array.from({ length: 5_000 }, (_, number) => marker(number * 10));
  const clusters = clustered(many, 50_000);
  expect(clusters.length).toBeLessThanOrEqual(120);
  expect(clusters.reduce((sum, { count }) => sum + count, 0)).toBe(5_000);
  expect(clustered([marker(0), marker(30_000)], 50_000)).toHaveLength(2);
});

it("a caption is read for a while after it was said", () => {
  const events = [said("s2", "hello"), { type: "caption.said", text: "Good morning" }].map((event, index) => ({ ...event, seq: index + 1, at: 1_000 * (index + 1) }));
  const captions = captionsOf(events as Stamped[]);
  expect([1_999, 2_000, 8_999, 9_001].map((at) => captionAt(captions, at))).toEqual([null, "Good morning", "Good morning", null]);
});
