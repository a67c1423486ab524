/// A list of doubts, drawn as far as it is in sight. Arrow keys, or j and k, move from one to the next.
///
/// What always holds: scrolled down, or with a hand on it, it stays where it is whatever comes and goes above; and where others of the staff change it just
/// when a key or a button is pressed, nothing is done to a doubt that was not the one meant.

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type MouseEvent, type PointerEvent, type ReactNode, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { toast } from "../app/toast";
import common from "../common/common.module.css";
import { isAbove, isAdrift } from "../common/focus";
import { IconArrowUp } from "../common/icons";
import type { DoubtView } from "../protocol";
import classes from "./doubts.module.css";
import { moved, newAbove, type Row, sameOrder, shift } from "./steady";

interface Props {
  readonly doubts: readonly DoubtView[];
  readonly empty: ReactNode;
  /** Above the list, scrolling with it. */
  readonly head?: ReactNode;
  readonly draw: (doubt: DoubtView) => ReactNode;
  /** A key was pressed on a doubt. Answers whether it meant something. */
  readonly onKey?: ((key: string, doubt: DoubtView) => boolean) | undefined;
  /** What is listed, in words: where that is other, it was the reader who wanted it so. */
  readonly what: string;
  /** By the ids of doubts, when the reader last did something to them (ms, `performance.now()`): what that does to the list is no surprise. */
  readonly mine?: ReadonlyMap<number, number> | undefined;
}

const NONE: ReadonlyMap<number, number> = new Map();
const NEXT = new Set(["j", "ArrowDown"]);
const BEFORE = new Set(["k", "ArrowUp"]);
const REACTS = 500; // ms in which a hand goes on with what it meant before the eye saw that the list has moved
const NEARLY = 12; // px from the top where one sees what is newest
const STAYS = 5_000; // ms that a finger which was lifted is taken to come back
const EXPECTED = 5_000; // ms in which what happens to a doubt is taken for what the reader did to it

