/// One poll as its voters see it: before voting, after it, and with its results.

import { useTranslation } from "react-i18next";
import { useMyPart } from "../app/live";
import { IconCircleCheck, IconCircleX, IconEyeOff, IconUser } from "../common/icons";
import { Tag } from "../common/small";
import { useFormat } from "../i18n/format";
import type { PollView } from "../protocol";
import { useClassroom } from "../room";
import { Countdown } from "./Countdown";
import { Over } from "./Over";
import classes from "./polls.module.css";
import { Results } from "./Results";
import { wasRight } from "./results";
import { useStanding } from "./standing";
import { useVote } from "./useVote";
import { VoteForm } from "./VoteForm";

interface Props {
  readonly poll: PollView;
  readonly large?: boolean;
  /** The heading's level. */
  readonly level?: 3 | 2;
}

export function PollCard({ poll, large = false, level = 3 }: Props) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const { replaying = false } = useClassroom();
  const standing = useStanding(poll);
  const { ballot } = useVote(poll);
  const { spec, state, tally } = poll;
  const secret = spec.secret ?? true;
  const Heading = `h${level}` as const;
  const mayVote = standing === "open" && !staff && !replaying;
  // The stage is often on a projector: there the staff see no more of an open poll than students may.
  const projected = large && staff && (spec.results ?? "closed") !== "live";
  const covered = state === "open" && !mayVote && (projected || tally == null);
  return (
    <div className={classes.poll} data-state={standing} data-large={large || undefined}>
      <div className={classes.tags}>
        <Tag>{t(`polls.kind.${spec.kind}`)}</Tag>
        {!mayVote && <Tag icon={secret ? IconEyeOff : IconUser}>{secret ? t("polls.secretShort") : t("polls.namedShort")}</Tag>}
        {standing === "open" && !replaying && poll.ends_at != null && <Countdown endsAt={poll.ends_at} />}
      </div>
      <Heading className={classes.question} dir="auto">
        {spec.question}
      </Heading>
      {mayVote && (
        <>
          <VoteForm poll={poll} />
          <p className={classes.secrecy}>
            {secret ? <IconEyeOff size={15} /> : <IconUser size={15} />}
            {secret ? t("polls.secret") : t("polls.named")}
          </p>
        </>
      )}
      <Verdict poll={poll} />
      {standing === "over" && <Over poll={poll} />}
      {covered && <Covered poll={poll} />}
      {tally != null && !covered && state !== "prepared" && (mayVote ? ballot !== undefined : true) && (
        <Results poll={poll} tally={tally} mine={ballot?.[1] ?? []} wrote={ballot?.[2]} large={large} />
      )}
      {tally == null && !staff && state !== "prepared" && (ballot !== undefined || state === "closed") && (
        <p className={classes.secrecy}>{spec.results === "staff" ? t("polls.resultsStaff") : standing === "open" && t("polls.resultsLater")}</p>
      )}
    </div>
  );
}

function Covered({ poll: { spec, tally } }: { poll: PollView }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <>
      {(spec.options?.length ?? 0) > 0 && (
        <ul className={classes.plain}>
          {spec.options?.map((option, index) => (
            <li key={index} dir="auto">
              {option}
            </li>
          ))}
        </ul>
      )}
      {tally != null && (
        <p className={classes.soFar}>
          <b className="numbers">{t("polls.voters", { count: tally.voters, formatted: format.number(tally.voters) })}</b>
        </p>
      )}
    </>
  );
}

function Verdict({ poll }: { poll: PollView }) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const { ballot } = useVote(poll);
  if (staff || poll.state !== "closed" || poll.spec.kind !== "quiz") return null;
  const right = wasRight(poll, ballot?.[1]);
  if (right === null) return ballot === undefined ? <p className={classes.state}>{t("polls.youMissed")}</p> : null;
  return (
    <p className={classes.state} data-good={right || undefined} data-bad={!right || undefined}>
      {right ? <IconCircleCheck size={18} /> : <IconCircleX size={18} />}
      {right ? t("polls.youRight") : t("polls.youWrong")}
    </p>
  );
}
