/// The polls: open ones first, then, for the staff, what is prepared, then what was.

import { Suspense, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import common from "../common/common.module.css";
import { IconChartBar } from "../common/icons";
import { part } from "../common/part";
import { Empty } from "../common/small";
import type { PollView } from "../protocol";
import { PollCard } from "./PollCard";
import classes from "./polls.module.css";
import { type Standing, standingOf } from "./standing";

const StaffPolls = part(() => import("./StaffPolls"), { warm: "staff" });

const HEADINGS = { open: "polls.running", over: "polls.over", prepared: "polls.prepared", closed: "polls.closed" } as const;

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
  const ended = useRoom((room) => room.roster.phase === "ended");
  const groups = useMemo(() => grouped(polls, ended), [polls, ended]);
  return groups.map(([standing, members]) => (
    <div key={standing} className={classes.group}>
      <p className={classes.groupName}>{t(HEADINGS[standing])}</p>
      {members.map((poll) => (
        <div key={poll.id}>{draw(poll)}</div>
      ))}
    </div>
  ));
}

function grouped(polls: readonly PollView[], ended: boolean): readonly (readonly [Standing, readonly PollView[]])[] {
  const of = (standing: Standing): readonly PollView[] => polls.filter((poll) => standingOf(poll, ended) === standing);
  const closed = [...of("closed")].sort((one, other) => (other.closed_at ?? 0) - (one.closed_at ?? 0));
  const groups = [["open", of("open")], ["over", of("over")], ["prepared", of("prepared")], ["closed", closed]] as const;
  return groups.filter(([, members]) => members.length > 0);
}
