/// A page for who looks on: painted from its elements, moved and zoomed with mouse, fingers and keys.

import { type KeyboardEvent, useEffect, useImperativeHandle, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import type { Region } from "../protocol";
import { useDesk, usePage } from "./context";
import { Painter } from "./render/painter";
import { extent, fitting, moved, type View, zoomed } from "./render/view";
import { TextList } from "./TextList";
import classes from "./whiteboard.module.css";

export interface Looking {
  zoom(factor: number): void;
  fit(): void;
}

interface Props {
  readonly page: number;
  readonly ref?: React.Ref<Looking>;
}

const KEY_STEP = 60; // css px
const ZOOM_STEP = 1.25;

export function Viewer({ page, ref }: Props) {
  const { t } = useTranslation();
  const { store, book, passing } = useDesk();
  const view = useRoom((room) => room.board.pages.find(({ id }) => id === page));
  const spotlight = useRoom((room) => room.board.spotlight);
  const people = useRoom((room) => room.roster.people);
  const { sheet, failed } = usePage(page);
  const host = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const own = useRef(false); // the view is one's own, not the whole page
  const [texts, setTexts] = useState<readonly string[]>([]);
  const background = view?.background ?? NOTHING;
  const names = useRef(people);
  names.current = people;
  const region = spotlight?.page === page ? spotlight : null;
  const lit = useRef<Region | null>(region);
  lit.current = region;

  useLayoutEffect(() => {
    if (base.current === null || over.current === null) return;
    const made = new Painter(base.current, over.current, book);
    painter.current = made;
    return () => {
      made.close();
      painter.current = null;
    };
  }, [book]);

  const fit = useRef(() => {});
  fit.current = () => {
    const box = host.current?.getBoundingClientRect();
    if (box === undefined || painter.current === null || own.current) return;
    const seen = lit.current !== null ? boxOf(lit.current) : extent(store.sheet(page)?.elements.values() ?? [], background);
    painter.current.look(fitting(seen, box.width, box.height));
  };

  // The canvas is as large as its place, in the device's own pixels.
  useLayoutEffect(() => {
    const place = host.current;
    if (place === null) return;
    const resize = () => {
      painter.current?.resize(place.clientWidth, place.clientHeight, window.devicePixelRatio);
      fit.current();
    };
    const observer = new ResizeObserver(resize);
    observer.observe(place);
    resize();
    return () => observer.disconnect();
  }, [book]);

  useEffect(() => {
    own.current = false;
  }, [page, region]);

  useEffect(() => {
    const made = painter.current;
    if (made === null) return;
    const marks = () =>
      made.marks({
        strokes: store.strokes.on(page),
        paint: (context, at, now) => {
          if (lit.current !== null) shade(context, at, lit.current);
          return passing.paint(context, page, at, now, (id) => names.current.find((person) => person.id === id)?.name);
        },
      });
    // What is heard of a page comes when what is seen of it is there: a full page has a thousand texts.
    let hearing = 0;
    const hear = () => {
      hearing ||= whenIdle(() => {
        hearing = 0;
        setTexts((before) => same(before, made.scene.texts));
      });
    };
    const show = () => {
      made.show(page, store.sheet(page)?.elements.values() ?? [], background);
      fit.current();
      hear();
      marks();
    };
    show();
    const offs = [
      store.on("changed", (which, ids) => {
        if (which !== page) return;
        if (ids === null) return show();
        made.update(ids, store.sheet(page)?.elements ?? new Map());
        fit.current();
        hear();
      }),
      store.on("ink", (which) => which === page && marks()),
      store.on("pointer", marks),
    ];
    return () => {
      cancelIdle(hearing);
      for (const off of offs) off();
    };
  }, [store, passing, page, background, region]);

  const look = useRef((change: (view: View) => View, moving: boolean) => {
    own.current = true;
    if (painter.current !== null) painter.current.look(change(painter.current.view), moving);
  }).current;
  useGestures(host, look, () => {
    own.current = false;
    fit.current();
  });

  function zoomMiddle(factor: number): void {
    const { clientWidth = 0, clientHeight = 0 } = host.current ?? {};
    look((at) => zoomed(at, factor, clientWidth / 2, clientHeight / 2), false);
  }

  useImperativeHandle(ref, () => ({
    zoom: zoomMiddle,
    fit: () => {
      own.current = false;
      fit.current();
    },
  }));

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (step !== undefined) look((at) => moved(at, step[0] * KEY_STEP, step[1] * KEY_STEP), false);
    else if (event.key === "+" || event.key === "=") zoomMiddle(ZOOM_STEP);
    else if (event.key === "-") zoomMiddle(1 / ZOOM_STEP);
    else if (event.key === "0") {
      own.current = false;
      fit.current();
    } else return;
    event.preventDefault();
  }

  return (
    <div className={classes.viewer}>
      <div
        ref={host}
        className={classes.paper}
        role="img"
        tabIndex={0}
        aria-label={t("board.canvas")}
        data-board-page={page}
        data-board-at={sheet?.at}
        onKeyDown={onKeyDown}
      >
        <canvas ref={base} aria-hidden />
        <canvas ref={over} aria-hidden />
      </div>
      {sheet === null && <p className={classes.note} role="status">{t(failed ? "board.loadFailed" : "board.loading")}</p>}
      <TextList texts={texts} />
    </div>
  );
}

