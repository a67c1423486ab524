/// The board's store and pictures, one of each for a connection, for all that shows pages.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useReducer } from "react";
import { useDo } from "../app/live";
import { useClassroom } from "../room";
import { Passing } from "./passing";
import { PictureBook } from "./pictures";
import { BoardStore, type Pages } from "./store";

interface Desk<Store extends Pages = BoardStore> {
  readonly store: Store;
  readonly book: PictureBook;
  readonly passing: Passing;
  /** What is drawn here, on its way to the server. */
  readonly drawing: Drawing;
}

interface Drawing {
  /** Does it after all that was done until now, and before what will be. */
  after(act: () => Promise<unknown>, undo: boolean): void;
}

const Context = createContext<Desk<Pages> | null>(null);

/** `pages`: whence the pages are had; missing: from the room as it goes on. */
export function BoardDesk({ pages, children }: { pages?: Pages; children: ReactNode }) {
  const classroom = useClassroom();
  const desk = useMemo<Desk<Pages>>(
    () => ({ store: pages ?? new BoardStore(classroom), book: new PictureBook(classroom.address), passing: new Passing(), drawing: { after: (act) => void act() } }),
    [classroom, pages],
  );
  useEffect(() => {
    desk.store.open();
    const off = desk.store.on("pointer", (signal) => {
      if (signal.by !== classroom.room?.me.id) desk.passing.take(signal, performance.now());
    });
    return () => {
      off();
      desk.store.close();
    };
  }, [desk, classroom]);
  return <Context value={desk}>{children}</Context>;
}

/** For who looks on. */
export function useDesk(): Desk<Pages> {
  const desk = useContext(Context);
  if (desk === null) throw new Error("a part of the board is used outside BoardDesk");
  return desk;
}

/** For who draws, which is done in a room that goes on. */
export function useDrawingDesk(): Desk {
  const { store, ...desk } = useDesk();
  if (!(store instanceof BoardStore)) throw new Error("nobody draws on a board of the past");
  return { ...desk, store };
}

/** Undo and redo, which are the board's: of all that was done here, also of what is not told yet. */
export function useTakeBack(page: number): (type: "board.undo" | "board.redo") => void {
  const { drawing } = useDesk();
  const perform = useDo();
  return useCallback((type) => void drawing.after(() => perform({ type, page }), type === "board.undo"), [drawing, perform, page]);
}

/** Holds the page as long as it is shown. `sheet`: null while it is on its way; `failed`: it could not be had just now. */
export function usePage(page: number) {
  const { store } = useDesk();
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    const off = store.on("state", (which) => which === page && again());
    const unwatch = store.watch(page);
    again();
    return () => {
      off();
      unwatch();
    };
  }, [store, page]);
  return { sheet: store.sheet(page), failed: store.failed(page) };
}
