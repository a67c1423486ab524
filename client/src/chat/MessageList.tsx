/// The messages, drawn as far as they are in sight.
///
/// What always holds: at the newest message the list stays there as more come; scrolled up it stays where it is, whatever
/// comes below or is loaded above, and says how many are new.

import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import common from "../common/common.module.css";
import { Empty } from "../common/small";
import { IconArrowDown, IconMessageCircle } from "../common/icons";
import { Button, Loader } from "@mantine/core";
import type { MessageView } from "../protocol";
import { useClassroom, usePending } from "../room";
import { waitingByMessage } from "./ahead";
import classes from "./chat.module.css";
import { MessageRow, type RowActions } from "./MessageRow";
import { PendingRow } from "./PendingRow";
import { keyOf, type Row, RowMaker } from "./rows";
import { useOlder } from "./useOlder";

const NEAR = 60; // pixels from the end that still count as being there
const ROW = 44; // pixels, a guess

interface Props {
  readonly actions: Omit<RowActions, "jump">;
  readonly mayWrite: boolean;
  /** Registers how to scroll to a message. */
  readonly onReady: (jump: (id: number) => void) => void;
}

export function MessageList({ actions, mayWrite, onReady }: Props) {
  const { t } = useTranslation();
  const me = useMyPart();
  const messages = useRoom((room) => room.chat.messages);
  const mine = useRoom((room) => room.chat.mine);
  const more = useRoom((room) => room.chat.more);
  const pending = usePending();
  const { replaying = false } = useClassroom();
  const [maker] = useState(() => new RowMaker());
  const rows = useMemo(() => maker.rows(messages, pending, me.staff), [maker, messages, pending, me.staff]);
  const waiting = useMemo(() => waitingByMessage(pending), [pending]);
  const older = useOlder();
  const box = useRef<HTMLDivElement>(null);

  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    getItemKey: useCallback((index: number) => keyOf(rows[index] as Row), [rows]),
    overscan: 8,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: NEAR,
    paddingStart: 56,
    paddingEnd: 12,
    initialOffset: () => Number.MAX_SAFE_INTEGER,
  });

  const jump = useCallback(
    (id: number) => {
      const index = rows.findIndex((row) => keyOf(row) === id);
      if (index < 0) return;
      list.scrollToIndex(index, { align: "center" });
      // It is drawn in the next frame, if it was not in sight.
      setTimeout(() => flash(box.current, index), 120);
    },
    [rows, list],
  );
  useEffect(() => onReady(jump), [jump, onReady]);
  const rowActions = useMemo(() => ({ ...actions, jump }), [actions, jump]);

  const { atEnd, unseen, onScroll } = useUnseen(messages, rows.length === 0, box);
  useStayAtEnd(atEnd, box, list.scrollToEnd);
  const visible = list.getVirtualItems();
  const nearTop = (visible[0]?.index ?? 1) < 4 && rows.length > 0;
  useEffect(() => {
    if (nearTop && more && older.state === "idle") older.load();
  }, [nearTop, more, older]);

  return (
    <div className={classes.listBox}>
      <div ref={box} className={classes.list} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label={t("chat.list")}>
        {rows.length === 0 && <Empty icon={IconMessageCircle} title={t("chat.empty")} {...(mayWrite && !replaying && { text: t("chat.emptyText") })} />}
        <div style={{ height: rows.length === 0 ? 0 : list.getTotalSize(), position: "relative" }}>
          {rows.length > 0 && <Top more={more} older={older} />}
          {visible.map(({ index, key, start }) => (
            <div
              key={key}
              data-index={index}
              ref={list.measureElement}
              className={classes.row}
              style={{ transform: `translateY(${start}px)` }}
            >
              {draw(rows[index] as Row)}
            </div>
          ))}
        </div>
      </div>
      {!atEnd && (
        <button type="button" className={`${common.newer} ${classes.newPill}`} onClick={() => list.scrollToEnd()}>
          <IconArrowDown size={16} />
          {unseen > 0 ? t("chat.newMessages", { count: unseen }) : t("chat.toBottom")}
        </button>
      )}
    </div>
  );

  function draw(row: Row) {
    if (row.kind === "pending") return <PendingRow pending={row.pending} written={row.written} mayWrite={mayWrite} />;
    const { message, first, newDay, skipped } = row;
    return (
      <MessageRow
        message={message}
        first={first}
        newDay={newDay}
        skipped={skipped}
        own={message.by === me.id}
        staff={me.staff}
        mentioned={message.mentions?.includes(me.id) ?? false}
        mine={mine[message.id]}
        waiting={waiting.get(message.id)}
        mayWrite={mayWrite}
        actions={rowActions}
      />
    );
  }
}

function Top({ more, older }: { more: boolean; older: ReturnType<typeof useOlder> }) {
  const { t } = useTranslation();
  if (!more) return <p className={classes.top}>{t("chat.begin")}</p>;
  if (older.state === "loading") {
    return (
      <p className={classes.top}>
        <Loader size={14} /> {t("chat.loadingOlder")}
      </p>
    );
  }
  return (
    <p className={classes.top}>
      {older.state === "failed" && t("chat.olderFailed")}{" "}
      <Button variant="subtle" size="compact-sm" onClick={older.load}>
        {older.state === "failed" ? t("chat.again") : t("chat.older")}
      </Button>
    </p>
  );
}

/** Whether the newest message is in sight, and how many have come since it was. */
function useUnseen(messages: readonly MessageView[], empty: boolean, box: React.RefObject<HTMLDivElement | null>) {
  const [atEnd, setAtEnd] = useState(true);
  const [seen, setSeen] = useState(0);
  const newest = messages.at(-1)?.id ?? 0;
  const onScroll = useCallback(() => {
    const { scrollTop, scrollHeight, clientHeight } = box.current as HTMLDivElement;
    // What says that there is nothing yet may be higher than the place for it.
    setAtEnd(empty || scrollHeight - scrollTop - clientHeight < NEAR);
  }, [box, empty]);
  useEffect(() => {
    if (atEnd) setSeen(newest);
  }, [atEnd, newest]);
  let unseen = 0;
  if (!atEnd) for (let at = messages.length - 1; at >= 0 && (messages[at] as MessageView).id > seen; at -= 1) unseen += 1;
  return { atEnd, unseen, onScroll };
}

/** As the place for the list grows and shrinks (a reply begun, a banner), its end stays in sight. */
function useStayAtEnd(atEnd: boolean, box: React.RefObject<HTMLDivElement | null>, scrollToEnd: () => void): void {
  const latest = useRef({ atEnd, scrollToEnd });
  latest.current = { atEnd, scrollToEnd };
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => latest.current.atEnd && latest.current.scrollToEnd());
    watch.observe(element);
    return () => watch.disconnect();
  }, [box]);
}

function flash(box: HTMLElement | null, index: number): void {
  const row = box?.querySelector(`[data-index="${index}"] article`);
  row?.animate?.([{ backgroundColor: "var(--now-soft)" }, { backgroundColor: "transparent" }], { duration: 1_600, easing: "ease-in" });
}
