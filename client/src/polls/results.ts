/// A poll's figures, ready to be drawn.

import type { PollView, Tally } from "../protocol";

export interface Bar {
  readonly label: string;
  readonly count: number;
  /** Of those who voted, 0 to 1. */
  readonly share: number;
  readonly right: boolean;
  readonly mine: boolean;
}

/** One bar per option, or per point of a rating. `mine`: what I chose. */
export function barsOf({ spec }: PollView, tally: Tally, mine: readonly number[]): readonly Bar[] {
  const rating = spec.kind === "rating";
  const labels = rating ? Array.from({ length: spec.scale ?? 5 }, (_, point) => String(point + 1)) : (spec.options ?? []);
  return labels.map((label, index) => {
    const count = tally.counts[index] ?? 0;
    return {
      label,
      count,
      share: tally.voters > 0 ? count / tally.voters : 0,
      right: spec.right?.includes(index) ?? false,
      mine: mine.includes(rating ? index + 1 : index),
    };
  });
}

/** What one chose, in words: an option, or the points of a rating. */
export function labelOf({ spec }: PollView, chosen: number): string {
  return spec.kind === "rating" ? String(chosen) : (spec.options?.[chosen] ?? String(chosen + 1));
}

/** The mean of a rating; null where nobody rated. */
export function meanOf({ counts }: Tally): number | null {
  const voters = counts.reduce((sum, count) => sum + count, 0);
  return voters === 0 ? null : counts.reduce((sum, count, index) => sum + count * (index + 1), 0) / voters;
}

/** Whether I had a quiz right: just what is right, and all of it. Null where it cannot be said. */
export function wasRight({ spec, state }: PollView, mine: readonly number[] | undefined): boolean | null {
  if (spec.kind !== "quiz" || state !== "closed" || !spec.right?.length || mine === undefined) return null;
  return mine.length === spec.right.length && mine.every((index) => spec.right?.includes(index));
}
