/// A list of doubts, drawn as far as it is in sight. Arrow keys, or j and k, move from one to the next.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAbove, isAdrift } from "../common/focus";
import type { DoubtView } from "../protocol";
import classes from "./doubts.module.css";

interface Props {
  readonly doubts: readonly DoubtView[];
  readonly empty: ReactNode;
  /** Above the list, scrolling with it. */
  readonly head?: ReactNode;
  readonly draw: (doubt: DoubtView) => ReactNode;
  /** A key was pressed on a doubt. Answers whether it meant something. */
  readonly onKey?: ((key: string, doubt: DoubtView) => boolean) | undefined;
}

const NEXT = new Set(["j", "ArrowDown"]);
const BEFORE = new Set(["k", "ArrowUp"]);

export function DoubtList({ doubts, empty, head, draw, onKey }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const above = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const [current, setCurrent] = useState<number | null>(null);
  const place = doubts.findIndex(({ id }) => id === current);
  const followed = useRef(0);
  if (place >= 0) followed.current = place;

  useEffect(() => {
    const element = above.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setMargin(element.offsetHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const list = useVirtualizer({
    count: doubts.length,
    getScrollElement: () => box.current,
    estimateSize: () => 130,
    getItemKey: useCallback((index: number) => doubts[index]?.id ?? index, [doubts]),
    overscan: 5,
    scrollMargin: margin,
    scrollPaddingStart: 12,
    scrollPaddingEnd: 12,
    paddingEnd: 16,
  });

  function move(to: number): void {
    const doubt = doubts[Math.max(0, Math.min(doubts.length - 1, to))];
    if (doubt === undefined) return;
    setCurrent(doubt.id);
    list.scrollToIndex(doubts.indexOf(doubt), { align: "auto" });
    focusSoon(doubt.id);
  }

  function focusSoon(id: number, tries = 10): void {
    requestAnimationFrame(() => {
      const card = box.current?.querySelector<HTMLElement>(`[data-doubt="${id}"]`);
      if (card) card.focus({ preventScroll: true });
      else if (tries > 0) focusSoon(id, tries - 1);
    });
  }

  // What was acted upon often leaves the list: the keyboard goes on with the one that took its place.
  const had = useRef(false);
  useEffect(() => {
    if (current !== null && place < 0 && had.current && isAdrift()) move(followed.current);
  });

  function onKeyDown(event: KeyboardEvent<HTMLElement>): void {
    const target = event.target as HTMLElement;
    if (event.metaKey || event.ctrlKey || event.altKey || target.closest("input, textarea, select, [role=menu]")) return;
    const step = NEXT.has(event.key) ? 1 : BEFORE.has(event.key) ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      return move(place < 0 ? followed.current : place + step);
    }
    // On a button, Enter and the space bar are the button's.
    const doubt = doubts[place];
    if (doubt !== undefined && onKey?.(event.key, doubt)) event.preventDefault();
  }

  return (
    <div ref={box} className={classes.list} onKeyDown={onKeyDown} tabIndex={doubts.length === 0 ? 0 : -1}>
      <div ref={above}>{head}</div>
      {doubts.length === 0 && empty}
      <div
        {...(doubts.length > 0 && { role: "feed", "aria-label": t("doubts.list") })}
        style={{ height: doubts.length === 0 ? 0 : list.getTotalSize(), position: "relative" }}
        onFocus={(event) => {
          had.current = true;
          const id = (event.target as HTMLElement).closest<HTMLElement>("[data-doubt]")?.dataset["doubt"];
          if (id !== undefined) setCurrent(Number(id));
        }}
        onBlur={(event) => {
          // Removed from the page, an element loses the focus to nobody; left by its owner, to somebody. A dialog gives it back.
          if (event.relatedTarget !== null && !isAbove(event.relatedTarget)) had.current = false;
        }}
      >
        {list.getVirtualItems().map(({ index, key, start }) => {
          const doubt = doubts[index] as DoubtView;
          return (
            <div
              key={key}
              data-index={index}
              ref={list.measureElement}
              className={classes.row}
              style={{ transform: `translateY(${start - margin}px)` }}
            >
              <article
                data-doubt={doubt.id}
                aria-posinset={index + 1}
                aria-setsize={doubts.length}
                aria-label={doubt.text}
                tabIndex={index === Math.max(place, 0) ? 0 : -1}
                className={classes.article}
              >
                {draw(doubt)}
              </article>
            </div>
          );
        })}
      </div>
    </div>
  );
}
