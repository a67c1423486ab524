/// What everybody should look at now: the doubt being answered, open polls, and for a while what has just been closed.

import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom, useServerNow } from "../app/live";
import { Button } from "@mantine/core";
import { IconButton } from "../common/IconButton";
import { IconChartBar, IconCircleCheck, IconMicrophone, IconX } from "../common/icons";
import { Prose } from "../common/Prose";
import { useFormat } from "../i18n/format";
import type { DoubtView, PollView } from "../protocol";
import { PollCard } from "../polls/PollCard";
import { useOpenPolls } from "../polls/standing";
import classes from "./classroom.module.css";

const RESULTS_STAY = 3 * 60_000; // ms

export type Spot =
  | { readonly key: string; readonly title: string; readonly doubt: DoubtView }
  | { readonly key: string; readonly title: string; readonly poll: PollView };

/** What I have put out of sight. */
const hidden = new Set<string>();

function keyOf({ id, state }: PollView): string {
  return `poll ${id} ${state}`;
}

export function useSpotlight(): readonly Spot[] {
  const doubts = useRoom((room) => room.doubts.doubts);
  const polls = useRoom((room) => room.polls.polls);
  const running = useOpenPolls();
  const answering = useMemo(() => doubts.find(({ state }) => state === "answering"), [doubts]);
  const fresh = polls.some(({ state, tally }) => state === "closed" && tally != null);
  const now = useServerNow(fresh ? 15_000 : null);
  const spots: Spot[] = [];
  if (answering) spots.push({ key: `doubt ${answering.id}`, title: answering.text, doubt: answering });
  const spot = (poll: PollView): Spot => ({ key: keyOf(poll), title: poll.spec.question, poll });
  const open = [...running].sort((one, other) => (other.opened_at ?? 0) - (one.opened_at ?? 0));
  spots.push(...open.map(spot));
  // A result makes room for the next poll.
  const since = Math.max(now - RESULTS_STAY, ...open.map(({ opened_at = 0 }) => opened_at));
  const closed = polls
    .filter(({ state, tally, closed_at = 0 }) => state === "closed" && tally != null && closed_at > since)
    .sort((one, other) => (other.closed_at ?? 0) - (one.closed_at ?? 0))[0];
  return closed === undefined || hidden.has(keyOf(closed)) ? spots : [...spots, spot(closed)];
}

export function lookOf(spot: Spot) {
  if ("doubt" in spot) return { icon: IconMicrophone, label: "stage.answering" } as const;
  return { icon: IconChartBar, label: spot.poll.state === "closed" ? "stage.results" : "stage.pollOpen" } as const;
}

export function Spotlight({ spot }: { spot: Spot }) {
  const { t } = useTranslation();
  const [gone, setGone] = useState(false);
  if (gone) return null;
  const closed = "poll" in spot && spot.poll.state === "closed";
  const { icon: Icon, label: key } = lookOf(spot);
  const label = t(key);
  return (
    <article className={classes.spot} data-now={"doubt" in spot || undefined} data-poll={"poll" in spot || undefined} aria-label={label}>
      <header>
        <Icon size={19} /> <span>{label}</span>
        {closed && (
          <IconButton
            icon={IconX}
            iconSize={17}
            label={t("stage.hide")}
            onClick={() => {
              hidden.add(spot.key); // outlives this card: it is drawn anew when the stage is
              setGone(true);
            }}
          />
        )}
      </header>
      {"doubt" in spot ? <AnsweringNow doubt={spot.doubt} /> : <PollCard poll={spot.poll} large level={2} />}
    </article>
  );
}

function AnsweringNow({ doubt }: { doubt: DoubtView }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { staff } = useMyPart();
  const perform = useDo();
  return (
    <>
      <h2 className={classes.spotText}>
        <Prose text={doubt.text} />
      </h2>
      <div className={classes.spotFoot}>
        <span>
          {doubt.name ?? t("doubts.anonymousName")} · {t("stage.votes", { count: doubt.votes, formatted: format.number(doubt.votes) })}
        </span>
        {staff && (
          <Button size="compact-sm" mih="var(--touch)" leftSection={<IconCircleCheck size={17} />} onClick={() => perform({ type: "doubt.finish", id: doubt.id })}>
            {t("moderation.finish")}
          </Button>
        )}
      </div>
    </>
  );
}
