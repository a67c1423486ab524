/// Whether the board is on the stage.

import { useSyncExternalStore } from "react";
import { useMyPart, useRoom } from "../app/live";

let opened = false;
const listeners = new Set<() => void>();

/** Bring the board onto one's own stage, to begin with it. */
export function openBoard(): void {
  opened = true;
  for (const listener of listeners) listener();
}

/** There is something on the board; or who may draw has opened it. */
export function useBoardOpen(): boolean {
  const { id, staff } = useMyPart();
  const used = useRoom(({ board }) => board.pages.length > 1 || board.pages.some(({ count, background }) => count > 0 || (background.kind ?? "blank") !== "blank"));
  const chosen = useRoom(({ board }) => !staff && board.open_to === "chosen" && board.chosen.includes(id));
  const wanted = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => opened,
  );
  return used || chosen || (staff && wanted);
}
