/// The member's connection to a room, through cuts, silences and reloads. Free of any framework.
///
/// What always holds: `room` only ever moves forward, by a welcome or by events in their order; there is at most one link
/// at a time, and after it has gone down there is either a time for the next or a reason why there is none.

import type { Ack, Bye, ClientCommand, MessageView, Refused, Resumed, SignalIn, SignalOut, Stamped, Welcome } from "../protocol";
import { withOlder } from "../room/chat";
import { applyEvents, applySignal, fadeTyping, fromWelcome, type RoomState, TYPING_FADES } from "../room/state";
import { backoff } from "./backoff";
import { isOffline, listenToDevice } from "./device";
import { Emitter } from "./emitter";
import { Link } from "./link";
import { Outbox } from "./outbox";
import { deviceStorage, keptId, type KeyValue } from "./storage";
import { type Timings, TIMINGS } from "./timings";
import type { Pending, Reason, Send, Status } from "./types";

export interface ConnectionOptions {
  readonly room: string;
  /** A join token, or … */
  readonly token?: string | undefined;
  /** … in an open room, a name. */
  readonly name?: string | undefined;
  /** The server's origin; missing: the page's. */
  readonly url?: string | undefined;
  readonly storage?: KeyValue | undefined;
  readonly timings?: Partial<Timings> | undefined;
}

export type News = {
  room: [];
  status: [];
  pending: [];
  /**
   * Each event once, in order, after it was folded; not those of a welcome. `before`: the room as it was before this event and
   * those that came with it.
   */
  event: [event: Stamped, state: RoomState, before: RoomState];
  signal: [signal: SignalOut];
  /** A command that was given before the page was loaded, which nothing on the page shows. */
  refused: [refused: Refused];
  /** The server's word as it ended the connection. */
  bye: [bye: Bye];
};

const RESTARTS = 120_000; // ms that a restart may take: failures within it are part of it

const CONNECTING: Status = { phase: "connecting", reason: null, retryAt: null, attempt: 0 };

export class ClassroomConnection {
  readonly #options: ConnectionOptions;
  readonly #timings: Timings;
  readonly #news = new Emitter<News>();
  readonly #outbox: Outbox;
  readonly #client: string;
  #link: Link | null = null;
  #epoch: string | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #fade: ReturnType<typeof setTimeout> | undefined;
  #unlisten: (() => void) | null = null;
  /** The server asked not to come back before (ms, `performance.now()`). */
  #notBefore = 0;
  /** What the server said as it went down for a restart, and when (ms, `performance.now()`). */
  #restart: { readonly reason: Reason; readonly at: number } | null = null;

