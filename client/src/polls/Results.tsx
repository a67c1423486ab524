/// A poll's tally as bars, or for texts as words by size; and as a table for whoever wants one.

import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { IconCheck, IconUserCheck } from "../common/icons";
import { Tag } from "../common/small";
import { useFormat } from "../i18n/format";
import type { PollView, Tally } from "../protocol";
import classes from "./polls.module.css";
import { type Bar, barsOf, meanOf } from "./results";

interface Props {
  readonly poll: PollView;
  readonly tally: Tally;
  /** What I chose, and wrote. */
  readonly mine: readonly number[];
  readonly wrote?: string | null | undefined;
  /** On the stage, larger and without the table. */
  readonly large?: boolean;
}

export function Results({ poll, tally, mine, wrote, large = false }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [table, setTable] = useState(false);
  const bars = poll.spec.kind === "text" ? wordBars(tally, wrote) : barsOf(poll, tally, mine);
  const mean = poll.spec.kind === "rating" ? meanOf(tally) : null;
  const said = bars.map(({ label, count, share }) => t("polls.chartItem", { label, count, percent: format.percent(share) }));
  const Chart = poll.spec.kind === "text" ? Words : Bars;
  return (
    <div className={classes.results} data-large={large || undefined}>
      {tally.voters === 0 ? (
        <p className="soft">{t("polls.noVotes")}</p>
      ) : (
        <Chart bars={bars} label={t("polls.chart", { question: poll.spec.question, text: said.join(", ") })} />
      )}
      <div className={classes.sum}>
        <span className="numbers">{t("polls.voters", { count: tally.voters, formatted: format.number(tally.voters) })}</span>
        {mean !== null && <span>{t("polls.average", { value: mean.toFixed(1), scale: poll.spec.scale ?? 5 })}</span>}
        {!large && tally.voters > 0 && (
          <Button variant="subtle" color="gray" c="var(--ink-soft)" size="compact-xs" mih={28} aria-expanded={table} onClick={() => setTable(!table)}>
            {table ? t("polls.hideTable") : t("polls.table")}
          </Button>
        )}
      </div>
      {table && <Table bars={bars} question={poll.spec.question} />}
    </div>
  );
}

function Bars({ bars, label }: { bars: readonly Bar[]; label: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div role="img" aria-label={label} className={classes.bars}>
      {bars.map((bar, index) => (
        <div key={index} className={classes.bar} data-right={bar.right || undefined} data-mine={bar.mine || undefined}>
          <div className={classes.barHead}>
            <span dir="auto">{bar.label}</span>
            {bar.right && (
              <Tag tone="accent" icon={IconCheck}>
                {t("polls.right")}
              </Tag>
            )}
            {bar.mine && <Tag icon={IconUserCheck}>{t("polls.yours")}</Tag>}
            <b className="numbers">{format.percent(bar.share)}</b>
            <small className="numbers soft">{format.number(bar.count)}</small>
          </div>
          <div className={classes.track}>
            <div style={{ width: `${bar.share * 100}%` }} />
          </div>
        </div>
      ))}
    </div>
  );
}

function wordBars({ words, voters }: Tally, wrote: string | null | undefined): readonly Bar[] {
  const own = wrote?.trim().toLocaleLowerCase();
  return words.map(([label, count]) => ({
    label,
    count,
    share: voters > 0 ? count / voters : 0,
    right: false,
    mine: label.toLocaleLowerCase() === own,
  }));
}

function Words({ bars, label }: { bars: readonly Bar[]; label: string }) {
  const format = useFormat();
  const most = Math.max(...bars.map(({ count }) => count));
  return (
    <div role="img" aria-label={label} className={classes.words}>
      {bars.slice(0, 40).map(({ label: word, count, mine }) => (
        <span key={word} data-mine={mine || undefined} style={{ fontSize: `${0.85 + 0.95 * Math.sqrt(count / most)}em` }} dir="auto">
          {word}
          {count > 1 && <small className="numbers">{format.number(count)}</small>}
        </span>
      ))}
    </div>
  );
}

function Table({ bars, question }: { bars: readonly Bar[]; question: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <table className={classes.table}>
      <caption className="hidden-but-read">{question}</caption>
      <thead>
        <tr>
          <th scope="col">{t("polls.option")}</th>
          <th scope="col">{t("polls.count")}</th>
          <th scope="col">{t("polls.percent")}</th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ label, count, share }, index) => (
          <tr key={index}>
            <th scope="row" dir="auto">
              {label}
            </th>
            <td className="numbers">{format.number(count)}</td>
            <td className="numbers">{format.percent(share)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
