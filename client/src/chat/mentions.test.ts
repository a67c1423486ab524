/// `@name` while writing.

import { expect, it } from "vitest";
import { welcomeTo, ASHA, EMPTY_VIEW } from "../testing/rooms";
import { fromWelcome } from "../room";
import { candidates, mentionedIn, queryAt } from "./mentions";

it.each([
  ["@", { at: 0, query: "" }],
  ["hello @ra", { at: 6, query: "ra" }],
  ["(@Ravi Ku", { at: 1, query: "Ravi Ku" }],
  ["mail@example", null],
  ["no one", null],
  ["@Ravi Kumar is here", null],
  ["@a\nb", null],
])("in %j the name begun is %j", (text, expected) => {
  expect(queryAt(text, text.length)).toEqual(expected);
});

it("looks before the caret only", () => {
  expect(queryAt("@ra and more", 3)).toEqual({ at: 0, query: "ra" });
});

const message = (id: number, by: string, name: string) => ({ id, at: 0, by, name, role: "student" as const, text: "" });
const room = fromWelcome(
  welcomeTo(ASHA, {
    state: {
      ...EMPTY_VIEW,
      roster: { ...EMPTY_VIEW.roster, people: [{ id: "t1", name: "Meera Rao", role: "instructor", present: true }] },
      chat: { ...EMPTY_VIEW.chat, messages: [message(1, "s2", "Ravi"), message(2, "s3", "Rahul"), message(3, "s2", "Ravi"), message(4, "s1", "Asha")] },
    },
  }),
);

it("offers the staff, then who spoke last, each once, and never myself", () => {
  expect(candidates(room, "").map(({ name }) => name)).toEqual(["Meera Rao", "Ravi", "Rahul"]);
});

it("matches the beginning of any word, whatever its case", () => {
  expect(candidates(room, "RA").map(({ name }) => name)).toEqual(["Meera Rao", "Ravi", "Rahul"]);
  expect(candidates(room, "ee")).toEqual([]);
});

it("mentions those only whose name still stands in the text", () => {
  const chosen = [
    { id: "s2", name: "Ravi" },
    { id: "s3", name: "Rahul" },
    { id: "s2", name: "Ravi" },
  ];

  expect(mentionedIn("@Ravi hello", chosen, 10)).toEqual(["s2"]);
  expect(mentionedIn("@Ravi @Rahul", chosen, 1)).toEqual(["s2"]);
});
