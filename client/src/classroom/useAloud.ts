/// What others write in the chat, said by screen readers.
///
/// What always holds: what is written to me is said whatever I look at, the rest while the chat is in sight; and of much at once
/// the number is said, so that there is time to hear the lesson.

import type { TFunction } from "i18next";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../app/toast";
import { findMessage, type RoomState, useClassroom } from "../room";

const GATHER = 1_500; // ms in which what is written is said together
const BUSY = 20_000; // ms between two numbers
const WHOLE = 2; // so many messages are said in full
const LONG = 240; // characters of one that are said

interface Heard {
  readonly id: number;
  readonly name: string;
  readonly text: string;
  readonly toMe: boolean;
}

export function useAloud(inSight: boolean): void {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const seen = useRef(inSight);
  seen.current = inSight;

  useEffect(() => {
    /** The first few, and those to me. */
    let heard: Heard[] = [];
    let count = 0;
    let due = 0;
    let notBefore = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;

    function say(): void {
      due = 0;
      if (count === 0) return;
      const whole = count <= WHOLE ? heard : heard.filter(({ toMe }) => toMe).slice(-WHOLE);
      announce(wordsFor(whole, count - whole.length, t));
      notBefore = count > whole.length ? performance.now() + BUSY : 0;
      [heard, count] = [[], 0];
    }

    function hear(one: Heard): void {
      count += 1;
      if (one.toMe || count <= WHOLE) heard.push(one);
      const now = performance.now();
      const at = one.toMe ? now + GATHER : Math.max(now + GATHER, notBefore);
      if (due !== 0 && due <= at) return;
      due = at;
      clearTimeout(timer);
      timer = setTimeout(say, at - now);
    }

    function unhear(id: number): void {
      const left = heard.filter((one) => one.id !== id);
      count -= heard.length - left.length;
      heard = left;
    }

    const stop = classroom.on("event", (event, room) => {
      if (event.type === "chat.deleted") return unhear(event.id);
      const message = event.type === "chat.said" ? event : event.type === "chat.promoted" ? event.message : null;
      if (message === null || message.by === room.me.id) return;
      const toMe = isToMe(message, room);
      if (toMe || seen.current) hear({ id: event.seq, name: message.name, text: message.text, toMe });
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [classroom, t]);
}

function isToMe({ mentions, reply_to }: { mentions?: readonly string[]; reply_to?: number | null }, { me, chat }: RoomState): boolean {
  return (mentions?.includes(me.id) ?? false) || (reply_to != null && findMessage(chat, reply_to)?.by === me.id);
}

function wordsFor(whole: readonly Heard[], more: number, t: TFunction): string {
  const said = whole.map(({ name, text, toMe }) => t(toMe ? "say.wroteToYou" : "say.wrote", { name, text: shortened(text) }));
  return [...said, ...(more > 0 ? [t("chat.newMessages", { count: more })] : [])].join(" ");
}

function shortened(text: string): string {
  const letters = [...text];
  return letters.length <= LONG ? text : `${letters.slice(0, LONG).join("")}…`;
}
