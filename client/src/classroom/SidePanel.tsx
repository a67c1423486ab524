/// Chat, doubts, polls and people, with what is new in each.

import { useTranslation } from "react-i18next";
import { Chat } from "../chat/Chat";
import { Count } from "../common/small";
import { Doubts } from "../doubts/Doubts";
import { People } from "../people/People";
import { Polls } from "../polls/Polls";
import { SideTabs } from "./SideTabs";
import { ALL_TABS, type Tab } from "./tabs";
import type { Unread } from "./useUnread";

interface Props {
  readonly tab: Tab;
  readonly unread: Readonly<Record<Tab, Unread>>;
  readonly onTab: (tab: Tab) => void;
}

const PANELS = { chat: Chat, doubts: Doubts, polls: Polls, people: People } as const;

export function SidePanel({ tab, unread, onTab }: Props) {
  const { t } = useTranslation();
  const Panel = PANELS[tab];
  const mark = (each: Tab) => {
    const { count, urgent } = unread[each];
    return <Count value={count} quiet={!urgent} label={t("tabs.unread", { count })} />;
  };
  return (
    <SideTabs shown={ALL_TABS} tab={tab} onTab={onTab} mark={mark}>
      <Panel />
    </SideTabs>
  );
}
