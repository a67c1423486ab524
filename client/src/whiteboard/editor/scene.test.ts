/// What the editor is given, whatever the server let through.

import { describe, expect, it } from "vitest";
import type { RawElement } from "../element";
import { forEditor } from "./scene";

const BOX: RawElement = { id: "box", type: "rectangle", x: 1, y: 2, width: 3, height: 4, version: 5, versionNonce: 6, isDeleted: false };

describe("an element for the editor", () => {
  it("keeps what it has, and gets what it lacks", () => {
    const element = forEditor({ ...BOX, opacity: 40, groupIds: ["g"], roundness: { type: 3 }, index: "a1V", boundElements: [{ id: "x", type: "text" }], own: [1] });

    expect(element).toMatchObject({ opacity: 40, groupIds: ["g"], roundness: { type: 3 }, index: "a1V", boundElements: [{ id: "x", type: "text" }], own: [1], angle: 0, frameId: null });
  });

  it.each(["zzzz", "", "0a", "a", "a10", "b0", "b0000", "A00000000000000000000000000", 5])("has no place of its own where that is none: %s", (index) => {
    expect(forEditor({ ...BOX, index }).index).toBeNull();
  });

  it.each(["a0", "Zz", "a0V", "b00", "b0z1", "z" + "0".repeat(26)])("keeps its place: %s", (index) => {
    expect(forEditor({ ...BOX, index }).index).toBe(index);
  });

  it("has every field as the editor relies on it", () => {
    const odd = { groupIds: "x", boundElements: "x", roundness: 5, seed: "x", strokeStyle: 5, fillStyle: {}, opacity: null, frameId: 7 };

    expect(forEditor({ ...BOX, ...odd })).toMatchObject({ groupIds: [], boundElements: null, roundness: null, seed: 1, strokeStyle: "solid", fillStyle: "solid", opacity: 100, frameId: null });
    expect(forEditor({ ...BOX, type: "image", scale: "x", crop: "y" })).toMatchObject({ scale: [1, 1], crop: null });
    expect(forEditor({ ...BOX, type: "text", fontFamily: "x", textAlign: 5, lineHeight: "1" })).toMatchObject({ text: "", originalText: "", fontFamily: 5, textAlign: "left", lineHeight: 1.25 });
    expect(forEditor({ ...BOX, type: "arrow", points: [[0, 0]], startBinding: 5, endArrowhead: 5 })).toMatchObject({ startBinding: null, endArrowhead: "arrow" });
  });
});
