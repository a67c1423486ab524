/// Chat, doubts and polls as they were at the moment that is played; and all doubts of the class, to go to their answers.

import { type KeyboardEvent, useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { useRoom } from "../app/live";
import { MessageList } from "../chat/MessageList";
import type { RowActions } from "../chat/MessageRow";
import { PinBar } from "../chat/PinBar";
import classroom from "../classroom/classroom.module.css";
import { TABS } from "../classroom/tabs";
import common from "../common/common.module.css";
import { IconChartBar } from "../common/icons";
import { Empty } from "../common/small";
import { PollCard } from "../polls/PollCard";
import { PollGroups } from "../polls/Polls";
import { findMessage } from "../room";
import { usePlaying } from "./context";
import { PastDoubts } from "./PastDoubts";
import classes from "./replay.module.css";

const SHOWN = TABS.filter(({ tab }) => tab !== "people");
const PANELS = { chat: PastChat, doubts: PastDoubts, polls: PastPolls } as const;
type Shown = keyof typeof PANELS;

export function Side() {
  const { t } = useTranslation();
  const [tab, setTab] = useState<Shown>("chat");
  const list = useRef<HTMLDivElement>(null);
  const Panel = PANELS[tab];

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const place = SHOWN.findIndex((each) => each.tab === tab);
    const next = SHOWN[(place + step + SHOWN.length) % SHOWN.length]?.tab as Shown;
    setTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }

  return (
    <div className={`${classroom.side} ${classes.side}`} id="side" tabIndex={-1}>
      <div ref={list} className={classroom.tabs} role="tablist" aria-label={t("tabs.label")} onKeyDown={onKeyDown}>
        {SHOWN.map(({ tab: each, icon: Icon }) => (
          <button
            key={each}
            id={`tab-${each}`}
            type="button"
            role="tab"
            aria-selected={each === tab}
            aria-controls="tabpanel"
            tabIndex={each === tab ? 0 : -1}
            onClick={() => setTab(each as Shown)}
          >
            <Icon size={20} stroke={1.9} />
            <span>{t(`tabs.${each}`)}</span>
          </button>
        ))}
      </div>
      <div id="tabpanel" className={classroom.tabpanel} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <ErrorBoundary key={tab}>
          <Panel />
        </ErrorBoundary>
      </div>
    </div>
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
