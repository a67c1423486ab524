/// Code that is fetched when it is needed, however often the network fails meanwhile.
///
/// What always holds: what has come stays; what is wanted and has not come is asked for again, with pauses and as soon as the
/// network is back, unless the server answers and still does not have it: then it is of a version that is gone.

import { reachable } from "./reach";

/**
 * - `coming`: not asked for yet, or on its way
 * - `away`: wanted, and the server cannot be reached; it is asked for again
 * - `gone`: the server answers, but not with this
 * - `here`: `value` is there
 */
export type Stage = "coming" | "away" | "gone" | "here";

const PAUSES = [1_000, 2_000, 4_000, 8_000] as const; // ms; the last one from then on
const ENOUGH = 2; // failures while the server answers

export class Fetched<T> {
  readonly #load: () => Promise<T>;
  readonly #listeners = new Set<() => void>();
  #wanted = false;
  #running: Promise<boolean> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #refusals = 0;
  #told = (): void => undefined;
  #over = (): void => undefined;

  stage: Stage = "coming";
  value: T | null = null;
  /** Resolves when it is no longer `coming`. */
  readonly told = new Promise<void>((resolve) => (this.#told = resolve));
  /** Resolves when it is `here` or `gone`. */
  readonly over = new Promise<void>((resolve) => (this.#over = resolve));

  constructor(load: () => Promise<T>) {
    this.#load = load;
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Fetch it, until it is here or gone. */
  want(): void {
    if (this.#wanted || this.stage === "here") return;
    this.#wanted = true;
    void this.#go();
  }

  /** Fetch it once, in case it will be wanted. Whether it is here. */
  async warm(): Promise<boolean> {
    return this.stage === "here" || this.#attempt();
  }

  /** The network is back: do not wait for the next attempt. */
  again(): void {
    if (this.#wanted && this.stage !== "here" && this.#running === null) void this.#go();
  }

  async #go(): Promise<void> {
    clearTimeout(this.#timer);
    if (await this.#attempt()) return;
    const there = await reachable();
    if (this.stage === "here") return;
    this.#refusals = there ? this.#refusals + 1 : 0;
    if (this.#refusals >= ENOUGH) return this.#become("gone");
    if (!there && this.stage === "coming") this.#become("away");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#go(), PAUSES[Math.min(this.#failures++, PAUSES.length - 1)]);
  }

  #attempt(): Promise<boolean> {
    const arrive = (value: T): boolean => {
      this.value = value;
      this.#become("here");
      return true;
    };
    this.#running ??= this.#load()
      .then(arrive, () => false)
      .finally(() => (this.#running = null));
    return this.#running;
  }

  #become(stage: Stage): void {
    if (this.stage === stage) return;
    this.stage = stage;
    this.#told();
    if (stage !== "away") this.#over();
    for (const listener of this.#listeners) listener();
  }
}
