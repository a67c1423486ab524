/// A page made small. Fetched and painted once it is in sight.

import { useEffect, useRef, useState } from "react";
import { useRoom } from "../app/live";
import { useDesk } from "./context";
import { paintBackground } from "./render/background";
import { Scene } from "./render/scene";
import { extent, fitting } from "./render/view";

const WIDTH = 128; // css px
const HEIGHT = 72;
const RATIO = 2;
const REST = 400; // ms after a change

export function Thumbnail({ page }: { page: number }) {
  const { store, book } = useDesk();
  const background = useRoom((room) => room.board.pages.find(({ id }) => id === page)?.background);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [seen, setSeen] = useState(false);

  useEffect(() => {
    const place = canvas.current;
    if (place === null) return;
    const observer = new IntersectionObserver((entries) => setSeen(entries.some(({ isIntersecting }) => isIntersecting)));
    observer.observe(place);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    if (!seen) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = () => {
      clearTimeout(timer);
      timer = setTimeout(draw, REST);
    };
    const scene = new Scene(book.of, soon);
    const draw = () => {
      const context = canvas.current?.getContext("2d");
      const elements = store.sheet(page)?.elements;
      if (!context || elements === undefined) return;
      const view = fitting(extent(elements.values(), background ?? {}), WIDTH, HEIGHT);
      context.setTransform(RATIO, 0, 0, RATIO, 0, 0);
      paintBackground(context, background ?? {}, book.under(background ?? {}), view, WIDTH, HEIGHT);
      const scale = view.zoom * RATIO;
      context.setTransform(scale, 0, 0, scale, -view.left * scale, -view.top * scale);
      scene.reset(elements.values());
      scene.paint(context, null, view.zoom);
    };
    const unwatch = store.watch(page);
    draw();
    const offs = [store.on("changed", (which) => which === page && soon()), book.onArrival(soon)];
    return () => {
      clearTimeout(timer);
      for (const off of offs) off();
      unwatch();
    };
  }, [seen, store, book, page, background]);

  return <canvas ref={canvas} width={WIDTH * RATIO} height={HEIGHT * RATIO} aria-hidden />;
}
