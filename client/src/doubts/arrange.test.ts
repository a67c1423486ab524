/// The order of the list.

import { expect, it } from "vitest";
import type { DoubtState, DoubtView } from "../protocol";
import type { DoubtQuery, DoubtsState } from "../room";
import { arrange } from "./arrange";

function room(...doubts: readonly (Partial<DoubtView> & { state: DoubtState })[]): DoubtsState {
  return {
    doubts: doubts.map((doubt, index) => ({ id: index + 1, at: 0, text: `${index}`, votes: 1, ...doubt })),
    asked: new Set(),
    voted: new Set(),
    moderated: true,
    locked: false,
    anonymous: true,
  };
}

const ids = (state: DoubtsState, query: DoubtQuery) => arrange(state, query).map(({ id }) => id);

const SOME = room(
  { state: "answered", votes: 9 },
  { state: "open", votes: 2 },
  { state: "answering", votes: 1 },
  { state: "open", votes: 5 },
  { state: "open", pinned: true },
  { state: "dismissed" },
);

it("by votes: what is being answered, what is pinned, what is open, what is answered", () => {
  expect(ids(SOME, { filter: "all", sort: "votes" })).toEqual([3, 5, 4, 2, 1]);
});

it("among the open ones, what is being answered comes first", () => {
  expect(ids(SOME, { filter: "open", sort: "votes" })).toEqual([3, 5, 4, 2]);
});

it("by age, an answered one keeps its place", () => {
  expect(ids(SOME, { filter: "all", sort: "newest" })).toEqual([3, 5, 4, 2, 1]);
  expect(ids(SOME, { filter: "all", sort: "oldest" })).toEqual([3, 5, 1, 2, 4]);
});
