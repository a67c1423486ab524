/// The page for who may draw: Excalidraw, kept together with everybody else's page. Loaded for them alone.

import { CaptureUpdateAction, Excalidraw, getCommonBounds } from "@excalidraw/excalidraw";
import "@excalidraw/excalidraw/index.css";
import type { BinaryFileData, ExcalidrawImperativeAPI, ExcalidrawProps } from "@excalidraw/excalidraw/types";
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRefusal, useRoom } from "../../app/live";
import { toast } from "../../app/toast";
import { IconButton } from "../../common/IconButton";
import { useClassroom } from "../../room";
import { useDrawingDesk, usePage, useTakeBack } from "../context";
import { uploadImage } from "../files";
import { IconFocus2 } from "../icons";
import { bytesOf } from "../packing";
import { extent, fitting } from "../render/view";
import { TextList } from "../TextList";
import classes from "../whiteboard.module.css";
import { Session } from "./session";
import { useLayers } from "./useLayers";

const CALM = {
  canvasActions: { changeViewBackgroundColor: false, clearCanvas: false, export: false, loadScene: false, saveToActiveFile: false, saveAsImage: false, toggleTheme: false },
} as const;
const CLEAR = "transparent";
const START = { appState: { viewBackgroundColor: CLEAR, currentItemFontFamily: 5, openSidebar: null } } as const;

