/// Paths and rooms' names.

import { expect, it } from "vitest";
import { placeOf, roomFrom } from "./router";

it.each([
  ["/", { page: "home" }],
  ["/r/physics-101", { page: "room", room: "physics-101" }],
  ["/r/physics-101/", { page: "room", room: "physics-101" }],
  ["/r/", { page: "home" }],
  ["/r/-x", { page: "home" }],
  ["/r/a/b", { page: "home" }],
  ["/elsewhere", { page: "home" }],
])("%s", (path, place) => {
  expect(placeOf(path)).toEqual(place);
});

it.each([
  [" physics 101 ", "physics-101"],
  ["https://class.example/r/physics#token=x", "physics"],
  ["class.example/r/physics?x=1", "physics"],
  ["भौतिकी", null],
  ["", null],
  ["a".repeat(65), null],
])("what is typed as %j is the room %j", (typed, room) => {
  expect(roomFrom(typed)).toBe(room);
});
