/// Strokes that are being drawn somewhere, and what becomes of one that its drawer leaves.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../connection/emitter";
import type { BoardInkBy, SignalOut } from "../protocol";
import type { Classroom } from "../room";
import { BoardStore } from "./store";

const LOOK = { type: "line", x: 0, y: 0, width: 9, height: 9 };
const PIECE = Uint8Array.of(0, 1, 2, 2, 2);

class Board {
  readonly #signals = new Emitter<{ signal: [SignalOut] }>();
  readonly store = new BoardStore({ room: null, on: this.#signals.on.bind(this.#signals) } as unknown as Classroom);
  readonly painted: number[] = [];

  constructor() {
    this.store.open();
    this.store.on("ink", (page) => this.painted.push(page));
  }

  ink(after: number, page = 0): void {
    const piece = { type: "board.ink_by", page, id: `s${page}`, by: "t", after, ink: PIECE, look: after === 0 ? LOOK : undefined };
    this.#signals.emit("signal", piece as unknown as BoardInkBy);
  }

  drawing(page = 0): readonly string[] {
    return [...this.store.strokes.drawing(page, performance.now())];
  }
}

describe("a stroke that its drawer leaves without ending it", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is not told of as being drawn any more when it has rested for longer than the server keeps it", () => {
    const board = new Board();
    board.ink(0);
    vi.advanceTimersByTime(15_000);
    board.ink(PIECE.length);
    vi.advanceTimersByTime(20_000);
    expect(board.drawing()).toEqual(["t"]);
    vi.advanceTimersByTime(1);
    expect(board.drawing()).toEqual([]);
    board.store.close();
  });

  it("goes on where it was, if its drawer had only waited", () => {
    const board = new Board();
    board.ink(0);
    vi.advanceTimersByTime(30_000);
    board.ink(PIECE.length);
    expect(board.drawing()).toEqual(["t"]);
    expect(board.store.strokes.ink("s0")).toHaveLength(2 * PIECE.length);
    board.store.close();
  });

  it("goes from the page by itself, and with it the last clock that runs", () => {
    const board = new Board();
    board.ink(0, 0);
    vi.advanceTimersByTime(30_000);
    board.ink(0, 1);
    expect(board.store.strokes.on(0)).toHaveLength(1);
    board.painted.length = 0;
    vi.advanceTimersByTime(35_000);
    expect(board.painted).toEqual([0]);
    expect(board.store.strokes.on(0)).toEqual([]);
    expect(board.store.strokes.on(1)).toHaveLength(1);
    vi.advanceTimersByTime(30_000);
    expect(board.painted).toEqual([0, 1]);
    expect(board.store.strokes.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    board.store.close();
  });
});
