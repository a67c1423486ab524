/// Whether the board is on the stage.

import { useEffect, useSyncExternalStore } from "react";
import { useMyPart, useRoom } from "../app/live";
import { useClassroom } from "../room";
import { readAhead } from "./ahead";

let opened = false;
const listeners = new Set<() => void>();

/** Bring the board onto one's own stage, to begin with it. */
export function openBoard(): void {
  opened = true;
  for (const listener of listeners) listener();
}

/** Something has been put on the board, even if it is empty again; or who may draw has opened it. */
export function useBoardOpen(): boolean {
  const { id, staff } = useMyPart();
  const used = useRoom(({ board }) => board.pages.length > 1 || board.pages.some(({ at, background }) => at > 0 || (background.kind ?? "blank") !== "blank"));
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

/** Ask for the page that the class looks at, while the board's code is on its way. */
export function useBoardAhead(): void {
  const classroom = useClassroom();
  useEffect(() => {
    const board = classroom.room?.board;
    const page = board?.pages.find(({ id }) => id === board.current);
    if (page !== undefined && page.count > 0) readAhead(classroom.address(`/board/${page.id}@${page.at}`));
  }, [classroom]);
}
