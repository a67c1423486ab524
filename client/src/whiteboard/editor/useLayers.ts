/// What lies under the editor (paper, a grid, a page of a document) and what passes by above it: strokes and pointers of
/// others. Both follow the editor's own view.

import { type RefObject, useEffect, useMemo, useRef } from "react";
import { useRoom } from "../../app/live";
import type { Background, Region } from "../../protocol";
import { useDesk } from "../context";
import { paintBackground } from "../render/background";
import { paint } from "../render/paint";
import type { View } from "../render/view";

export function useLayers(host: RefObject<HTMLDivElement | null>, page: number, background: Background, spotlight: Region | null) {
  const { store, book, passing } = useDesk();
  const me = useRoom((room) => room.me.id);
  const people = useRoom((room) => room.roster.people);
  const under = useRef<HTMLCanvasElement>(null);
  const above = useRef<HTMLCanvasElement>(null);
  const now = useRef({ page, background, spotlight, people, me });
  now.current = { page, background, spotlight, people, me };

  const layers = useMemo(() => {
    let view: View = { left: 0, top: 0, zoom: 1 };
    let frame = 0;
    const begin = (canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | null => {
      if (canvas === null) return null;
      const ratio = window.devicePixelRatio;
      const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d");
      context?.setTransform(ratio, 0, 0, ratio, 0, 0);
      return context;
    };
    const lower = () => {
      const context = begin(under.current);
      const canvas = under.current;
      if (context === null || canvas === null) return;
      paintBackground(context, now.current.background, book.under(now.current.background), view, canvas.clientWidth, canvas.clientHeight);
    };
    const upper = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame((at) => {
        const context = begin(above.current);
        const canvas = above.current;
        if (context === null || canvas === null) return;
        const { page, spotlight, people, me } = now.current;
        context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
        context.scale(view.zoom, view.zoom);
        context.translate(-view.left, -view.top);
        for (const stroke of store.strokes.on(page, me)) paint(context, stroke, book.of, 1, view.zoom);
        if (spotlight?.page === page) {
          context.strokeStyle = "#f7a823";
          context.lineWidth = 3 / view.zoom;
          context.strokeRect(spotlight.x, spotlight.y, spotlight.width, spotlight.height);
        }
        if (passing.paint(context, page, view, at, (id) => people.find((person) => person.id === id)?.name)) upper();
      });
    };
    const look = (next: View) => {
      if (next.left === view.left && next.top === view.top && next.zoom === view.zoom) return;
      view = next;
      lower();
      upper();
    };
    return { under, above, look, lower, upper };
  }, [store, book, passing]);

  useEffect(() => {
    const { lower, upper } = layers;
    const both = () => {
      lower();
      upper();
    };
    both();
    const offs = [store.on("ink", upper), store.on("pointer", upper), book.onArrival(lower)];
    const observer = new ResizeObserver(both);
    if (host.current !== null) observer.observe(host.current);
    return () => {
      for (const off of offs) off();
      observer.disconnect();
    };
  }, [layers, store, book, host, page, background, spotlight]);

  return layers;
}
