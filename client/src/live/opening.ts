/// Whether the live part is needed: it is loaded when somebody is on stage, when captions are written, or when one wants to
/// publish.

import { useState, useSyncExternalStore } from "react";
import { useRoom } from "../app/live";

let studio = false;
const listeners = new Set<() => void>();

/** Open or close the choice of camera and microphone. */
export function openStudio(open = true): void {
  studio = open;
  for (const listener of listeners) listener();
}

export function useStudioOpen(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => studio,
  );
}

/** From the first time on that there is something live: what then breaks off is waited for, not forgotten. */
export function useLiveWanted(): boolean {
  const there = useRoom(({ stage, captions }) => stage.people.length > 0 || captions.lines.length > 0);
  const open = useStudioOpen();
  const [wanted, setWanted] = useState(false);
  if ((there || open) && !wanted) setWanted(true);
  return wanted || there || open;
}
