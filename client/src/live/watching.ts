/// Watches who is on stage: asks the server how, opens what there is to see and hear, and brings it back when it fails.
/// Free of any framework.
///
/// What always holds: `view` is a new object whenever something in it has changed, and tells of everybody on stage but me;
/// what is shown goes on until what takes its place plays; which way is taken is `step`'s to say (`way.ts`).

import { Emitter } from "../connection/emitter";
import type { Performer, Source } from "../protocol";
import type { Classroom } from "../room";
import { LINGERS } from "../room/stage";
import { askLive, type Live, Refusal } from "./exchange";
import { playHls } from "./hls";
import { kindOf, Leg } from "./leg";
import { type Course, type News, OFF, step } from "./way";

/** Something to see or hear. `attach` makes an element play it, and answers how to let go of it. */
export interface Tile {
  readonly key: string;
  readonly what: "camera" | "screen" | "voice";
  /** Whose it is; empty where a tile shows whoever is on. */
  readonly member: string;
  readonly name: string;
  readonly hasPicture: boolean;
  /** The staff have muted their microphone. */
  readonly muted: boolean;
  /** It has broken off; it may come back. */
  readonly waiting: boolean;
  /** Its picture is not sent for now: some network carries only sound. */
  readonly paused: boolean;
  /** Its sound is in another tile. */
  readonly silent: boolean;
  readonly attach: (video: HTMLVideoElement) => () => void;
}

export interface WatchView {
  readonly course: Course;
  readonly tiles: readonly Tile[];
  /** ms behind; null: not known. */
  readonly delay: number | null;
  readonly speaking: readonly string[];
  readonly soundOnly: boolean;
}

const LOOK = 500;

interface Seat {
  key: string;
  performer: Performer;
  current: Leg | null;
  next: Leg | null;
  played: boolean;
  retry: ReturnType<typeof setTimeout> | undefined;
}

export class Watching {
  readonly #connection: Classroom;
  readonly #emitter = new Emitter<{ view: [] }>();
  readonly #seats = new Map<string, Seat>();
  /** When a member's publication broke off (ms, `performance.now()`). */
  readonly #broken = new Map<string, number>();
  #course = OFF;
  /** Who sends something, and after them who is waited for. */
  #shown: readonly Performer[] = [];
  #waited = new Set<string>();
  #live: Live | null = null;
  #hlsSerial = 0;
  #hlsLost = -1;
  #streams = "";
  #opening = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #off: (() => void)[] = [];
  #hlsDelay: number | null = null;
  #soundOnly = false;
  #tiles = new Map<string, Tile>();

  view: WatchView = { course: OFF, tiles: [], delay: null, speaking: [], soundOnly: false };
  readonly on = this.#emitter.on.bind(this.#emitter);

  constructor(connection: Classroom) {
    this.#connection = connection;
  }

