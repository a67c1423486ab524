/// Lists ordered by id, edited a packet at a time.
///
/// What always holds: a list that was handed out never changes. A draft copies its list once, when the first change
/// comes, however many follow; an item that did not change stays the same object, so that a row drawn from it need not
/// be drawn again.

interface Identified {
  readonly id: number;
}

/** Where `id` is, or `-1 - place` where it would have to be inserted. */
export function locate(list: readonly Identified[], id: number): number {
  let low = 0;
  let high = list.length - 1;
  // Most questions are about the end of the log.
  const last = list[high];
  if (last === undefined || last.id < id) return -1 - list.length;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = (list[middle] as Identified).id;
    if (found === id) return middle;
    if (found < id) low = middle + 1;
    else high = middle - 1;
  }
  return -1 - low;
}

/** The item with this id, in a list ordered by id. */
export function find<T extends Identified>(list: readonly T[], id: number): T | undefined {
  const place = locate(list, id);
  return place < 0 ? undefined : list[place];
}

export class ListDraft<T extends Identified> {
  #list: readonly T[];
  #copy: T[] | null = null;

  constructor(list: readonly T[]) {
    this.#list = list;
  }

  /** The list as it is now; it may change with the next edit. */
  get list(): readonly T[] {
    return this.#list;
  }

  get(id: number): T | undefined {
    return find(this.#list, id);
  }

  /** Insert `item` where its id belongs, or put it in place of the one that has its id. */
  put(item: T): void {
    const place = locate(this.#list, item.id);
    if (place >= 0) this.#own()[place] = item;
    else if (place === -1 - this.#list.length) this.#own().push(item);
    else this.#own().splice(-1 - place, 0, item);
  }

  /** Replace the item by `change(item)`; nothing happens when there is none. */
  update(id: number, change: (item: T) => T): void {
    const place = locate(this.#list, id);
    const item = this.#list[place];
    if (item !== undefined) this.#own()[place] = change(item);
  }

  delete(id: number): void {
    const place = locate(this.#list, id);
    if (place >= 0) this.#own().splice(place, 1);
  }

  /** Once more than `most` are there, keep the newest `keep`. Whether some went. */
  trim(most: number, keep: number): boolean {
    if (this.#list.length <= most) return false;
    this.#own().splice(0, this.#list.length - keep);
    return true;
  }

  /** The list as it is now. The draft must not be used afterwards. */
  done(): readonly T[] {
    return this.#list;
  }

  #own(): T[] {
    if (this.#copy === null) this.#list = this.#copy = this.#list.slice();
    return this.#copy;
  }
}
