/// A page that is held: what comes while it is fetched, and what is asked for when that fails.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Emitter } from "../connection/emitter";
import type { BoardInkBy, Changed, SignalOut, Stamped } from "../protocol";
import type { Classroom } from "../room";
import { base64, pack } from "./packing";
import { BoardStore } from "./store";

const LOOK = { type: "freedraw", x: 0, y: 0, width: 9, height: 9 };
const STROKE = pack([[0, 0], [8, 8]]);

/** A room whose page 0 was last changed at `at`; what is asked of the server waits for `answer`. */
class Room {
  readonly #news = new Emitter<{ signal: [SignalOut]; event: [Stamped]; room: [] }>();
  readonly on = this.#news.on.bind(this.#news);
  readonly asked: string[] = [];
  readonly store = new BoardStore(this as unknown as Classroom);
  #answer: ((answer: object) => void) | null = null;
  at = 1;

  constructor() {
    vi.stubGlobal("fetch", (path: string) => (this.asked.push(path), new Promise((told) => (this.#answer = told))));
    this.store.open();
    this.store.watch(0);
  }

  get room() {
    return { seq: this.at, board: { pages: [{ id: 0, at: this.at, count: 1, background: {}, locked: false }] } };
  }

  readonly address = (path: string) => path;

  ink(id: string): void {
    this.#news.emit("signal", { type: "board.ink_by", page: 0, id, by: "t", after: 0, ink: STROKE, look: LOOK } as unknown as BoardInkBy);
  }

  happens(event: object): void {
    this.at += 1;
    this.#news.emit("room");
    this.#news.emit("event", { page: 0, by: "t", seq: this.at, at: 0, ...event } as unknown as Stamped);
  }

  /** The server has another log under the room's name. */
  begins(): void {
    this.at = 1;
    this.#news.emit("room");
  }

  draws(id: string, change: Partial<Changed> = {}): void {
    this.happens({ type: "board.drawn", changes: [{ id, version: 1, nonce: 1, set: LOOK, points: base64(STROKE), ...change }] });
  }

  async answer(ok: boolean): Promise<void> {
    const seq = Number(this.asked.at(-1)?.split("@")[1]);
    this.#answer?.({ ok, json: () => Promise.resolve({ page: 0, seq, elements: [] }) });
    await vi.advanceTimersByTimeAsync(0);
  }

  get inked(): readonly string[] {
    return this.store.strokes.on(0).map(({ id }) => id);
  }
}

let room: Room;

beforeEach(() => {
  vi.useFakeTimers();
  room = new Room();
});

afterEach(() => {
  room.store.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("a stroke that ends while its page is being fetched is on the page, and not as ink as well", async () => {
  room.ink("s");
  room.draws("s");
  expect(room.inked).toEqual(["s"]);
  await room.answer(true);
  expect([...(room.store.sheet(0)?.elements.keys() ?? [])]).toEqual(["s"]);
  expect(room.inked).toEqual([]);
});

it("a page that cannot be fetched is asked for again no more often for what happens on it meanwhile", async () => {
  await room.answer(true);
  // when it has to be fetched anew, and that fails while others draw on
  room.draws("gone", { base: 7 });
  for (let time = 0; time < 5; time += 1) {
    await room.answer(false);
    room.draws("more");
  }
  await room.answer(false);
  const before = room.asked.length;
  for (let time = 0; time < 60; time += 1) {
    await vi.advanceTimersByTimeAsync(1_000);
    await room.answer(false);
  }
  // then it is in the end every 10 s, give or take a quarter
  expect(room.asked.length - before).toBeLessThan(11);
});

it("a page of a log that has begun anew is fetched anew", async () => {
  await room.answer(true);
  room.draws("before");
  expect(room.store.sheet(0)?.elements.size).toBe(1);
  room.begins();
  await room.answer(true);
  expect(room.asked).toEqual(["/board/0@1", "/board/0@1"]);
  expect(room.store.sheet(0)?.elements.size).toBe(0);
  room.draws("now");
  expect([...(room.store.sheet(0)?.elements.keys() ?? [])]).toEqual(["now"]);
});