export default function Editor({ page }: { page: number }) {
  const { t, i18n } = useTranslation();
  const { staff } = useMyPart();
  const classroom = useClassroom();
  const perform = useDo();
  const explain = useRefusal();
  const { store, drawing } = useDrawingDesk();
  const takeBack = useTakeBack(page);
  const background = useRoom((room) => room.board.pages.find(({ id }) => id === page)?.background);
  const spotlight = useRoom((room) => room.board.spotlight);
  const { sheet, failed } = usePage(page);
  const [api, setApi] = useState<ExcalidrawImperativeAPI | null>(null);
  const [texts, setTexts] = useState<readonly string[]>([]);
  const host = useRef<HTMLDivElement>(null);
  const layers = useLayers(host, page, background ?? {}, spotlight);
  const session = useRef<Session | null>(null);
  const [begun, setBegun] = useState(false); // it puts its own beginning in place first
  const ready = sheet !== null && begun;

  useEffect(() => {
    if (api === null || !ready) return;
    const made = new Session(page, classroom, store, {
      scene: () => api.getSceneElementsIncludingDeleted() as never,
      show: (elements) => api.updateScene({ elements: elements as never, captureUpdate: CaptureUpdateAction.NEVER }),
      refused: (refused) => toast(t("board.notKept", { reason: explain(refused) }), "bad"),
      texts: setTexts,
      pictures: (files) => api.addFiles(files.map((file) => picture(file, classroom.address(`/files/${file}`)))),
      adopt: async (file) => {
        const data = await dataOf(api.getFiles()[file]?.dataURL);
        const answer = data === null ? NOT_HERE : await uploadImage(classroom.fetch, data);
        if (!("code" in answer)) return answer.file;
        toast(t("board.notKept", { reason: explain(answer) }), "bad");
        return null;
      },
    });
    session.current = made;
    drawing.after = (act, undo) => made.after(act, undo);
    const leave = () => made.leave();
    window.addEventListener("pagehide", leave);
    made.start();
    const { clientWidth = 1, clientHeight = 1 } = host.current ?? {};
    const view = fitting(extent(store.sheet(page)?.elements.values() ?? [], background ?? {}), clientWidth, clientHeight, 1.5);
    api.updateScene({ appState: { scrollX: -view.left, scrollY: -view.top, zoom: { value: view.zoom as never }, selectedElementIds: {} }, captureUpdate: CaptureUpdateAction.NEVER });
    api.history.clear();
    // What is being typed is part of this page.
    const place = host.current;
    return () => {
      place?.querySelector<HTMLElement>("textarea.excalidraw-wysiwyg")?.blur();
      void made.stop().then(() => window.removeEventListener("pagehide", leave));
      session.current = null;
    };
    // The background changes the view only when the page is opened.
  }, [api, page, ready, classroom, store, drawing]);

  useEffect(() => api?.onPointerUp(() => session.current?.settle()), [api]);

  const onChange = useCallback<NonNullable<ExcalidrawProps["onChange"]>>(
    (elements, state) => {
      setBegun(true);
      layers.look({ left: -state.scrollX, top: -state.scrollY, zoom: state.zoom.value });
      // A drawing that was dropped here brings a paper of its own, under which the page's is not seen.
      if (state.viewBackgroundColor !== CLEAR) api?.updateScene({ appState: { viewBackgroundColor: CLEAR }, captureUpdate: CaptureUpdateAction.NEVER });
      const { newElement } = state;
      const drawing = newElement?.type === "freedraw" && !newElement.isDeleted ? newElement.id : null;
      session.current?.changed(elements as never, drawing, state.zoom.value);
    },
    [api, layers],
  );

  const onPointerUpdate = useCallback<NonNullable<ExcalidrawProps["onPointerUpdate"]>>(({ pointer, button }) => session.current?.pointer(pointer.x, pointer.y, pointer.tool === "laser", button === "down"), []);

  const generateIdForFile = useCallback(
    async (file: File) => {
      const answer = await uploadImage(classroom.fetch, file);
      if (!("code" in answer)) {
        session.current?.uploaded(answer.file);
        return answer.file;
      }
      const reason = explain(answer);
      toast(t("board.notKept", { reason }), "bad");
      throw new Error(reason);
    },
    [classroom, explain, t],
  );

  /** What is done with the pointer, a key, or something that is dropped here is undone by itself. */
  const begin = useCallback(() => session.current?.begin(), []);

  /** Undo is the board's: Excalidraw's own would take back what others drew meanwhile. */
  function onKeyDownCapture(event: KeyboardEvent): void {
    const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (typing) return;
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) {
      if (!event.repeat) begin();
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    takeBack(key === "y" || event.shiftKey ? "board.redo" : "board.undo");
  }

  function light(): void {
    if (spotlight !== null) return void perform({ type: "board.spotlight" });
    const chosen = api?.getAppState().selectedElementIds ?? {};
    const elements = api?.getSceneElements().filter(({ id }) => chosen[id]) ?? [];
    if (elements.length === 0) return;
    const [left, top, right, bottom] = getCommonBounds(elements);
    void perform({ type: "board.spotlight", region: { page, x: left - 16, y: top - 16, width: right - left + 32, height: bottom - top + 32 } });
  }

  const lightNow = useRef(light);
  lightNow.current = light;
  const button = useMemo(
    () =>
      staff && (
        <div className={classes.light}>
          <IconButton icon={IconFocus2} label={t(spotlight === null ? "board.spotlight" : "board.spotlightOff")} aria-pressed={spotlight !== null} onClick={() => lightNow.current()} />
        </div>
      ),
    [staff, spotlight, t],
  );
  // On a phone the tools need all the width: it stands below them.
  const corner = useCallback((phone: boolean) => (phone ? null : button || null), [button]);

  return (
    <div ref={host} className={classes.editor} data-board-editor={page} data-ready={(api !== null && ready) || undefined} onKeyDownCapture={onKeyDownCapture} onPointerDownCapture={begin} onDropCapture={begin}>
      <canvas ref={layers.under} className={classes.under} aria-hidden />
      <Excalidraw
        excalidrawAPI={setApi}
        initialData={START}
        langCode={i18n.language === "hi" ? "hi-IN" : "en"}
        theme="light"
        isCollaborating
        UIOptions={CALM}
        onChange={onChange}
        onPointerUpdate={onPointerUpdate}
        generateIdForFile={generateIdForFile}
        validateEmbeddable={false}
        renderTopRightUI={corner}
        handleKeyboardGlobally={false}
        viewModeEnabled={!ready}
      />
      <canvas ref={layers.above} className={classes.above} aria-hidden />
      {button && <div className={classes.corner}>{button}</div>}
      {!ready && (
        <p className={classes.note} role="status">
          {t(failed ? "board.loadFailed" : "board.loading")}
        </p>
      )}
      <TextList texts={texts} />
    </div>
  );
}

function picture(id: string, address: string): BinaryFileData {
  return { id: id as BinaryFileData["id"], dataURL: address as BinaryFileData["dataURL"], mimeType: "image/png", created: 1 };
}

const NOT_HERE = { code: "not_found", message: "" };

/** The picture that an address leads to, or has in it; null: it is not to be had. */
async function dataOf(address: string | undefined): Promise<Blob | null> {
  if (address === undefined) return null;
  try {
    if (address.startsWith("data:")) return new Blob([bytesOf(address.slice(address.indexOf(",") + 1)) as Uint8Array<ArrayBuffer>]);
    const answer = await fetch(address);
    return answer.ok ? await answer.blob() : null;
  } catch {
    return null;
  }
}
