/// The whiteboard: one page of it, with what can be done around it. Who may draw gets the editor, which is loaded for them
/// alone; everybody else, and they until it is there, a light picture of the same page.

import { Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { useServerNow } from "../app/live";
import { part } from "../common/part";
import { useConnection } from "../room";
import { Bar } from "./Bar";
import { BoardDesk, useDesk } from "./context";
import { FOLDER } from "./render/faces";
import { PageStrip } from "./PageStrip";
import { type Looking, Viewer } from "./Viewer";
import classes from "./whiteboard.module.css";

declare global {
  interface Window {
    EXCALIDRAW_ASSET_PATH?: string;
  }
}

const loadEditor = () => {
  // Where its fonts are, which it wants to know as soon as it is there; else it asks a network of others for them.
  window.EXCALIDRAW_ASSET_PATH = FOLDER.replace(/fonts\/$/, "");
  return import("./editor/Editor");
};
const Editor = part(loadEditor, { away: "not" });

function Whiteboard() {
  return (
    <BoardDesk>
      <Board />
    </BoardDesk>
  );
}

function Board() {
  const { t } = useTranslation();
  const board = useRoom((room) => room.board);
  const { phase } = useConnection();
  // Null: wherever the class is.
  const [elsewhere, setElsewhere] = useState<number | null>(null);
  const [strip, setStrip] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const viewer = useRef<Looking>(null);
  const there = elsewhere !== null && board.pages.some(({ id }) => id === elsewhere);
  const page = there ? elsewhere : board.current;
  const pen = usePen(page);

  return (
    <div ref={root} className={classes.board} data-drawing={pen.mayDraw || undefined}>
      <Bar page={page} following={!there} pen={pen} root={root} viewer={viewer} strip={strip} onStrip={() => setStrip(!strip)} onPage={setElsewhere} />
      <div className={classes.area}>
        {pen.mayDraw ? (
          <ErrorBoundary>
            <Suspense fallback={<Viewer page={page} />}>
              <Editor page={page} />
            </Suspense>
          </ErrorBoundary>
        ) : (
          <Viewer page={page} ref={viewer} />
        )}
        <Drawing page={page} />
        {pen.reason !== null && (
          <p className={classes.reason} role="status">
            {t(`board.${pen.reason}`)}
          </p>
        )}
      </div>
      {phase !== "live" && phase !== "degraded" && (
        <p className={classes.offline} role="status">
          {t("board.offline")}
        </p>
      )}
      {strip && <PageStrip page={page} onPage={setElsewhere} />}
    </div>
  );
}

export interface Pen {
  readonly mayDraw: boolean;
  /** Why not, where somebody who could draw otherwise may not now. */
  readonly reason: "locked" | "muted" | "ended" | null;
}

function usePen(page: number): Pen {
  const { staff, id } = useMyPart();
  const granted = useRoom(({ board: { open_to, chosen } }) => staff || open_to === "everybody" || (open_to === "chosen" && chosen.includes(id)));
  const locked = useRoom((room) => room.board.pages.find((each) => each.id === page)?.locked ?? false);
  const mutedUntil = useRoom((room) => room.roster.muted_until);
  const ended = useRoom((room) => room.roster.phase === "ended");
  const now = useServerNow(mutedUntil > 0 ? 1_000 : null);
  if (!granted) return { mayDraw: false, reason: null };
  if (locked) return { mayDraw: false, reason: "locked" };
  if (!staff && mutedUntil > now) return { mayDraw: false, reason: "muted" };
  if (!staff && ended) return { mayDraw: false, reason: "ended" };
  return { mayDraw: true, reason: null };
}

/** Who is drawing on the page just now. */
function Drawing({ page }: { page: number }) {
  const { t } = useTranslation();
  const { store } = useDesk();
  const { id: me } = useMyPart();
  const people = useRoom((room) => room.roster.people);
  const [who, setWho] = useState<readonly string[]>([]);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      const drawing = [...store.strokes.drawing(page, performance.now())].filter((id) => id !== me);
      setWho((before) => (before.join() === drawing.join() ? before : drawing));
      if (drawing.length > 0) timer = setTimeout(look, 1_500);
    };
    look();
    const off = store.on("ink", look);
    return () => {
      clearTimeout(timer);
      off();
    };
  }, [store, page, me]);
  const names = who.flatMap((id) => people.find((person) => person.id === id)?.name ?? []);
  if (names.length === 0) return null;
  return <p className={classes.drawing}>{t("board.draws", { count: names.length, names: names.join(", ") })}</p>;
}

export default Whiteboard;
