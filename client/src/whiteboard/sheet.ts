/// One page's elements: fetched as of some place in the log, and brought further by the events since.
///
/// What always holds: a raw element that was handed out never changes; an event is folded once, and one that is in what was
/// fetched is passed over. `stale`: the page must be fetched anew.

import type { Changed, Stamped } from "../protocol";
import type { RawElement } from "./element";
import { base64, bytesOf, crc32, joined } from "./packing";

/** Finds the ink that passed by for an element, if all of it was heard. */
export type InkOf = (id: string) => Uint8Array | null;

export interface SheetAnswer {
  readonly page: number;
  readonly seq: number;
  readonly elements: readonly RawElement[];
  readonly events?: readonly Stamped[];
}

const NO_INK: InkOf = () => null;

export class Sheet {
  readonly page: number;
  readonly elements: Map<string, RawElement>;
  at: number;
  stale = false;

  constructor(page: number, at: number, elements: readonly RawElement[]) {
    this.page = page;
    this.at = at;
    this.elements = new Map(elements.map((element) => [element.id, element]));
  }

  static from({ page, seq, elements, events = [] }: SheetAnswer): Sheet {
    const sheet = new Sheet(page, 0, elements);
    for (const event of events) sheet.fold(event);
    sheet.at = seq;
    return sheet;
  }

  copy(page: number, at: number): Sheet {
    return new Sheet(page, at, [...this.elements.values()]);
  }

  /** Ids of what has changed; null where the event says nothing new about this page. */
  fold(event: Stamped, inkOf: InkOf = NO_INK): readonly string[] | null {
    if (this.stale || event.seq <= this.at || !("page" in event) || event.page !== this.page) return null;
    switch (event.type) {
      case "board.drawn":
        this.at = event.seq;
        for (const changed of event.changes) this.#change(changed, inkOf);
        return event.changes.map(({ id }) => id);
      case "board.page_cleared": {
        const ids = [...this.elements.keys()];
        this.at = event.seq;
        this.elements.clear();
        return ids;
      }
      case "board.page_restored":
        this.stale = true;
        return null;
      default:
        return null;
    }
  }

  #change(changed: Changed, inkOf: InkOf): void {
    const { id, version, nonce, base, set = {}, unset = [], gone = false } = changed;
    if (gone) {
      this.elements.delete(id);
      return;
    }
    let before: RawElement | undefined;
    if (base != null) {
      before = this.elements.get(id);
      if (before === undefined || before.versionNonce !== base) {
        this.stale = true; // something is missing here
        return;
      }
    }
    const fields: Record<string, unknown> = { ...before, id, isDeleted: false, version, versionNonce: nonce };
    for (const name of unset) delete fields[name];
    Object.assign(fields, set);
    if (!this.#points(fields, changed, inkOf)) this.stale = true;
    else this.elements.set(id, fields as RawElement);
  }

  #points(fields: Record<string, unknown>, { id, points, append, inked }: Changed, inkOf: InkOf): boolean {
    if (points != null || inked != null) {
      const bytes = points != null ? bytesOf(points) : inked != null ? beginning(inkOf(id), inked) : null;
      if (bytes === null) return false;
      fields["points"] = base64(inked != null && append != null ? joined(bytes, bytesOf(append)) : bytes);
      delete fields["pressures"];
    } else if (append != null) {
      const had = fields["points"];
      fields["points"] = base64(joined(typeof had === "string" ? bytesOf(had) : new Uint8Array(), bytesOf(append)));
    }
    return true;
  }
}

function beginning(ink: Uint8Array | null, [size, sum]: readonly [number, number]): Uint8Array | null {
  if (ink === null || ink.length < size) return null;
  const bytes = ink.slice(0, size);
  return crc32(bytes) === sum ? bytes : null;
}
