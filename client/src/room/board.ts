/// The whiteboard's pages as everybody sees them: the fold of the board events, without the elements.
///
/// What always holds: a page's `at` is the place of the last change of its elements, so that who holds a page's elements as
/// of an earlier place knows what to fetch.

import type {
  BoardBackgroundSet,
  BoardDrawn,
  BoardGranted,
  BoardOpenedTo,
  BoardPageAdded,
  BoardPageCleared,
  BoardPageDuplicated,
  BoardPageLocked,
  BoardPageMoved,
  BoardPageRemoved,
  BoardPageRestored,
  BoardSpotlit,
  BoardView,
  BoardWentTo,
  BoardWithdrawn,
  PageView,
  Stamped,
} from "../protocol";

export type BoardState = BoardView;

export type BoardEvent =
  | BoardDrawn
  | BoardPageAdded
  | BoardPageMoved
  | BoardPageRemoved
  | BoardPageDuplicated
  | BoardPageCleared
  | BoardPageRestored
  | BoardWentTo
  | BoardBackgroundSet
  | BoardPageLocked
  | BoardGranted
  | BoardWithdrawn
  | BoardOpenedTo
  | BoardSpotlit;

export function boardFromWelcome(view: BoardView): BoardState {
  return { ...view, spotlight: view.spotlight ?? null };
}

/** The board after one event; the same object where the event is about a page that is not there. */
export function applyBoard(board: BoardState, event: Stamped<BoardEvent>): BoardState {
  switch (event.type) {
    case "board.drawn":
      return change(board, event.page, (page) => ({ ...page, at: event.seq, count: page.count + (event.added ?? 0) }));
    case "board.page_added": {
      const page: PageView = { id: event.seq, at: event.seq, count: 0, background: event.background ?? {}, locked: false };
      return { ...board, pages: insertedAfter(board.pages, event.after ?? null, page) };
    }
    case "board.page_moved":
      return moved(board, event.page, event.to);
    case "board.page_removed":
      return {
        ...board,
        pages: board.pages.filter((page) => page.id !== event.page),
        current: event.current,
        spotlight: board.spotlight?.page === event.page ? null : board.spotlight,
      };
    case "board.page_duplicated":
      return duplicated(board, event.page, event.seq);
    case "board.page_cleared":
      return change(board, event.page, (page) => ({ ...page, at: event.seq, count: 0 }));
    case "board.page_restored":
      return change(board, event.page, (page) => ({ ...page, at: event.seq, count: event.count }));
    case "board.went_to":
      return { ...board, current: event.page, spotlight: null };
    case "board.background_set":
      return change(board, event.page, (page) => ({ ...page, background: event.background }));
    case "board.page_locked":
      return change(board, event.page, (page) => ({ ...page, locked: event.on ?? true }));
    case "board.granted":
      return {
        ...board,
        chosen: [...board.chosen.filter((id) => id !== event.member), event.member],
        open_to: board.open_to === "nobody" ? "chosen" : board.open_to,
      };
    case "board.withdrawn":
      return { ...board, chosen: board.chosen.filter((id) => id !== event.member) };
    case "board.opened_to":
      return { ...board, open_to: event.who };
    case "board.spotlit":
      return { ...board, spotlight: event.region ?? null };
  }
}

function change(board: BoardState, id: number, how: (page: PageView) => PageView): BoardState {
  if (!board.pages.some((page) => page.id === id)) return board;
  return { ...board, pages: board.pages.map((page) => (page.id === id ? how(page) : page)) };
}

function insertedAfter(pages: readonly PageView[], after: number | null, page: PageView): PageView[] {
  const place = pages.findIndex(({ id }) => id === after);
  return pages.toSpliced(place < 0 ? pages.length : place + 1, 0, page);
}

function moved(board: BoardState, id: number, to: number): BoardState {
  const page = board.pages.find((one) => one.id === id);
  if (page === undefined) return board;
  return { ...board, pages: board.pages.filter((one) => one !== page).toSpliced(to, 0, page) };
}

function duplicated(board: BoardState, id: number, seq: number): BoardState {
  const page = board.pages.find((one) => one.id === id);
  if (page === undefined) return board;
  return { ...board, pages: insertedAfter(board.pages, id, { ...page, id: seq, at: seq, locked: false }) };
}