export function DoubtList({ doubts, empty, head, draw, onKey, what, mine = NONE }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const above = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  const [current, setCurrent] = useState<number | null>(null);
  const place = doubts.findIndex(({ id }) => id === current);
  const followed = useRef(0);
  if (place >= 0) followed.current = place;
  const drawn = useRef<{ readonly what: string; readonly doubts: readonly DoubtView[]; readonly rows: readonly Row[] } | null>(null);
  /** When others last moved what is in sight, and when they last took away the doubt that the keyboard was on. */
  const movedAt = useRef(Number.NEGATIVE_INFINITY);
  const takenAt = useRef(Number.NEGATIVE_INFINITY);

  /** Until when there is a pointer over it. */
  const handUntil = useRef(Number.NEGATIVE_INFINITY);
  /** How many came above while it was held where it was. */
  const [newer, setNewer] = useState(0);

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

  useLayoutEffect(() => {
    const element = box.current;
    const last = drawn.current;
    if (last?.what !== what) setNewer(0);
    if (element === null || last === null || last.what !== what || sameOrder(last.doubts, doubts)) return;
    const startOf = (index: number): number => list.measurementsCache[index]?.start ?? 0;
    const top = element.scrollTop;
    // What came has been measured: where that was above, it was scrolled over as well; at the top it is still to be counted in.
    if (top <= margin) list.getTotalSize();
    const held = performance.now() < handUntil.current || element.contains(document.activeElement?.closest("[data-doubt]") ?? null);
    const by = shift(last.rows, doubts, startOf, top, held);
    if (by !== 0) element.scrollTop = top + by;
    const came = newAbove(last.rows, last.doubts, doubts);
    if (by > 0 && came > 0) setNewer((before) => (before > 0 || top <= margin ? before + came : 0));
    const seen = last.rows.filter(({ start, size }) => start + size > top && start < top + element.clientHeight);
    if (moved(seen, last.doubts, doubts, startOf, element.scrollTop - top, expected())) movedAt.current = performance.now();
  }, [doubts, what, margin]);

  useLayoutEffect(() => {
    const rows = list.getVirtualItems().map(({ key, start, size }) => ({ id: Number(key), start, size }));
    drawn.current = { what, doubts, rows };
  });

  function move(to: number): void {
    const doubt = doubts[Math.max(0, Math.min(doubts.length - 1, to))];
    if (doubt === undefined) return;
    setCurrent(doubt.id);
    list.scrollToIndex(doubts.indexOf(doubt), { align: "auto" });
    focusSoon(doubt.id);
  }

  function toTop(): void {
    const [first] = doubts;
    if (box.current) box.current.scrollTop = 0;
    setNewer(0);
    if (first === undefined) return;
    setCurrent(first.id);
    focusSoon(first.id);
  }

  function onPointer({ type, pointerType }: PointerEvent): void {
    if (type !== "pointerleave") handUntil.current = Number.POSITIVE_INFINITY;
    else handUntil.current = pointerType === "mouse" ? Number.NEGATIVE_INFINITY : performance.now() + STAYS;
  }

  function focusSoon(id: number, tries = 10): void {
    requestAnimationFrame(() => {
      const card = box.current?.querySelector<HTMLElement>(`[data-doubt="${id}"]`);
      if (card) {
        card.focus({ preventScroll: true });
        // What is higher than the list is read from its beginning.
        const index = Number(card.closest<HTMLElement>("[data-index]")?.dataset["index"]);
        if (card.offsetHeight > (box.current?.clientHeight ?? 0)) list.scrollToIndex(index, { align: "start" });
      } else if (tries > 0) focusSoon(id, tries - 1);
    });
  }

  // What was acted upon often leaves the list: the keyboard goes on with the one that took its place.
  const had = useRef(false);
  useEffect(() => {
    if (current === null || place >= 0 || !had.current || !isAdrift()) return;
    if (!expected().has(current)) takenAt.current = performance.now();
    move(followed.current);
  });

  /** What may change by what the reader has just done. */
  function expected(): ReadonlySet<number> {
    const now = performance.now();
    return new Set([...mine].filter(([, at]) => now - at < EXPECTED).map(([id]) => id));
  }

  /** Whether what is pressed was meant for what stood there before. */
  function tooLate(changedAt: number): boolean {
    if (performance.now() - changedAt > REACTS) return false;
    toast(t("moderation.moved"));
    return true;
  }

  function onClick(event: MouseEvent<HTMLElement>): void {
    if (onKey === undefined || (event.target as HTMLElement).closest("[data-doubt]") === null) return;
    // A click that the keyboard makes (`detail` is 0) is on what has the focus.
    if (event.detail > 0 && tooLate(movedAt.current)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

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
    if (doubt === undefined || onKey === undefined || event.key.length > 1 || event.key === " ") return;
    if (tooLate(takenAt.current)) return event.preventDefault();
    if (onKey(event.key, doubt)) event.preventDefault();
  }

  return (
    <div
      ref={box}
      className={classes.list}
      onKeyDown={onKeyDown}
      onPointerEnter={onPointer}
      onPointerLeave={onPointer}
      onScroll={({ currentTarget }) => newer > 0 && currentTarget.scrollTop < NEARLY && setNewer(0)}
      tabIndex={doubts.length === 0 ? 0 : -1}
    >
      {newer > 0 && (
        <div className={classes.newer}>
          <button type="button" className={common.newer} onClick={toTop}>
            <IconArrowUp size={16} />
            {t("doubts.newer", { count: newer })}
          </button>
        </div>
      )}
      <div ref={above}>{head}</div>
      {doubts.length === 0 && empty}
      <div
        {...(doubts.length > 0 && { role: "feed", "aria-label": t("doubts.list") })}
        style={{ height: doubts.length === 0 ? 0 : list.getTotalSize(), position: "relative" }}
        onClickCapture={onClick}
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