const NOTHING = {};
const PATIENCE = 400; // ms
// Not every browser says when it is idle.
const whenIdle = (work: () => void): number => (typeof requestIdleCallback === "function" ? requestIdleCallback(work, { timeout: PATIENCE }) : Number(setTimeout(work, PATIENCE / 4)));
const cancelIdle = (id: number): void => (typeof cancelIdleCallback === "function" ? cancelIdleCallback(id) : clearTimeout(id));

function boxOf({ x, y, width, height }: Region) {
  return { left: x, top: y, right: x + width, bottom: y + height };
}

function same(before: readonly string[], after: readonly string[]): readonly string[] {
  return before.length === after.length && before.every((text, index) => text === after[index]) ? before : after;
}

/** Everything but the region is darker. */
function shade(context: CanvasRenderingContext2D, { left, top, zoom }: View, { x, y, width, height }: Region): void {
  const { canvas } = context;
  const path = new Path2D();
  path.rect(left, top, canvas.width / zoom, canvas.height / zoom);
  path.rect(x, y, width, height);
  context.fillStyle = "rgba(20, 30, 27, 0.45)";
  context.fill(path, "evenodd");
}

/** Drag to move, pinch or turn the wheel to zoom, tap twice for the whole page. */
function useGestures(host: React.RefObject<HTMLDivElement | null>, look: (change: (view: View) => View, moving: boolean) => void, fit: () => void): void {
  const whole = useRef(fit);
  whole.current = fit;
  useEffect(() => {
    const place = host.current;
    if (place === null) return;
    const down = new Map<number, { x: number; y: number }>();
    const at = (event: { clientX: number; clientY: number }) => {
      const { left, top } = place.getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    };
    const listeners = {
      pointerdown: (event: PointerEvent) => {
        place.setPointerCapture(event.pointerId);
        down.set(event.pointerId, at(event));
      },
      pointermove: (event: PointerEvent) => {
        const before = down.get(event.pointerId);
        if (before === undefined) return;
        const now = at(event);
        const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
        down.set(event.pointerId, now);
        if (other === undefined) return look((view) => moved(view, now.x - before.x, now.y - before.y), true);
        const factor = Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1);
        const [cx, cy] = [(now.x + other.x) / 2, (now.y + other.y) / 2];
        look((view) => moved(zoomed(view, factor, cx, cy), (now.x - before.x) / 2, (now.y - before.y) / 2), true);
      },
      pointerup: (event: PointerEvent) => down.delete(event.pointerId),
      pointercancel: (event: PointerEvent) => down.delete(event.pointerId),
      wheel: (event: WheelEvent) => {
        event.preventDefault();
        const { x, y } = at(event);
        if (event.shiftKey) look((view) => moved(view, -event.deltaY - event.deltaX, 0), true);
        else look((view) => zoomed(view, Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), x, y), true);
      },
      dblclick: () => whole.current(),
    };
    for (const [name, listener] of Object.entries(listeners)) place.addEventListener(name, listener as EventListener, { passive: false });
    return () => {
      for (const [name, listener] of Object.entries(listeners)) place.removeEventListener(name, listener as EventListener);
    };
  }, [host, look]);
}
