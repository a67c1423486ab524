/// What the device keeps, also where it stops keeping.

import { expect, it } from "vitest";
import { safe } from "./storage";

it("a key is told of once, also where its newest text found no room on the device", () => {
  const kept = new Map<string, string>();
  const device = {
    get length() {
      return kept.size;
    },
    key: (place: number) => [...kept.keys()][place] ?? null,
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => {
      if (text.length > 3) throw new DOMException("full", "QuotaExceededError");
      kept.set(key, text);
    },
    removeItem: (key: string) => void kept.delete(key),
  } as Storage;
  const storage = safe(() => device);

  storage.set("a", "old");
  storage.set("a", "newest");

  expect(storage.keys()).toEqual(["a"]);
  expect(storage.get("a")).toBe("newest");
});