  start(): void {
    const online = () => this.#hear({ type: "again" });
    window.addEventListener("online", online);
    this.#off = [
      this.#connection.on("event", (event) => {
        if (event.type === "stage.unpublished") this.#broken.set(event.member, performance.now());
        if (event.type === "stage.left") for (const id of event.members) this.#broken.delete(id);
      }),
      // Why somebody sends no more is told by the event, which comes after the room that it has made.
      this.#connection.on("room", () => queueMicrotask(() => this.#off.length > 0 && this.#look())),
      () => window.removeEventListener("online", online),
    ];
    this.#timer = setInterval(() => this.#look(), LOOK);
    this.#look();
  }

  stop(): void {
    for (const off of this.#off) off();
    this.#off = [];
    clearInterval(this.#timer);
    this.#hear({ type: "over" });
  }

  again(): void {
    this.#hear({ type: "again" });
  }

  /** Pictures or none: for a network that carries only sound. */
  setSoundOnly(on: boolean): void {
    this.#soundOnly = on;
    this.#hlsSerial++;
    this.#look();
  }

  /** Bring in line what is open with who is on stage. */
  #look(): void {
    const room = this.#connection.room;
    if (room === null) return;
    const { people } = room.stage;
    const now = performance.now();
    const sending = people.filter(({ id, live }) => id !== room.me.id && live.length > 0);
    const waited = this.#shown.filter(({ id }) => !sending.some((one) => one.id === id) && now - (this.#broken.get(id) ?? Number.NEGATIVE_INFINITY) < LINGERS);
    this.#shown = [...sending, ...waited];
    this.#waited = new Set(waited.map(({ id }) => id));
    this.#hear({ type: "performing", on: people.some(({ id, live }) => id === room.me.id && live.length > 0) });
    if (this.#shown.length === 0) this.#hear({ type: "over" });
    else if (this.#course.phase === "off") this.#hear({ type: "live" });
    else this.#follow(sending);
    this.#show();
  }

  #follow(sending: readonly Performer[]): void {
    const streams = sending.map(({ stream }) => stream).join();
    const changed = streams !== this.#streams;
    this.#streams = streams;
    if (this.#live === null) return; // it is being asked for
    if (changed && sending.length > 0) this.#hear({ type: "renewed" });
    if (this.#course.way === "hls") {
      if (changed && sending.length > 0) void this.#ask();
      return;
    }
    for (const [id, seat] of this.#seats) {
      if (!this.#shown.some((one) => one.id === id)) this.#clear(id, seat);
    }
    for (const performer of sending) this.#sit(performer);
  }

  /** Take a piece of news, and do what follows. */
  #hear(news: News, reopen?: () => void): void {
    if (news.type === "performing" && news.on === this.#course.performing) return;
    if (news.type === "over" && this.#course.phase === "off") return;
    const { course, then, wait } = step(this.#course, news);
    if (course === this.#course && then === "stay") return;
    this.#course = course;
    if (then === "restart") this.#restart();
    if (then === "reopen" && reopen) this.#retry = setTimeout(reopen, wait);
    this.#show();
  }

  #restart(): void {
    clearTimeout(this.#retry);
    for (const [id, seat] of this.#seats) this.#clear(id, seat);
    this.#hlsDelay = null;
    this.#hlsSerial++;
    if (this.#course.phase === "off") this.#live = null;
    else void this.#ask();
  }

  /** Ask the server where to watch, and open it. */
  async #ask(): Promise<void> {
    const opening = ++this.#opening;
    const before = this.#live;
    const retry = () => opening === this.#opening && void this.#ask();
    try {
      const live = await askLive(this.#connection.fetch);
      if (opening !== this.#opening || this.#course.phase === "off") return;
      this.#live = live;
      this.#hear({ type: "places", webrtc: live.webrtc });
      if (opening !== this.#opening) return;
      if (this.#course.way === "webrtc") return this.#look();
      if (live.hls === null) return this.#hear({ type: "refused", code: "not_live" }, retry);
      if (live.hls !== before?.hls) this.#hlsSerial++;
      this.#show();
    } catch (error) {
      if (opening !== this.#opening || this.#course.phase === "off") return;
      this.#hear({ type: "refused", code: error instanceof Refusal ? error.code : "unavailable" }, retry);
    }
  }

  // --- WebRTC -------------------------------------------------------------------------------------------------------

  #sit(performer: Performer): void {
    const sources = this.#wanted(performer);
    const key = `${performer.stream} ${sources.join()}`;
    const seat = this.#seats.get(performer.id) ?? { key: "", performer, current: null, next: null, played: false, retry: undefined };
    seat.performer = performer;
    this.#seats.set(performer.id, seat);
    if (seat.key === key) return;
    seat.key = key;
    this.#seat(seat, sources);
  }

  #seat(seat: Seat, sources: readonly Source[]): void {
    clearTimeout(seat.retry);
    seat.next?.close();
    seat.next = null;
    if (sources.length === 0) {
      seat.current?.close();
      seat.current = null;
      return;
    }
    const { key, performer } = seat;
    const reopen = () => {
      if (this.#seats.get(performer.id) === seat && seat.key === key) this.#seat(seat, sources);
    };
    const gone = (leg: Leg) => {
      if (seat.current === leg) seat.current = null;
      if (seat.next === leg) seat.next = null;
    };
    const leg: Leg = new Leg(this.#connection.fetch, this.#live?.ice_servers ?? [], performer.id, sources, {
      opened: () => this.#show(),
      playing: () => {
        seat.current?.close();
        seat.current = leg;
        seat.played = true;
        seat.next = null;
        this.#hear({ type: "playing" });
        this.#show();
      },
      lost: () => {
        gone(leg);
        this.#fail(seat, { type: "lost" }, reopen);
      },
      refused: (code) => {
        gone(leg);
        this.#fail(seat, { type: "refused", code }, reopen);
      },
    });
    seat.next = leg;
  }

  #fail(seat: Seat, news: News, reopen: () => void): void {
    const { course, then, wait } = step(this.#course, news);
    if (then !== "reopen") return this.#hear(news);
    // Others may well be seen: this one alone is opened again.
    const others = [...this.#seats.values()].some((one) => one !== seat && one.current !== null);
    this.#course = others && news.type === "refused" ? this.#course : course;
    seat.retry = setTimeout(reopen, wait);
    this.#show();
  }

  #clear(id: string, seat: Seat): void {
    clearTimeout(seat.retry);
    seat.current?.close();
    seat.next?.close();
    this.#seats.delete(id);
  }

  #wanted({ live }: Performer): readonly Source[] {
    return this.#soundOnly ? live.filter((source) => kindOf(source) === "audio") : live;
  }

  // --- what is shown ------------------------------------------------------------------------------------------------

  #show(): void {
    const off = this.#course.phase === "off";
    const tiles = off ? [] : this.#course.way === "hls" ? this.#hlsTiles() : this.#legTiles();
    this.#tiles = new Map(tiles.map((tile) => [tile.key, tile]));
    const legs = [...this.#seats.values()].flatMap(({ current }) => current ?? []);
    const delays = legs.flatMap(({ delay }) => delay ?? []);
    const delay = this.#course.way === "hls" ? this.#hlsDelay : delays.length > 0 ? Math.max(...delays) : null;
    const speaking = [...this.#seats].filter(([, seat]) => seat.current?.speaking).map(([id]) => id);
    const view = { course: this.#course, tiles, delay: off ? null : delay, speaking, soundOnly: this.#soundOnly };
    if (same(view, this.view)) return;
    this.view = view;
    this.#emitter.emit("view");
  }

  #legTiles(): Tile[] {
    return this.#shown.flatMap((performer) => {
      const seat = this.#seats.get(performer.id);
      // Where nothing has been shown yet, what comes is shown from its first picture on; else the last picture stays until then.
      const leg = seat?.current ?? (seat?.next?.tracks.size && !seat.played ? seat.next : null);
      const live = leg === null ? this.#wanted(performer) : performer.live.filter((source) => leg.tracks.has(source));
      const tiles: Tile[] = [];
      if (live.includes("screen")) tiles.push(this.#legTile(performer, "screen", leg, ["screen", "screen_audio"]));
      const camera = live.includes("camera");
      if (camera || performer.live.includes("microphone") || performer.live.includes("camera")) {
        tiles.push(this.#legTile(performer, camera ? "camera" : "voice", leg, ["camera", "microphone"]));
      }
      return tiles;
    });
  }

  #legTile(performer: Performer, what: Tile["what"], leg: Leg | null, sources: readonly Source[]): Tile {
    const tracks = sources.flatMap((source) => leg?.tracks.get(source) ?? []);
    const key = `${performer.id} ${what === "screen" ? "screen" : "person"}`;
    const muted = performer.muted.includes("microphone");
    const attach = (video: HTMLVideoElement): (() => void) => {
      if (tracks.length === 0) return () => undefined;
      video.srcObject = new MediaStream(tracks);
      return () => undefined; // the last picture stays until the next comes
    };
    const hasPicture = what !== "voice" && !performer.muted.includes(what);
    const waiting = this.#waited.has(performer.id);
    const paused = hasPicture && !waiting && (leg?.paused.includes(what) ?? false);
    const made = { key, what, member: performer.id, name: performer.name, hasPicture, muted, waiting, paused, silent: false };
    return this.#kept(made, tracks.map(({ id }) => id).join(), attach);
  }

  #hlsTiles(): Tile[] {
    const base = this.#live?.hls ?? null;
    const sources = new Set(this.#shown.flatMap(({ live }) => live));
    const pictures = !this.#soundOnly;
    const tiles: Tile[] = [];
    const add = (what: Tile["what"], playlist: string, silent: boolean): void => {
      // There is one camera and one screen at a time; with several on stage it is not known whose.
      const theirs = what === "voice" ? this.#shown : this.#shown.filter(({ live }) => live.includes(what));
      const only = theirs.length === 1 ? theirs[0] : undefined;
      const made = { key: `hls ${what}`, what, member: only?.id ?? "", name: only?.name ?? "", hasPicture: what !== "voice", muted: false, waiting: this.#waited.size === this.#shown.length, paused: false, silent };
      const url = base === null ? null : `${base}${playlist}.m3u8`;
      tiles.push(this.#kept(made, `${url} ${this.#hlsSerial}`, (video) => this.#attachHls(video, url, silent)));
    };
    if (pictures && sources.has("screen")) add("screen", "screen", sources.has("camera"));
    if (pictures && sources.has("camera")) add("camera", "index", false);
    if (tiles.length === 0) add("voice", "audio", false);
    return tiles;
  }

  #attachHls(video: HTMLVideoElement, url: string | null, silent: boolean): () => void {
    if (url === null) return () => undefined;
    const serial = this.#hlsSerial;
    const now = () => Date.now() + this.#connection.clockOffset;
    const current = () => serial === this.#hlsSerial && this.#course.way === "hls";
    return playHls(video, url, now, {
      playing: () => current() && !silent && this.#hear({ type: "playing" }),
      behind: () => current() && !silent && this.#hear({ type: "behind" }),
      delay: (ms) => {
        if (current() && !silent) this.#hlsDelay = ms;
      },
      lost: () => {
        if (!current() || this.#hlsLost === serial) return;
        this.#hlsLost = serial; // screen and camera break off together, and are opened again together
        this.#hear({ type: "lost" }, () => {
          this.#hlsSerial++;
          void this.#ask();
        });
      },
    });
  }

  /** The same tile as before where nothing about it has changed, so that what plays goes on playing. */
  #kept(made: Omit<Tile, "attach">, content: string, attach: Tile["attach"]): Tile {
    const before = this.#tiles.get(made.key);
    const marked = Object.assign(attach, { content });
    const sameContent = before !== undefined && (before.attach as typeof marked).content === content;
    const tile = { ...made, attach: sameContent ? before.attach : marked };
    return before !== undefined && shallow(before, tile) ? before : tile;
  }
}

function shallow<T extends object>(one: T, other: T): boolean {
  return (Object.keys(one) as (keyof T)[]).every((key) => one[key] === other[key]);
}

function same(one: WatchView, other: WatchView): boolean {
  return (
    one.course === other.course &&
    one.soundOnly === other.soundOnly &&
    Math.round((one.delay ?? -1) / 100) === Math.round((other.delay ?? -1) / 100) &&
    one.speaking.join() === other.speaking.join() &&
    one.tiles.length === other.tiles.length &&
    one.tiles.every((tile, place) => tile === other.tiles[place])
  );
}
