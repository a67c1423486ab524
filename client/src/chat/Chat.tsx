/// The chat: pinned messages, the list, the place to write.

import { Suspense, useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { IconClock, IconLock, IconUsersGroup, IconVolumeOff } from "../common/icons";
import { part } from "../common/part";
import { Tag } from "../common/small";
import common from "../common/common.module.css";
import { useFormat } from "../i18n/format";
import type { MessageView } from "../protocol";
import { findMessage, useClassroom } from "../room";
import classes from "./chat.module.css";
import { Composer } from "./Composer";
import { MessageList } from "./MessageList";
import type { Ask, RowActions } from "./MessageRow";
import { PinBar } from "./PinBar";
import { useBusy } from "./useBusy";
import { useVoice } from "./useVoice";
import { useWriting } from "./writing";

const ChatSettings = part(() => import("./ChatSettings"), { away: "not", warm: "staff" });
const MessageMenu = part(() => import("./MessageMenu"), { away: "over", warm: "all" });
const EmojiMenu = part(() => import("./EmojiMenu"), { away: "over", warm: "all" });

interface Opened {
  readonly what: Ask;
  readonly message: MessageView;
  readonly anchor: HTMLElement;
}

export function Chat() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const slow = useRoom((room) => room.chat.slow);
  const voice = useVoice();
  const busy = useBusy();
  const format = useFormat();
  const [opened, setOpened] = useState<Opened | null>(null);
  const writing = useWriting();
  const jump = useRef<(id: number) => void>(() => undefined);
  const onReady = useCallback((ready: (id: number) => void) => {
    jump.current = ready;
  }, []);
  const actions = useActions(setOpened, (message) => writing.reply(message));

  return (
    <section className={common.panel} aria-labelledby="chat-title">
      <header className={common.panelHead}>
        <h2 id="chat-title">{t("chat.title")}</h2>
        {slow > 0 && (
          <span className="soft" style={{ fontSize: 13, display: "inline-flex", gap: 4, alignItems: "center" }} title={t("chat.slowOn", { time: format.span(slow) })}>
            <IconClock size={15} /> {t("chat.slowEvery", { time: format.span(slow) })}
          </span>
        )}
        {busy && <Tag icon={IconUsersGroup}>{staff ? t("chat.busyStaff") : t("chat.busy")}</Tag>}
        {staff && (
          <Suspense>
            <ChatSettings />
          </Suspense>
        )}
      </header>
      <PinBar onJump={(id) => jump.current(id)} />
      {voice.kind !== "none" && (
        <a className={classes.skip} href="#write">
          {t("chat.skip")}
        </a>
      )}
      <MessageList actions={actions} mayWrite={voice.kind === "free" || voice.kind === "slow"} onReady={onReady} />
      {voice.kind === "none" ? (
        <div className={common.bar} role="note">
          {voice.why === "muted" ? <IconVolumeOff size={19} /> : <IconLock size={19} />}
          {voice.text}
        </div>
      ) : (
        <Composer />
      )}
      <Suspense>
        {opened?.what === "menu" && (
          <MessageMenu
            message={opened.message}
            anchor={opened.anchor}
            mayWrite={voice.kind !== "none"}
            onClose={() => setOpened(null)}
            onReply={actions.reply}
            onReact={(message) => setOpened({ ...opened, what: "emoji", message })}
            onEdit={(message) => writing.change(message)}
          />
        )}
        {opened?.what === "emoji" && (
          <EmojiMenu message={opened.message} anchor={opened.anchor} onReact={actions.react} onClose={() => setOpened(null)} />
        )}
      </Suspense>
    </section>
  );
}

function useActions(
  open: (opened: Opened) => void,
  startReply: (message: MessageView) => void,
): Omit<RowActions, "jump"> {
  const classroom = useClassroom();
  const perform = useDo();
  const latest = useRef({ open, startReply });
  latest.current = { open, startReply };
  return useMemo(
    () => ({
      open: (what, message, anchor) => latest.current.open({ what, message, anchor }),
      reply: (message) => latest.current.startReply(message),
      react: (message, emoji, on) => void perform({ type: "chat.react", id: message.id, emoji, on }),
      promote: (message) => void perform({ type: "chat.promote", id: message.id }),
      find: (id) => {
        const chat = classroom.room?.chat;
        return chat && findMessage(chat, id);
      },
      nameOf: (id) => {
        const room = classroom.room;
        if (room === null) return undefined;
        if (room.me.id === id) return room.me.name;
        return (
          room.roster.people.find((person) => person.id === id)?.name ??
          room.chat.messages.findLast((message) => message.by === id)?.name
        );
      },
    }),
    [classroom, perform],
  );
}
