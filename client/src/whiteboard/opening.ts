/// Whether the board is on the stage.

import { useEffect, useSyncExternalStore } from "react";
import { useMyPart, useRoom } from "../app/live";
import { type Classroom, useClassroom } from "../room";
import { keepInk, readAhead } from "./ahead";

let opened = false;
const inked = new WeakSet<Classroom>();
const listeners = new Set<() => void>();

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Bring the board onto one's own stage, to begin with it. */
export function openBoard(): void {
  opened = true;
  tell();
}

/** Something is being put on the board, or has been, even if it is empty again; or who may draw has opened it. */
export function useBoardOpen(): boolean {
  const classroom = useClassroom();
  const { id, staff } = useMyPart();
  const used = useRoom(({ board }) => board.pages.length > 1 || board.pages.some(({ at, background }) => at > 0 || (background.kind ?? "blank") !== "blank"));
  const chosen = useRoom(({ board }) => !staff && board.open_to === "chosen" && board.chosen.includes(id));
  const wanted = useSyncExternalStore(listen, () => opened);
  const drawn = useSyncExternalStore(listen, () => inked.has(classroom));
  return used || drawn || chosen || (staff && wanted);
}

/** Ask for the page that the class looks at, and keep what is drawn, while the board's code is on its way. */
export function useBoardAhead(): void {
  const classroom = useClassroom();
  useEffect(() => {
    const board = classroom.room?.board;
    const page = board?.pages.find(({ id }) => id === board.current);
    if (page !== undefined && page.count > 0) readAhead(classroom.address(`/board/${page.id}@${page.at}`));
    return keepInk(classroom, () => {
      if (inked.has(classroom)) return;
      inked.add(classroom);
      tell();
    });
  }, [classroom]);
}
