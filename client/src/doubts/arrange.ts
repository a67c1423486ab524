/// The doubts in the order in which they are listed.
///
/// What always holds: what is being answered now comes first, then pinned ones; by votes, what is answered comes after
/// what waits for an answer. While only votes change, the order is
/// kept for a few seconds, so that the list does not jump under the reader's finger.

import { useEffect, useMemo, useRef, useState } from "react";
import type { DoubtView } from "../protocol";
import { type DoubtQuery, type DoubtsState, selectDoubts } from "../room";

const SETTLES = 4_000; // ms

export function arrange(state: DoubtsState, query: DoubtQuery): readonly DoubtView[] {
  const listed = selectDoubts(state, query);
  if (query.filter === "open") return [...selectDoubts(state, { ...query, filter: "answering" }), ...listed];
  if (query.filter !== "all") return listed;
  const rank = ({ state, pinned }: DoubtView): number => {
    if (state === "answering") return 0;
    return query.sort === "votes" && state === "answered" && !pinned ? 2 : 1;
  };
  return [...listed].sort((one, other) => rank(one) - rank(other)); // stable
}

interface Kept {
  readonly key: string;
  readonly at: number;
  readonly order: readonly { readonly id: number; readonly mark: string }[];
}

function mark({ state, pinned }: DoubtView): string {
  return `${state} ${pinned ?? false}`;
}

/** The list, re-ordered at once for anything but votes, and for votes every few seconds. */
export function useArranged(state: DoubtsState, query: DoubtQuery): readonly DoubtView[] {
  const kept = useRef<Kept | null>(null);
  const [turn, setTurn] = useState(0);
  const key = `${query.filter} ${query.sort} ${query.search ?? ""}`;
  const { list, late } = useMemo(() => {
    const fresh = arrange(state, query);
    const last = kept.current;
    const byId = new Map(fresh.map((doubt) => [doubt.id, doubt]));
    const same =
      last !== null &&
      last.key === key &&
      last.order.length === fresh.length &&
      last.order.every(({ id, mark: before }) => byId.has(id) && mark(byId.get(id) as DoubtView) === before);
    if (same && Date.now() - last.at < SETTLES) {
      const list = last.order.map(({ id }) => byId.get(id) as DoubtView);
      return { list, late: list.some((doubt, index) => doubt !== fresh[index]) };
    }
    kept.current = { key, at: Date.now(), order: fresh.map((doubt) => ({ id: doubt.id, mark: mark(doubt) })) };
    return { list: fresh, late: false };
  }, [state, key, turn]);
  useEffect(() => {
    if (!late) return;
    const timer = setTimeout(() => setTurn(turn + 1), SETTLES);
    return () => clearTimeout(timer);
  }, [late, turn]);
  return list;
}
