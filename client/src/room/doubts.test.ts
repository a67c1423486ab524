import { describe, expect, it } from "vitest";
import type { DoubtView, RoomEvent } from "../protocol";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, stamped, TEACHER, welcomeTo } from "../testing/rooms";
import { countDoubts, type DoubtQuery, selectDoubts } from "./doubts";
import { applyEvents, fromWelcome } from "./state";

const doubt = (id: number, change: Partial<DoubtView> = {}): DoubtView => ({
  id,
  at: id * 1_000,
  text: `Doubt ${id}`,
  state: "open",
  votes: 1,
  ...change,
});

const room = fromWelcome(
  welcomeTo(TEACHER, {
    state: {
      ...EMPTY_VIEW,
      doubts: {
        ...EMPTY_VIEW.doubts,
        doubts: [
          doubt(1, { votes: 5 }),
          doubt(2, { votes: 9, state: "answered", answer: "Because of Inertia" }),
          doubt(3, { votes: 5, name: "Ravi" }),
          doubt(4, { state: "answering" }),
          doubt(5, { state: "pending" }),
          doubt(6, { pinned: true }),
          doubt(7, { state: "dismissed" }),
          doubt(8, { state: "merged", merged_into: 1 }),
          doubt(9, { state: "withdrawn" }),
        ],
      },
    },
    own: { ...EMPTY_OWN, doubts: { doubts: [], asked: [3, 9], voted: [3, 9] } },
  }),
);

const ids = (query: Partial<DoubtQuery>) =>
  selectDoubts(room.doubts, { filter: "all", sort: "oldest", ...query }).map((shown) => shown.id);

describe("a list of doubts", () => {
  it.each([
    ["all", [6, 1, 2, 3, 4, 5]],
    ["open", [6, 1, 3]],
    ["answering", [4]],
    ["answered", [2]],
    ["pending", [5]],
    ["dismissed", [7]],
    ["mine", [3, 9]],
  ] as const)("filtered by %s shows what belongs there, pinned first", (filter, expected) => {
    expect(ids({ filter })).toEqual(expected);
  });

  it.each([
    ["votes", [6, 2, 1, 3, 4, 5]],
    ["newest", [6, 5, 4, 3, 2, 1]],
    ["oldest", [6, 1, 2, 3, 4, 5]],
    ["state", [6, 4, 5, 1, 3, 2]],
  ] as const)("sorted by %s keeps pinned ones first and ties in order of asking", (sort, expected) => {
    expect(ids({ sort })).toEqual(expected);
  });

  it.each([
    ["INERTIA", [2]],
    ["ravi 3", [3]],
    ["  ", [6, 1, 2, 3, 4, 5]],
    ["nothing like it", []],
  ])("searched for %j finds all its words in text, answer or name", (search, expected) => {
    expect(ids({ search })).toEqual(expected);
  });

  it("counts as many as each filter shows", () => {
    const { mine: _, ...counts } = countDoubts(room.doubts);

    for (const [filter, count] of Object.entries(counts)) {
      expect(ids({ filter: filter as DoubtQuery["filter"] })).toHaveLength(count);
    }
  });
});

describe("a student", () => {
  const start = fromWelcome(welcomeTo(ASHA));
  const asked = (by: string): RoomEvent => ({ type: "doubt.asked", text: "Why?", state: "pending", by, name: by });
  const dismissed: RoomEvent = { type: "doubt.dismissed", id: 1, was: "open", by: ASHA.id, reason: "Later" };

  it("keeps an own doubt that was dismissed, with the reason", () => {
    const state = applyEvents(start, stamped(1, asked(ASHA.id), dismissed));

    expect(state.doubts.doubts).toMatchObject([{ id: 1, state: "dismissed", reason: "Later" }]);
  });

  it("loses sight of another's doubt that was dismissed", () => {
    const open: RoomEvent = { type: "doubt.asked", text: "Why?", state: "open" };

    const state = applyEvents(start, stamped(1, open, { type: "doubt.dismissed", id: 1, was: "open" }));

    expect(state.doubts.doubts).toEqual([]);
  });

  it("sees a doubt that is published late in its place by age", () => {
    const published: RoomEvent = { type: "doubt.published", id: 2, at: 2_000, text: "First", votes: 1, was: "pending" };
    const open: RoomEvent = { type: "doubt.asked", text: "Second", state: "open" };

    const state = applyEvents(start, stamped(5, open, published));

    expect(state.doubts.doubts.map((shown) => shown.id)).toEqual([2, 5]);
  });
});
