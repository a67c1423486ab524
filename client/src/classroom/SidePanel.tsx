/// Chat, doubts, polls and people: tabs beside the stage, or on a phone at the bottom, where the thumb is.

import { type KeyboardEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { Chat } from "../chat/Chat";
import { Count } from "../common/small";
import { Doubts } from "../doubts/Doubts";
import { People } from "../people/People";
import { Polls } from "../polls/Polls";
import classes from "./classroom.module.css";
import { type Tab, TABS } from "./tabs";
import type { Unread } from "./useUnread";

interface Props {
  readonly tab: Tab;
  readonly unread: Readonly<Record<Tab, Unread>>;
  readonly onTab: (tab: Tab) => void;
}

const PANELS = { chat: Chat, doubts: Doubts, polls: Polls, people: People } as const;

export function SidePanel({ tab, unread, onTab }: Props) {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);
  const Panel = PANELS[tab];

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const place = TABS.findIndex((each) => each.tab === tab);
    const next = TABS[(place + step + TABS.length) % TABS.length] ?? TABS[0];
    onTab(next.tab);
    list.current?.querySelector<HTMLElement>(`#tab-${next.tab}`)?.focus();
  }

  return (
    <div className={classes.side} id="side" tabIndex={-1}>
      <div ref={list} className={classes.tabs} role="tablist" aria-label={t("tabs.label")} onKeyDown={onKeyDown}>
        {TABS.map(({ tab: each, icon: Icon }) => {
          const { count, urgent } = unread[each];
          return (
            <button
              key={each}
              id={`tab-${each}`}
              type="button"
              role="tab"
              aria-selected={each === tab}
              aria-controls="tabpanel"
              tabIndex={each === tab ? 0 : -1}
              onClick={() => onTab(each)}
            >
              <Icon size={20} stroke={1.9} />
              <span>{t(`tabs.${each}`)}</span>
              <Count value={count} quiet={!urgent} label={t("tabs.unread", { count })} />
            </button>
          );
        })}
      </div>
      <div id="tabpanel" className={classes.tabpanel} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <ErrorBoundary key={tab}>
          <Panel />
        </ErrorBoundary>
      </div>
    </div>
  );
}
