/// Chat, doubts and polls as they were at the moment that is played; and all doubts of the class, to go to their answers.

import { useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { MessageList } from "../chat/MessageList";
import type { RowActions } from "../chat/MessageRow";
import { PinBar } from "../chat/PinBar";
import { SideTabs } from "../classroom/SideTabs";
import common from "../common/common.module.css";
import { IconChartBar } from "../common/icons";
import { Empty } from "../common/small";
import { PollCard } from "../polls/PollCard";
import { PollGroups } from "../polls/Polls";
import { findMessage } from "../room";
import { usePlaying } from "./context";
import { PastDoubts } from "./PastDoubts";
import classes from "./replay.module.css";

const PANELS = { chat: PastChat, doubts: PastDoubts, polls: PastPolls } as const;
type Shown = keyof typeof PANELS;
const SHOWN: readonly Shown[] = ["chat", "doubts", "polls"];

export function Side() {
  const [tab, setTab] = useState<Shown>("chat");
  const Panel = PANELS[tab];
  return (
    <SideTabs shown={SHOWN} tab={tab} onTab={setTab} className={classes.side}>
      <Panel />
    </SideTabs>
  );
}

const nothing = (): void => {};

function PastChat() {
  const { t } = useTranslation();
  const { replay } = usePlaying();
  const jump = useRef<(id: number) => void>(nothing);
  const onReady = useCallback((ready: (id: number) => void) => {
    jump.current = ready;
  }, []);
  const actions = useMemo<Omit<RowActions, "jump">>(
    () => ({
      ...{ open: nothing, reply: nothing, react: nothing, promote: nothing },
      find: (id) => findMessage(replay.room.chat, id),
      nameOf: (id) => {
        const { me, roster, chat } = replay.room;
        if (me.id === id) return me.name;
        return roster.people.find((person) => person.id === id)?.name ?? chat.messages.findLast((message) => message.by === id)?.name;
      },
    }),
    [replay],
  );
  return (
    <section className={common.panel} aria-labelledby="chat-title">
      <header className={common.panelHead}>
        <h2 id="chat-title">{t("chat.title")}</h2>
      </header>
      <PinBar onJump={(id) => jump.current(id)} />
      <MessageList actions={actions} mayWrite={false} onReady={onReady} />
    </section>
  );
}

function PastPolls() {
  const { t } = useTranslation();
  const polls = useRoom((room) => room.polls.polls);
  const opened = useMemo(() => polls.filter(({ state }) => state !== "prepared"), [polls]);
  return (
    <section className={common.panel} aria-labelledby="polls-title">
      <header className={common.panelHead}>
        <h2 id="polls-title">{t("polls.title")}</h2>
      </header>
      <div className={common.scroll} tabIndex={0}>
        {opened.length === 0 && <Empty icon={IconChartBar} title={t("replay.noPolls")} text={t("replay.noPollsText")} />}
        <PollGroups polls={opened} draw={(poll) => <PollCard poll={poll} />} />
      </div>
    </section>
  );
}
