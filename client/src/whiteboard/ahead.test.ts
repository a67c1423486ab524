/// What comes before the board's code is there is kept for it.

import { afterEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../connection/emitter";
import type { BoardInkBy, SignalOut, Stamped } from "../protocol";
import type { Classroom } from "../room";
import { keepInk, read, takeInk } from "./ahead";
import { BoardStore } from "./store";

const LOOK = { type: "freedraw", x: 0, y: 0, width: 9, height: 9 };

class Connection {
  readonly room = null;
  readonly #news = new Emitter<{ signal: [SignalOut]; event: [Stamped]; room: [] }>();
  readonly on = this.#news.on.bind(this.#news);

  ink(after: number, ink: Uint8Array, id = "s"): void {
    const piece = { type: "board.ink_by", page: 0, id, by: "t", after, ink, look: after === 0 ? LOOK : undefined };
    this.#news.emit("signal", piece as unknown as BoardInkBy);
  }

  drawn(id: string): void {
    this.#news.emit("event", { type: "board.drawn", page: 0, changes: [{ id }] } as unknown as Stamped);
  }
}

describe("ink that comes before the board", () => {
  it("is kept, told of, and handed over once", () => {
    const connection = new Connection();
    const classroom = connection as unknown as Classroom;
    let heard = 0;
    const off = keepInk(classroom, () => (heard += 1));
    connection.ink(0, Uint8Array.of(1, 2));
    connection.ink(2, Uint8Array.of(3));
    expect(takeInk(classroom).map(({ after }) => after)).toEqual([0, 2]);
    connection.ink(3, Uint8Array.of(4));
    expect(takeInk(classroom)).toEqual([]);
    expect(heard).toBe(3);
    off();
  });

  it("goes on in the board's store where it was taken over", () => {
    const connection = new Connection();
    const classroom = connection as unknown as Classroom;
    keepInk(classroom, () => undefined);
    connection.ink(0, Uint8Array.of(1, 2));
    const store = new BoardStore(classroom);
    store.open();
    connection.ink(2, Uint8Array.of(3));
    expect(store.strokes.ink("s")).toEqual(Uint8Array.of(1, 2, 3));
    store.close();
  });

  it("is let go of once its stroke has ended, which the board's page has in it then", () => {
    const connection = new Connection();
    const classroom = connection as unknown as Classroom;
    keepInk(classroom, () => undefined);
    connection.ink(0, Uint8Array.of(1, 2), "ended");
    connection.ink(0, Uint8Array.of(1, 2), "going on");
    connection.drawn("ended");
    const store = new BoardStore(classroom);
    store.open();
    expect(store.strokes.ink("ended")).toBeNull();
    expect(store.strokes.ink("going on")).toEqual(Uint8Array.of(1, 2));
    store.close();
  });
});

describe("what is read of a page", () => {
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("is not to be had where nothing answers, and may then be asked for again", async () => {
    vi.useFakeTimers();
    const unanswered = (_: string, { signal }: RequestInit = {}) =>
      new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(new DOMException("", "AbortError"))));
    vi.stubGlobal("fetch", unanswered);
    let answer: unknown = "none yet";
    void read("/board/0@1").then((told) => (answer = told));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(answer).toBe(null);
  });
});
