import { expect, it } from "vitest";
import { find, ListDraft, locate } from "./list";

const list = [2, 4, 6].map((id) => ({ id, text: "" }));

it("finds by id, or tells where it would be", () => {
  expect([1, 2, 3, 4, 5, 6, 7].map((id) => locate(list, id))).toEqual([-1, 0, -2, 1, -3, 2, -4]);
  expect(locate([], 1)).toBe(-1);
  expect(find(list, 4)).toBe(list[1]);
  expect(find(list, 5)).toBeUndefined();
});

it("leaves the list as it was, and hands the same one back when nothing changed", () => {
  const draft = new ListDraft(list);
  draft.update(3, (item) => ({ ...item, text: "no such item" }));
  draft.delete(7);
  expect(draft.done()).toBe(list);

  draft.put({ id: 3, text: "three" });
  draft.put({ id: 7, text: "seven" });
  draft.delete(2);

  expect(draft.done().map((item) => item.id)).toEqual([3, 4, 6, 7]);
  expect(list.map((item) => item.id)).toEqual([2, 4, 6]);
});
