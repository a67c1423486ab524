/// What is new behind each tab. The chat counts what was said since it was last in sight; the others what waits for me.

import { useEffect, useMemo, useState } from "react";
import { useMyPart, useRoom } from "../app/live";
import { useOpenPolls } from "../polls/standing";
import { isPublic } from "../room";
import type { Tab } from "./tabs";

export interface Unread {
  readonly count: number;
  /** Whether it waits for me to act, rather than only being new. */
  readonly urgent: boolean;
}

const MOST = 100; // more are not counted

export function useUnread(tab: Tab): Readonly<Record<Tab, Unread>> {
  const me = useMyPart();
  const messages = useRoom((room) => room.chat.messages);
  const doubts = useRoom((room) => room.doubts);
  const running = useOpenPolls();
  const votes = useRoom((room) => room.polls.votes);
  const hands = useRoom((room) => room.roster.hands.length);
  const seenChat = useSeen(tab === "chat", messages.at(-1)?.id ?? 0);
  const seenDoubts = useSeen(tab === "doubts", doubts.doubts.at(-1)?.id ?? 0);

  const chat = useMemo(() => {
    let count = 0;
    let urgent = false;
    for (let at = messages.length - 1; at >= 0 && count < MOST; at -= 1) {
      const message = messages[at];
      if (message === undefined || message.id <= seenChat) break;
      if (message.by === me.id) continue;
      count += 1;
      urgent ||= message.mentions?.includes(me.id) ?? false;
    }
    return { count, urgent };
  }, [messages, seenChat, me.id]);

  const asked = useMemo(() => {
    if (me.staff) return { count: doubts.doubts.filter(({ state }) => state === "pending").length, urgent: true };
    let count = 0;
    for (let at = doubts.doubts.length - 1; at >= 0 && count < MOST; at -= 1) {
      const doubt = doubts.doubts[at];
      if (doubt === undefined || doubt.id <= seenDoubts) break;
      if (isPublic(doubt.state) && !doubts.asked.has(doubt.id)) count += 1;
    }
    return { count, urgent: false };
  }, [doubts, me.staff, seenDoubts]);

  const open = useMemo(
    () => (me.staff ? 0 : running.filter(({ id }) => !(id in votes)).length),
    [running, votes, me.staff],
  );

  return {
    chat: tab === "chat" ? { count: 0, urgent: false } : chat,
    doubts: asked,
    polls: { count: open, urgent: true },
    people: { count: me.staff ? hands : 0, urgent: true },
  };
}

/** The newest id that was in sight: it follows `newest` while the tab is the active one of a page that is looked at. */
function useSeen(active: boolean, newest: number): number {
  const [seen, setSeen] = useState(newest);
  useEffect(() => {
    if (!active) return;
    const look = (): void => {
      if (document.visibilityState === "visible") setSeen(newest);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [active, newest]);
  return seen;
}
