/// Moves along the class's line: by the recording where there is one, by the clock where there is none.
///
/// What always holds: one position, of which everything else follows. While the recording plays, the position is where its
/// leading picture or sound really is; what does not lead is kept in step with it; while it loads, the position waits. In a
/// hole the position moves on by itself, so that what was written and drawn there is seen all the same.

import { Emitter } from "../connection/emitter";
import type { Take, Timeline, Track } from "./timeline";

const EVERY = 100; // ms between two looks
const FAR = 0.5; // seconds out of step at which one goes there at once
const NEAR = 0.06; // and from which on one is sped up or slowed down
const NUDGE = 0.06; // of the speed

export const RATES = [0.75, 1, 1.25, 1.5, 1.75, 2] as const;

export interface PlayerState {
  readonly position: number;
  readonly playing: boolean;
  /** Wants to go on and cannot yet: the recording is being loaded. */
  readonly loading: boolean;
  readonly rate: number;
  readonly muted: boolean;
  readonly main: Take | null;
  readonly screen: Take | null;
  /** A take of this moment that the browser cannot play or fetch. */
  readonly broken: boolean;
}

interface Screening {
  readonly element: HTMLVideoElement;
  take: Take | null;
  off: () => void;
}

export class Player {
  readonly timeline: Timeline;
  readonly #addressOf: (take: Take) => string;
  readonly #news = new Emitter<{ state: [] }>();
  readonly #screens = new Map<Track, Screening>();
  readonly #broken = new Set<string>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #looked = 0;
  state: PlayerState;

  constructor(timeline: Timeline, addressOf: (take: Take) => string) {
    this.timeline = timeline;
    this.#addressOf = addressOf;
    this.state = { position: 0, playing: false, loading: false, rate: 1, muted: false, main: null, screen: null, broken: false };
    this.#follow();
  }

  readonly on = this.#news.on.bind(this.#news);

  /** Show a track in `element`, until the returned function is called. */
  attach(track: Track, element: HTMLVideoElement): () => void {
    element.preservesPitch = true;
    const look = (): void => this.#look();
    const failed = (): void => this.#failed(track);
    const heard = ["loadedmetadata", "canplay", "seeked", "ended", "waiting"] as const;
    for (const name of heard) element.addEventListener(name, look);
    element.addEventListener("error", failed);
    const screening: Screening = {
      element,
      take: null,
      off: () => {
        for (const name of heard) element.removeEventListener(name, look);
        element.removeEventListener("error", failed);
        empty(element);
      },
    };
    this.#screens.set(track, screening);
    this.#follow();
    return () => {
      screening.off();
      if (this.#screens.get(track) === screening) this.#screens.delete(track);
    };
  }

  play(): void {
    const over = this.state.position >= this.timeline.length;
    this.#looked = performance.now();
    this.#set({ playing: true, ...(over && { position: 0 }) });
    this.#timer ??= setInterval(() => this.#look(), EVERY);
    this.#follow(over);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#set({ playing: false, loading: false });
    this.#follow();
  }

  /** To a position (ms); beyond the ends: to the end. */
  seek(position: number): void {
    this.#looked = performance.now();
    this.#set({ position: Math.max(0, Math.min(this.timeline.length, position)) });
    this.#follow(true);
  }

  setRate(rate: number): void {
    this.#set({ rate });
    this.#follow();
  }

  setMuted(muted: boolean): void {
    this.#set({ muted });
  }

  /** Try again what could not be played. */
  retry(): void {
    this.#broken.clear();
    for (const screening of this.#screens.values()) screening.take = null;
    this.#follow(true);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const { off } of this.#screens.values()) off();
    this.#screens.clear();
  }

  /** Where has it got to? */
  #look(): void {
    const now = performance.now();
    const gone = now - this.#looked;
    this.#looked = now;
    if (!this.state.playing) return this.#follow();
    const leader = this.#leader();
    if (leader === null) this.#moveTo(this.state.position + gone * this.state.rate, false);
    else this.#moveWith(leader.take, leader.element);
    this.#follow();
  }

  #moveWith(take: Take, element: HTMLVideoElement): void {
    const waits = element.seeking || element.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (waits && !element.ended) return this.#set({ loading: true });
    const at = element.ended ? take.start + take.duration : Math.min(take.start + element.currentTime * 1_000, take.start + take.duration);
    // A few pictures may reach beyond the day's end; the next day is elsewhere.
    this.#moveTo(this.timeline.toPosition(at), false);
  }

  #moveTo(position: number, loading: boolean): void {
    if (position < this.timeline.length) return this.#set({ position, loading });
    this.#set({ position: this.timeline.length });
    this.pause();
  }

  /** The picture or sound by which the position is told. */
  #leader(): { readonly take: Take; readonly element: HTMLVideoElement } | null {
    for (const track of ["main", "screen"] as const) {
      const screening = this.#screens.get(track);
      if (screening?.take != null && screening.take === this.state[track]) return { take: screening.take, element: screening.element };
    }
    return null;
  }

  /** Let the screens show what belongs to the position. `jumped`: it has not come there by playing. */
  #follow(jumped = false): void {
    const at = this.timeline.toClass(this.state.position);
    const wanted = { main: this.timeline.takeAt("main", at), screen: this.timeline.takeAt("screen", at) };
    const usable = { main: this.#usable(wanted.main), screen: this.#usable(wanted.screen) };
    const broken = usable.main !== wanted.main || usable.screen !== wanted.screen;
    this.#set({ ...usable, broken });
    const leader = this.#leader()?.element;
    for (const [track, screening] of this.#screens) this.#show(screening, usable[track], at, jumped, screening.element === leader);
  }

  #show(screening: Screening, take: Take | null, at: number, jumped: boolean, leads: boolean): void {
    const { element } = screening;
    if (take === null) {
      if (screening.take !== null) empty(element);
      screening.take = null;
      return;
    }
    const { playing, rate } = this.state;
    const goal = (at - take.start) / 1_000;
    if (screening.take !== take) {
      screening.take = take;
      element.src = this.#addressOf(take);
      element.currentTime = goal;
    } else if (jumped) element.currentTime = goal;
    let speed: number = rate;
    if (!leads && !jumped && !element.seeking && element.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) {
      const behind = goal - element.currentTime;
      if (Math.abs(behind) > FAR) element.currentTime = goal;
      else if (Math.abs(behind) > NEAR) speed *= 1 + Math.sign(behind) * NUDGE;
    }
    if (element.playbackRate !== speed) element.playbackRate = speed;
    // What does not lead waits for what does.
    const run = playing && (leads || !this.state.loading);
    if (run && element.paused) void element.play().catch((error: DOMException) => error.name === "NotAllowedError" && this.pause());
    else if (!run && !element.paused) element.pause();
  }

  #usable(take: Take | null): Take | null {
    return take === null || this.#broken.has(take.name) ? null : take;
  }

  #failed(track: Track): void {
    const screening = this.#screens.get(track);
    if (screening?.take == null || screening.element.error === null) return;
    this.#broken.add(screening.take.name);
    this.#look();
  }

  #set(change: Partial<PlayerState>): void {
    const before = this.state;
    const same = (Object.keys(change) as (keyof PlayerState)[]).every((name) => before[name] === change[name]);
    if (same) return;
    this.state = { ...before, ...change };
    this.#news.emit("state");
  }
}

function empty(element: HTMLVideoElement): void {
  element.removeAttribute("src");
  element.load();
}
