/// The polls: open ones first, then, for the staff, what is prepared, then what was.

import { lazy, Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import common from "../common/common.module.css";
import { IconChartBar } from "../common/icons";
import { Empty } from "../common/small";
import type { PollState, PollView } from "../protocol";
import { PollCard } from "./PollCard";
import classes from "./polls.module.css";

const StaffPolls = lazy(() => import("./StaffPolls"));

const HEADINGS = { open: "polls.running", prepared: "polls.prepared", closed: "polls.closed" } as const;

export function Polls() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const polls = useRoom((room) => room.polls.polls);
  if (staff) {
    return (
      <Suspense>
        <StaffPolls />
      </Suspense>
    );
  }
  return (
    <section className={common.panel} aria-labelledby="polls-title">
      <header className={common.panelHead}>
        <h2 id="polls-title">{t("polls.title")}</h2>
      </header>
      <div className={common.scroll}>
        {polls.length === 0 && <Empty icon={IconChartBar} title={t("polls.empty")} text={t("polls.emptyText")} />}
        <PollGroups polls={polls} draw={(poll) => <PollCard poll={poll} />} />
      </div>
    </section>
  );
}

export function PollGroups({ polls, draw }: { polls: readonly PollView[]; draw: (poll: PollView) => React.ReactNode }) {
  const { t } = useTranslation();
  const groups = useMemo(() => grouped(polls), [polls]);
  return groups.map(([state, members]) => (
    <div key={state} className={classes.group}>
      <p className={classes.groupName}>{t(HEADINGS[state])}</p>
      {members.map((poll) => (
        <div key={poll.id}>{draw(poll)}</div>
      ))}
    </div>
  ));
}

function grouped(polls: readonly PollView[]): readonly (readonly [PollState, readonly PollView[]])[] {
  const of = (state: PollState): readonly PollView[] => polls.filter((poll) => poll.state === state);
  const closed = [...of("closed")].sort((one, other) => (other.closed_at ?? 0) - (one.closed_at ?? 0));
  return ([["open", of("open")], ["prepared", of("prepared")], ["closed", closed]] as const).filter(([, members]) => members.length > 0);
}
