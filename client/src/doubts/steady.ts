/// How a list stays where it is while others change it.

/** A row as it was drawn: the id of its doubt, and where it began (px from the top of what scrolls). */
export interface Row {
  readonly id: number;
  readonly start: number;
  readonly size: number;
}

const SLACK = 8; // px that do not bring another row under the hand

interface Identified {
  readonly id: number;
}

/** Whether both list the same ones, in the same order. */
export function sameOrder(one: readonly Identified[], other: readonly Identified[]): boolean {
  return one.length === other.length && one.every(({ id }, index) => id === other[index]?.id);
}

/**
 * By how many px to scroll on, so that what was at the upper edge stays there, or what comes next in its place. `rows`: those drawn
 * before, in order; `startOf`: where the row at an index of `list` begins now; `top`: how far it is scrolled; `held`: somebody's hand is
 * on the list.
 */
export function shift(rows: readonly Row[], list: readonly Identified[], startOf: (index: number) => number, top: number, held: boolean): number {
  const first = rows.findIndex(({ start, size }) => start + size > top);
  // At the very top one sees what comes, unless one is about to press what is there.
  if (first < 0 || (!held && (rows[first] as Row).start >= top)) return 0;
  const places = new Map(list.map(({ id }, index) => [id, index]));
  for (let at = first; at < rows.length; at += 1) {
    const { id, start } = rows[at] as Row;
    const place = places.get(id);
    if (place === undefined) continue;
    // One that has gone elsewhere by itself does not tell where the others are.
    const next = places.get(rows[at + 1]?.id ?? -1);
    if (next !== undefined && next !== place + 1) continue;
    const alone = rows.slice(first, at).every((row) => !places.has(row.id));
    return startOf(place) - (alone ? (rows[first] as Row).start : start);
  }
  return 0;
}

/** How many of `list` were not in `before`, and came above what was drawn as `rows`. */
export function newAbove(rows: readonly Row[], before: readonly Identified[], list: readonly Identified[]): number {
  const known = new Set(before.map(({ id }) => id));
  const drawn = new Set(rows.map(({ id }) => id));
  const first = list.findIndex(({ id }) => drawn.has(id));
  return list.slice(0, Math.max(first, 0)).filter(({ id }) => !known.has(id)).length;
}

/**
 * Whether a row stands elsewhere on the screen than before, by what others did. `rows`: those that were in sight, of the list `before`;
 * `scrolled`: px that the list was scrolled on with the change; `mine`: ids of those that this person did something to.
 */
export function moved(
  rows: readonly Row[],
  before: readonly Identified[],
  list: readonly Identified[],
  startOf: (index: number) => number,
  scrolled: number,
  mine: ReadonlySet<number>,
): boolean {
  const [ranksBefore, ranks] = [ranked(before, mine), ranked(list, mine)];
  const places = new Map(list.map(({ id }, index) => [id, index]));
  const others = rows.filter(({ id }) => !mine.has(id) && places.has(id));
  if (!others.some(({ id, start }) => Math.abs(startOf(places.get(id) ?? 0) - scrolled - start) > SLACK)) return false;
  const steps = others.map(({ id }) => (ranks.get(id) ?? 0) - (ranksBefore.get(id) ?? 0));
  // What happened above them all has been scrolled over.
  const usual = scrolled === 0 ? 0 : steps[0];
  return steps.some((step) => step !== usual);
}

/** By id the place of each in the list, `mine` not counted. */
function ranked(list: readonly Identified[], mine: ReadonlySet<number>): ReadonlyMap<number, number> {
  return new Map(list.filter(({ id }) => !mine.has(id)).map(({ id }, place) => [id, place]));
}
