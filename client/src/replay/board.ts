/// The pages of the board as they were: their elements, folded from the log alone.
///
/// What always holds: a page at a place in the log has the strokes that had been lifted by then. Going on folds what is new;
/// going back folds the page anew.

import { Emitter } from "../connection/emitter";
import type { Stamped } from "../protocol";
import type { RawElement } from "../whiteboard/element";
import { Sheet } from "../whiteboard/sheet";
import type { BoardNews, Pages } from "../whiteboard/store";
import { Strokes } from "../whiteboard/strokes";

type Elements = ReadonlyMap<string, RawElement>;

class PastSheet {
  readonly sheet: Sheet;
  /** Of this page's events, how many have been folded. */
  done = 0;
  /** What members have cleared, the last at the end, so that undoing it brings it back. */
  readonly #cleared = new Map<string, Elements[]>();

  constructor(sheet: Sheet) {
    this.sheet = sheet;
  }

  /** Ids of what has changed; null: all. */
  fold(event: Stamped): readonly string[] | null {
    const { sheet } = this;
    if (event.type === "board.page_cleared") {
      const mine = this.#cleared.get(event.by) ?? [];
      this.#cleared.set(event.by, [...mine, new Map(sheet.elements)]);
    } else if (event.type === "board.page_restored") {
      for (const [id, element] of this.#cleared.get(event.by)?.pop() ?? []) {
        if (!sheet.elements.has(id)) sheet.elements.set(id, element);
      }
      sheet.at = event.seq;
      return null;
    }
    const ids = sheet.fold(event);
    sheet.stale = false; // there is nothing better to be had than what the log has
    return ids;
  }
}

export class PastPages implements Pages {
  readonly strokes = new Strokes(); // nobody is drawing
  readonly #news = new Emitter<BoardNews>();
  readonly #events = new Map<number, Stamped[]>();
  /** Of pages that are copies: of which page, as of which place. */
  readonly #copies = new Map<number, { readonly of: number; readonly at: number }>();
  readonly #sheets = new Map<number, PastSheet>();
  readonly #watched = new Map<number, number>();
  #at = 0;

  constructor(events: readonly Stamped[]) {
    for (const event of events) {
      if (!event.type.startsWith("board.") || !("page" in event)) continue;
      const page = event.page as number;
      const known = this.#events.get(page);
      if (known === undefined) this.#events.set(page, [event]);
      else known.push(event);
      if (event.type === "board.page_duplicated") this.#copies.set(event.seq, { of: page, at: event.seq });
    }
  }

  readonly on = this.#news.on.bind(this.#news);

  open(): void {}

  close(): void {}

  failed(): boolean {
    return false;
  }

  watch(page: number): () => void {
    this.#watched.set(page, (this.#watched.get(page) ?? 0) + 1);
    return () => void this.#watched.set(page, (this.#watched.get(page) ?? 1) - 1);
  }

  sheet(page: number): Sheet {
    const past = this.#sheets.get(page) ?? this.#fold(page, this.#at);
    this.#sheets.set(page, past);
    this.#further(page, past, this.#at, false);
    return past.sheet;
  }

  /** Be at the place `seq` of the log. */
  goTo(seq: number): void {
    const back = seq < this.#at;
    this.#at = seq;
    for (const [page, past] of [...this.#sheets]) {
      const watched = (this.#watched.get(page) ?? 0) > 0;
      const before = past.sheet.at;
      if (!back && watched) this.#further(page, past, seq, true);
      else if (back && before > seq) {
        this.#sheets.delete(page);
        if (watched) this.#news.emit("changed", page, null, null);
      }
      if (watched && this.#sheets.get(page)?.sheet.at !== before) this.#news.emit("state", page);
    }
  }

  #fold(page: number, until: number): PastSheet {
    const copy = this.#copies.get(page);
    const past = new PastSheet(copy === undefined ? new Sheet(page, -1, []) : this.#fold(copy.of, copy.at).sheet.copy(page, copy.at));
    this.#further(page, past, until, false);
    return past;
  }

  #further(page: number, past: PastSheet, until: number, tell: boolean): void {
    const events = this.#events.get(page) ?? [];
    for (let event = events[past.done]; event !== undefined && event.seq <= until; event = events[past.done]) {
      past.done += 1;
      const ids = past.fold(event);
      if (tell && (ids !== null || event.type === "board.page_restored")) this.#news.emit("changed", page, ids, event);
    }
  }
}
