/// What can be done with the board: leaf through it, follow the class, undo, zoom, fill the screen; for the staff, its menu.

import { type RefObject, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { IconButton } from "../common/IconButton";
import { IconArrowBackUp } from "../common/icons";
import { BoardMenu } from "./BoardMenu";
import { useTakeBack } from "./context";
import { IconArrowForwardUp, IconChevronLeft, IconChevronRight, IconEye, IconLayoutBottombar, IconMaximize, IconMinimize, IconZoomIn, IconZoomOut, IconZoomReset } from "./icons";
import type { Looking } from "./Viewer";
import type { Pen } from "./Whiteboard";
import classes from "./whiteboard.module.css";

interface Props {
  readonly page: number;
  readonly following: boolean;
  readonly pen: Pen;
  readonly root: RefObject<HTMLDivElement | null>;
  readonly viewer: RefObject<Looking | null>;
  readonly strip: boolean;
  readonly onStrip: () => void;
  readonly onPage: (page: number | null) => void;
}

const ZOOM = 1.4;

export function Bar({ page, following, pen, root, viewer, strip, onStrip, onPage }: Props) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const perform = useDo();
  const takeBack = useTakeBack(page);
  const pages = useRoom((room) => room.board.pages);
  const current = useRoom((room) => room.board.current);
  const place = pages.findIndex(({ id }) => id === page);
  const full = useFullScreen(root);

  /** The staff take the class with them; others look for themselves. */
  function go(to: number): void {
    const next = pages[to]?.id;
    if (next === undefined) return;
    if (staff && following) void perform({ type: "board.go_to", page: next });
    else onPage(next === current ? null : next);
  }

  return (
    <div className={classes.bar} role="toolbar" aria-label={t("board.tools")}>
      <IconButton icon={IconChevronLeft} label={t("board.before")} disabled={place <= 0} onClick={() => go(place - 1)} />
      <span className={classes.place} aria-live="polite">
        {t("board.place", { page: place + 1, pages: pages.length })}
      </span>
      <IconButton icon={IconChevronRight} label={t("board.after")} disabled={place >= pages.length - 1} onClick={() => go(place + 1)} />
      <IconButton icon={IconLayoutBottombar} label={t("board.pages")} aria-pressed={strip} onClick={onStrip} />
      {!following && (
        <button type="button" className={classes.follow} onClick={() => onPage(null)}>
          <IconEye size={17} /> {t("board.follow")}
        </button>
      )}
      {staff && !following && (
        <button type="button" className={classes.follow} onClick={() => void perform({ type: "board.go_to", page }).then((ok) => ok && onPage(null))}>
          {t("board.showAll")}
        </button>
      )}
      <span className={classes.gap} />
      {pen.mayDraw ? (
        <>
          <IconButton icon={IconArrowBackUp} label={t("board.undo")} aria-keyshortcuts="Control+Z" onClick={() => takeBack("board.undo")} />
          <IconButton icon={IconArrowForwardUp} label={t("board.redo")} aria-keyshortcuts="Control+Shift+Z" onClick={() => takeBack("board.redo")} />
        </>
      ) : (
        <>
          <IconButton icon={IconZoomOut} label={t("board.zoomOut")} onClick={() => viewer.current?.zoom(1 / ZOOM)} />
          <IconButton icon={IconZoomIn} label={t("board.zoomIn")} onClick={() => viewer.current?.zoom(ZOOM)} />
          <IconButton icon={IconZoomReset} label={t("board.fit")} onClick={() => viewer.current?.fit()} />
        </>
      )}
      {staff && <BoardMenu page={page} />}
      <IconButton icon={full.on ? IconMinimize : IconMaximize} label={full.on ? t("board.small") : t("board.full")} onClick={full.turn} />
    </div>
  );
}

/** The board alone on the screen; where the device does not let a part of a page have it (an iPhone), all of the window. */
function useFullScreen(root: RefObject<HTMLDivElement | null>) {
  const [on, setOn] = useState(false);
  const [filling, setFilling] = useState(false);
  useEffect(() => {
    const board = root.current;
    board?.toggleAttribute("data-filling", filling);
    return () => board?.removeAttribute("data-filling");
  }, [root, filling]);
  useEffect(() => {
    const changed = () => setOn(document.fullscreenElement !== null && document.fullscreenElement === root.current);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, [root]);
  const turn = () => {
    if (filling) setFilling(false);
    else if (on) void document.exitFullscreen().catch(() => undefined);
    else if (root.current?.requestFullscreen === undefined) setFilling(true);
    else void root.current.requestFullscreen().catch(() => setFilling(true));
  };
  return { on: on || filling, turn };
}
