/// Doing the same to many doubts: a few at a time, so that what else one does is not kept waiting, and it can be stopped.
///
/// What always holds: it goes on while another part of the page is looked at; one run at a time. A run that was stopped begins
/// nothing more, and nothing is shown of it, whenever what it had begun is answered.

import { useSyncExternalStore } from "react";

export interface Progress {
  readonly done: number;
  readonly of: number;
}

const AT_ONCE = 4; // the server takes 10 commands a second for good: room is left for others

let run: { progress: Progress } | null = null;
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

/** Does it to each of `ids`, unless `stop()`ped; answers for how many of them `action` said yes. */
export async function doToAll(ids: readonly number[], action: (id: number) => Promise<boolean>): Promise<number> {
  if (run !== null) return 0;
  const mine = { progress: { done: 0, of: ids.length } };
  let [next, yes] = [0, 0];
  run = mine;
  tell();
  const work = async (): Promise<void> => {
    while (next < ids.length && run === mine) {
      if (await action(ids[next++] as number)) yes += 1;
      mine.progress = { ...mine.progress, done: mine.progress.done + 1 };
      if (run === mine) tell();
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    if (run === mine) stop();
  }
  return yes;
}

export function stop(): void {
  run = null;
  tell();
}

/** How far it is; null: nothing is being done. */
export function useProgress(): Progress | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => run?.progress ?? null,
  );
}
