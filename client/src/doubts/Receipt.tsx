/// What became of my doubt: the way it has gone, step by step, to where it is.

import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { IconCheck, IconCircleX } from "../common/icons";
import { type Format, useFormat } from "../i18n/format";
import type { DoubtView } from "../protocol";
import { find } from "../room";
import { Answer } from "./Answer";
import classes from "./doubts.module.css";

export function Receipt({ doubt }: { doubt: DoubtView }) {
  const { t } = useTranslation();
  const format = useFormat();
  const into = useRoom((room) => (doubt.merged_into == null ? undefined : find(room.doubts.doubts, doubt.merged_into)));
  const moderated = useRoom((room) => room.doubts.moderated);
  const steps = stepsOf(doubt, into, moderated, t, format);
  const bad = doubt.state === "dismissed";
  return (
    <>
      <ol className={classes.receipt} aria-label={t("doubts.receipt.label")}>
        {steps.map((step, index) => {
          const last = index === steps.length - 1;
          return (
            <li key={step} aria-current={last ? "step" : undefined} data-bad={(last && bad) || undefined}>
              {last && bad ? <IconCircleX size={14} /> : <IconCheck size={14} />}
              <span dir="auto">{step}</span>
            </li>
          );
        })}
      </ol>
      {doubt.state === "merged" && into?.answer && <Answer text={into.answer} />}
    </>
  );
}

export function stepsOf(
  doubt: DoubtView,
  into: DoubtView | undefined,
  moderated: boolean,
  t: TFunction,
  format: Pick<Format, "clock">,
): readonly string[] {
  const sent = t("doubts.receipt.sent");
  const approved = moderated ? [sent, t("doubts.receipt.approved")] : [sent];
  switch (doubt.state) {
    case "pending":
      return [sent, t("doubts.receipt.pending")];
    case "open":
      return approved;
    case "answering":
      return [...approved, t("doubts.receipt.answering")];
    case "answered":
      return [...approved, ...answered(doubt, t, format)];
    case "dismissed":
      return [sent, doubt.reason ? t("doubts.receipt.dismissedWhy", { reason: doubt.reason }) : t("doubts.receipt.dismissed")];
    case "withdrawn":
      return [sent, t("doubts.receipt.withdrawn")];
    case "merged":
      return [sent, ...(into ? merged(into, t, format) : [t("doubts.receipt.mergedGone")])];
  }
}

/** A doubt that was merged goes on as the other one does. */
function merged(into: DoubtView, t: TFunction, format: Pick<Format, "clock">): readonly string[] {
  const same = t("doubts.receipt.merged", { text: into.text });
  if (into.state === "answering") return [same, t("doubts.receipt.answering")];
  return into.state === "answered" ? [same, ...answered(into, t, format)] : [same];
}

function answered({ live, class_time, answer }: DoubtView, t: TFunction, format: Pick<Format, "clock">): readonly string[] {
  const spoken = class_time
    ? t("doubts.receipt.answeredAt", { time: format.clock(class_time) })
    : t("doubts.receipt.answeredLive");
  return [...(live ? [spoken] : []), ...(answer ? [t("doubts.receipt.answeredText")] : [])];
}