  /** The replica; null before the first welcome. */
  room: RoomState | null = null;
  status: Status = CONNECTING;
  pending: readonly Pending[] = [];
  /** Add it to `Date.now()` for the server's clock (ms). */
  clockOffset = 0;
  /** A bearer token for the HTTP API; null before the first welcome. */
  pass: string | null = null;
  /** Opens the board's pages and files; null before the first welcome. */
  key: string | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#timings = { ...TIMINGS, ...options.timings };
    const storage = options.storage ?? deviceStorage();
    this.#client = keptId(storage, "classroom.client");
    const seq = () => this.room?.seq ?? 0;
    const serverNow = () => Date.now() + this.clockOffset;
    const changed = (): void => {
      this.pending = this.#outbox.pending;
      this.#news.emit("pending");
      this.#judge();
    };
    const refusedLate = (refused: Refused): void => this.#news.emit("refused", refused);
    this.#outbox = new Outbox(storage, this.#timings.retryBase, seq, serverNow, changed, refusedLate);
  }

  readonly on = this.#news.on.bind(this.#news);

  /** Connect, and stay connected until `stop()`. */
  start(): void {
    if (this.#watch !== undefined) return;
    this.#outbox.start();
    this.#watch = setInterval(() => this.#look(), this.#timings.watchEvery);
    this.#unlisten = listenToDevice({
      back: () => this.#deviceBack(),
      away: () => this.#deviceAway(),
      gone: (key) => this.#outbox.goneElsewhere(key),
    });
    this.#connect();
  }

  /** Leave. What was not answered stays on the device and is sent the next time this member comes. */
  stop(): void {
    this.#halt();
    this.#outbox.stop();
    this.#set({ phase: "closed", reason: { code: "stopped", message: "" }, retryAt: null, attempt: 0 });
  }

  /** Do not wait for `retryAt`. Also comes back after `refused` or `closed`. */
  retryNow(): void {
    if (this.#link !== null) return;
    if (this.#watch === undefined) this.start();
    else this.#connect();
  }

  readonly send: Send = (command: ClientCommand, options): Promise<Ack> => this.#outbox.add(command, options);

  readonly signal = (signal: SignalIn): void => this.#link?.signal(signal);

  readonly dismiss = (cid: string): void => this.#outbox.dismiss(cid);

  /** Send a refused command again; null when there is none with this `cid`. */
  readonly retry = (cid: string): Promise<Ack> | null => this.#outbox.retry(cid);

  /** The HTTP API, as this member: `path` within `/api/rooms/<room>`, such as `/people?page=2`. */
  readonly fetch = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (this.pass !== null) headers.set("Authorization", `Bearer ${this.pass}`);
    const room = encodeURIComponent(this.room?.room.id ?? this.#options.room);
    return fetch(`${this.#options.url ?? ""}/api/rooms/${room}${path}`, { ...init, headers });
  };

  /** The address of something of the board, the same for everybody in the room, so that caches may keep it. */
  readonly address = (path: string): string => {
    const room = encodeURIComponent(this.room?.room.id ?? this.#options.room);
    return `${this.#options.url ?? ""}/api/rooms/${room}${path}?key=${encodeURIComponent(this.key ?? "")}`;
  };

  /** Put a page of older messages, oldest first, before those at hand. `more`: whether there are still older ones. */
  prependMessages(messages: readonly MessageView[], more: boolean): void {
    if (this.room !== null) this.#show({ ...this.room, chat: withOlder(this.room.chat, messages, more) });
  }

  #connect(): void {
    clearTimeout(this.#retry);
    this.#link?.close();
    this.#set({ ...this.status, phase: this.room === null ? "connecting" : this.#cutPhase(), retryAt: null, waiting: undefined });
    const link: Link = new Link(this.#options.url, () => this.#hello(), this.#timings.connectTimeout, {
      welcome: (welcome) => this.#welcome(link, welcome),
      waiting: ({ place, estimate }) =>
        this.#set({ ...this.status, retryAt: null, waiting: { place, until: Date.now() + estimate } }),
      resumed: (resumed) => this.#resumed(link, resumed),
      events: (events) => this.#events(events),
      signals: (signals) => this.#signals(signals),
      heard: () => this.#judge(),
      down: (bye) => this.#down(bye),
    });
    this.#link = link;
  }

  #hello() {
    const { room, token, name } = this.#options;
    const known = this.room !== null && this.#epoch !== null ? { since: this.room.seq, epoch: this.#epoch } : {};
    return { v: 1, room, client: this.#client, ...(token ? { token } : name ? { name } : {}), ...known };
  }

  #welcome(link: Link, welcome: Welcome): void {
    this.#epoch = welcome.epoch;
    this.pass = welcome.pass;
    this.key = welcome.key;
    this.clockOffset = welcome.now - Date.now();
    const passing = this.room?.passing;
    const state = fromWelcome(welcome);
    this.#show(passing === undefined ? state : { ...state, passing });
    this.#in(link, state);
  }

  #resumed(link: Link, { now, seq, events }: Resumed): void {
    const { room } = this;
    if (room === null) return link.cut("cut");
    this.clockOffset = now - Date.now();
    this.#events(events);
    // Events hidden from this member have their places too.
    const state = this.room ?? room;
    if (seq > state.seq) this.#show({ ...state, seq });
    this.#in(link, state);
  }

  #in(link: Link, state: RoomState): void {
    this.#restart = null;
    this.#outbox.up(link, state.room.id, state.me.id);
    this.#set({ phase: "live", reason: null, retryAt: null, attempt: 0 });
    this.#judge();
  }

  #events(events: readonly Stamped[]): void {
    const before = this.room;
    if (before === null) return;
    const state = applyEvents(before, events);
    if (state === before) return;
    this.#show(state);
    for (const event of events) if (event.seq > before.seq) this.#news.emit("event", event, state, before);
  }

  #signals(signals: readonly SignalOut[]): void {
    if (this.room === null) return;
    const now = Date.now();
    const state = signals.reduce((room, signal) => applySignal(room, signal, now), this.room);
    this.#show(state);
    for (const signal of signals) this.#news.emit("signal", signal);
    if (state.passing.typing.length > 0) this.#fadeLater();
  }

  #fadeLater(): void {
    clearTimeout(this.#fade);
    this.#fade = setTimeout(() => {
      if (this.room === null) return;
      this.#show(fadeTyping(this.room, Date.now()));
      if (this.room.passing.typing.length > 0) this.#fadeLater();
    }, TYPING_FADES / 5);
  }

  #show(state: RoomState): void {
    const { room } = this;
    if (state === room) return;
    this.room = state;
    this.#news.emit("room");
    if (state.seq !== room?.seq) this.#outbox.settle(this.#timings.ackSlow);
    if (state.chat.slow < (room?.chat.slow ?? 0)) this.#outbox.hasten("chat.say");
  }

  #down(bye: Bye): void {
    const wasLive = this.#link?.up ?? false;
    this.#link = null;
    this.#outbox.down();
    const said: Reason = { code: bye.code, message: bye.message };
    const spoken = bye.message !== "";
    if (spoken) this.#news.emit("bye", bye);
    if (spoken) this.#restart = bye.code === "restarting" ? { reason: said, at: performance.now() } : null;
    const restarts = this.#restart !== null && performance.now() - this.#restart.at < RESTARTS;
    const reason = restarts && this.#restart !== null ? this.#restart.reason : said;
    if (!bye.temporary) {
      this.#halt();
      return this.#set({ phase: this.room === null ? "refused" : "closed", reason, retryAt: null, attempt: 0 });
    }
    const { backoffBase, backoffCap } = this.#timings;
    const attempt = this.status.attempt;
    this.#notBefore = performance.now() + (bye.retry_in ?? 0);
    const wait = (bye.retry_in ?? 0) + backoff(attempt, backoffBase, backoffCap);
    this.#retry = setTimeout(() => this.#connect(), wait);
    const offline = isOffline();
    this.#set({
      phase: offline ? "offline" : this.room === null && !wasLive ? "connecting" : "reconnecting",
      reason: offline ? { code: "no_network", message: "" } : reason,
      retryAt: Date.now() + wait,
      attempt: attempt + 1,
    });
  }

  #cutPhase(): "offline" | "reconnecting" {
    return isOffline() ? "offline" : "reconnecting";
  }

  #halt(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#fade);
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#unlisten?.();
    this.#unlisten = null;
    this.#link?.close();
    this.#link = null;
    this.#outbox.down();
  }

  #deviceBack(): void {
    const link = this.#link;
    if (link === null) return performance.now() < this.#notBefore ? undefined : this.retryNow();
    // The way to the server may be another one now, over which the old connection never gets a packet.
    if (performance.now() - link.heardAt > link.pingInterval + this.#timings.silenceGrace) link.cut("silent");
  }

  #deviceAway(): void {
    if (this.#link === null && this.status.phase === "reconnecting") {
      this.#set({ ...this.status, phase: "offline", reason: { code: "no_network", message: "" } });
    }
  }

  /** Now and then: is anybody still there? */
  #look(): void {
    const link = this.#link;
    if (link === null || !link.up) return;
    const { ackSlow, ackTimeout, silenceGrace } = this.#timings;
    if (performance.now() - link.heardAt > link.pingInterval + 2 * silenceGrace) return link.cut("silent");
    this.#outbox.resend(ackTimeout);
    this.#outbox.settle(ackSlow);
    this.#judge();
  }

  /** Live or degraded? */
  #judge(): void {
    const link = this.#link;
    if (link === null || !link.up) return;
    const now = performance.now();
    const waiting = this.#outbox.waitingSince;
    const silent = now - link.heardAt > link.pingInterval + this.#timings.silenceGrace;
    const slow = waiting !== null && now - waiting > this.#timings.ackSlow;
    const code = silent ? "silent" : slow ? "slow" : null;
    if (code === null) this.#set({ phase: "live", reason: null, retryAt: null, attempt: 0 });
    else this.#set({ phase: "degraded", reason: { code, message: "" }, retryAt: null, attempt: 0 });
  }

  #set(status: Status): void {
    const { phase, reason, retryAt, attempt, waiting } = this.status;
    const same =
      status.waiting?.place === waiting?.place &&
      status.phase === phase &&
      status.retryAt === retryAt &&
      status.attempt === attempt &&
      status.reason?.code === reason?.code &&
      status.reason?.message === reason?.message;
    if (same) return;
    this.status = status;
    this.#news.emit("status");
  }
}
