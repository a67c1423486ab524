/// The side panel's width: dragged, or moved by the arrow keys; remembered on the device.

import { type KeyboardEvent, type PointerEvent, useState } from "react";
import { recall, remember } from "../app/memory";

const LEAST = 320; // pixels
const MOST = 640;
const STEP = 20;

function within(width: number): number {
  return Math.round(Math.min(MOST, Math.max(LEAST, width)));
}

export function useWidth() {
  const [value, setValue] = useState(() => within(Number(recall("side")) || 400));
  function set(width: number): void {
    setValue(within(width));
    remember("side", String(within(width)));
  }
  const handle = {
    role: "separator",
    tabIndex: 0,
    "aria-orientation": "vertical",
    "aria-valuenow": value,
    "aria-valuemin": LEAST,
    "aria-valuemax": MOST,
    onKeyDown: (event: KeyboardEvent) => {
      const step = event.key === "ArrowLeft" ? STEP : event.key === "ArrowRight" ? -STEP : 0;
      if (step !== 0) set(value + step);
    },
    onPointerDown: (event: PointerEvent<HTMLElement>) => event.currentTarget.setPointerCapture(event.pointerId),
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (event.currentTarget.hasPointerCapture(event.pointerId)) set(window.innerWidth - event.clientX);
    },
  } as const;
  return { value, handle };
}
