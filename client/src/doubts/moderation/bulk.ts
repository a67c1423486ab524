/// Doing the same to many doubts: a few at a time, so that what else one does is not kept waiting, and it can be stopped.
///
/// What always holds: it goes on while another part of the page is looked at; one run at a time.

import { useSyncExternalStore } from "react";

export interface Progress {
  readonly done: number;
  readonly of: number;
}

const AT_ONCE = 4; // the server takes 10 commands a second for good: room is left for others

let progress: Progress | null = null;
let stopped = false;
const listeners = new Set<() => void>();

function tell(next: Progress | null): void {
  progress = next;
  for (const listener of listeners) listener();
}

/** Does it to each of `ids`, unless `stop()`ped; answers for how many of them `action` said yes. */
export async function doToAll(ids: readonly number[], action: (id: number) => Promise<boolean>): Promise<number> {
  if (progress !== null) return 0;
  stopped = false;
  let [next, done, yes] = [0, 0, 0];
  tell({ done, of: ids.length });
  const work = async (): Promise<void> => {
    while (next < ids.length && !stopped) {
      if (await action(ids[next++] as number)) yes += 1;
      tell({ done: ++done, of: ids.length });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  } finally {
    tell(null);
  }
  return yes;
}

export function stop(): void {
  stopped = true;
}

/** How far it is; null: nothing is being done. */
export function useProgress(): Progress | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => progress,
  );
}
