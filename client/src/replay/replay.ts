/// A class that is over, as the parts of the page read a live one: the same room, at whatever moment it is taken to.
///
/// What always holds: `room` is what the log's first events make of it, as many as had happened by the moment; nothing can be
/// sent. Addresses and names are those of the connection it was opened from.

import type { News } from "../connection/connection";
import { Emitter } from "../connection/emitter";
import type { Send, Status } from "../connection/types";
import type { Ack } from "../protocol";
import type { Classroom, RoomState } from "../room";
import { PastPages } from "./board";
import type { Past } from "./past";

const OVER: Ack = { ok: false, code: "class_ended", message: "This is a recording.", temporary: false };

export class Replay implements Classroom {
  readonly replaying = true;
  readonly status: Status = { phase: "live", reason: null, retryAt: null, attempt: 0 };
  readonly pending = [];
  readonly clockOffset = 0;
  readonly past: Past;
  readonly pages: PastPages;
  readonly #live: Classroom;
  readonly #news = new Emitter<News>();
  #count = 0;
  room: RoomState;

  constructor(live: Classroom, past: Past) {
    this.#live = live;
    this.past = past;
    this.pages = new PastPages(past.events);
    this.room = past.stateAfter(0);
  }

  get pass(): string | null {
    return this.#live.pass;
  }

  get key(): string | null {
    return this.#live.key;
  }

  readonly on = this.#news.on.bind(this.#news);

  /** Be at a moment of class time. */
  goTo(at: number): void {
    const count = this.past.countAt(at);
    if (count === this.#count) return;
    this.room = this.past.stateAfter(count, { state: this.room, count: this.#count });
    this.#count = count;
    this.#news.emit("room");
    this.pages.goTo(this.room.seq);
  }

  readonly send: Send = () => Promise.resolve(OVER);
  readonly signal = (): void => {};
  readonly dismiss = (): void => {};
  readonly retry = (): null => null;

  readonly fetch = (path: string, init?: RequestInit): Promise<Response> => this.#live.fetch(path, init);
  readonly address = (path: string): string => this.#live.address(path);

  start(): void {}
  stop(): void {}
  retryNow(): void {}
  prependMessages(): void {}
}
