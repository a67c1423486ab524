/// What is said aloud, or shown for a moment, as it happens.

import type { TFunction } from "i18next";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce, toast } from "../app/toast";
import { type Format, useFormat } from "../i18n/format";
import type { RoomEvent } from "../protocol";
import { type ConnectionPhase, find, type RoomState, useClassroom, useConnection } from "../room";

export function useNews(): void {
  const { t } = useTranslation();
  const format = useFormat();
  const classroom = useClassroom();
  const { phase } = useConnection();
  const before = useRef<ConnectionPhase>(phase);

  useEffect(() => classroom.on("event", (event, room, was) => tell(event, room, was, t, format)), [classroom, t, format]);

  useEffect(() => {
    const was = before.current;
    before.current = phase;
    if (phase === "offline" && was !== "offline") announce(t("say.offline"));
    // Who was offline knows that there was no connection: what comes next is that there is one.
    else if (phase === "reconnecting" && was !== "reconnecting" && was !== "offline") announce(t("say.reconnecting"));
    else if (phase === "live" && (was === "offline" || was === "reconnecting")) toast(t("say.reconnected"), "good");
  }, [phase, t]);
}

/** Whether I asked this doubt, or one that was merged into it. */
function asksThis({ doubts: { asked, doubts } }: RoomState, doubt: number): boolean {
  return asked.has(doubt) || doubts.some(({ id, merged_into }) => merged_into === doubt && asked.has(id));
}

function tell(event: RoomEvent, room: RoomState, was: RoomState, t: TFunction, format: Format): void {
  const { me } = room;
  const student = me.role === "student";
  switch (event.type) {
    case "poll.opened":
      if (student) announce(t("say.pollOpened", { question: event.spec.question }));
      return;
    case "poll.closed":
      return announce(t("say.pollClosed", { question: find(room.polls.polls, event.id)?.spec.question ?? "" }));
    case "doubt.started":
      return announce(t("say.answering", { text: find(room.doubts.doubts, event.id)?.text ?? "" }));
    case "doubt.published":
      if (event.was === "pending" && asksThis(room, event.id)) toast(t("say.doubtApproved"), "good");
      return;
    case "doubt.dismissed":
      if (asksThis(room, event.id)) toast(event.reason ? t("say.doubtDismissedWhy", { reason: event.reason }) : t("say.doubtDismissed"));
      return;
    case "doubt.configured":
      if (student && event.locked !== was.doubts.locked) announce(t(event.locked ? "doubts.locked" : "say.doubtsOpen"));
      return;
    case "doubt.answered":
      if (asksThis(room, event.id)) toast(t("say.doubtAnswered"), "good");
      return;
    case "doubt.merged":
      // What was merged into that one before is the other's now.
      if (!asksThis(was, event.id)) return;
      if (find(room.doubts.doubts, event.into)?.state === "answered") toast(t("say.doubtAnswered"), "good");
      else toast(t("say.doubtMerged"));
      return;
    case "roster.hand_lowered":
      // Who is called on stage is told that instead.
      if (event.by_staff && event.members.includes(me.id) && !room.stage.people.some(({ id }) => id === me.id)) toast(t("say.handLowered"));
      return;
    case "roster.muted":
      if (event.member !== me.id) return;
      if (event.until === 0) toast(t("say.unmuted"), "good");
      else toast(t("say.muted", { time: format.time(event.until) }), "bad");
      return;
    case "roster.appointed":
      if (event.member === me.id) toast(t("say.role", { role: t(`role.${event.role}`) }), "good");
      return;
    case "class.started":
      return toast(t("say.live"), "good");
    case "class.ended":
      return toast(t("say.ended"));
    case "chat.configured":
      if (!student) return;
      if (event.locked !== was.chat.locked) announce(t(event.locked ? "chat.locked" : "say.chatOpen"));
      if (event.slow !== was.chat.slow && event.slow > 0) announce(t("chat.slowOn", { time: format.span(event.slow) }));
      return;
    case "chat.promoted":
      if (event.message.by === me.id) toast(t("say.promoted"), "good");
      return;
    case "chat.pinned":
      if (event.on ?? true) announce(t("say.pinned"));
      return;
    default:
      return;
  }
}
