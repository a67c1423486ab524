/// One doubt: its votes, who asks, what it says, where it stands, and the answer.

import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart } from "../app/live";
import { IconEyeOff, IconPin } from "../common/icons";
import { Prose } from "../common/Prose";
import { Tag } from "../common/small";
import { useFormat } from "../i18n/format";
import type { DoubtView } from "../protocol";
import { Answer } from "./Answer";
import classes from "./doubts.module.css";
import { MeToo } from "./MeToo";
import { Receipt } from "./Receipt";
import { StateTag } from "./StateTag";

interface Props {
  readonly doubt: DoubtView;
  readonly own: boolean;
  readonly children?: ReactNode;
  /** Before the votes: a checkbox, for the staff. */
  readonly lead?: ReactNode;
  /** Where every doubt of the list has the same state, it is not said with each. */
  readonly stateless?: boolean;
}

export const DoubtCard = memo(function DoubtCard({ doubt, own, lead, stateless = false, children }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={classes.card} data-state={doubt.state} data-own={own || undefined}>
      <div className={classes.side}>
        {lead}
        <MeToo doubt={doubt} />
      </div>
      <div className={classes.main}>
        <div className={classes.meta}>
          <Asker doubt={doubt} own={own} />
          <time dateTime={new Date(doubt.at).toISOString()}>{format.time(doubt.at)}</time>
          {doubt.pinned && (
            <Tag icon={IconPin} tone="now">
              {t("doubts.pinned")}
            </Tag>
          )}
          {!own && !stateless && doubt.state !== "open" && <StateTag state={doubt.state} />}
        </div>
        <p className={classes.text}>
          <Prose text={doubt.text} />
        </p>
        {doubt.answer && <Answer text={doubt.answer} />}
        {!own && doubt.live && doubt.class_time != null && (
          <p className={classes.when}>{t("doubts.answeredAt", { time: format.clock(doubt.class_time) })}</p>
        )}
        {!own && doubt.state === "dismissed" && doubt.reason && <p className={classes.when}>{doubt.reason}</p>}
        {own && <Receipt doubt={doubt} />}
        {children}
      </div>
    </div>
  );
});

function Asker({ doubt, own }: { doubt: DoubtView; own: boolean }) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  if (own) {
    return (
      <>
        <Tag tone="accent">{t("doubts.own")}</Tag>
        {doubt.anonymous && (
          <span className={classes.hidden} title={t("doubts.anonymous")}>
            <IconEyeOff size={15} /> <span className="hidden-but-read">{t("doubts.anonymous")}</span>
          </span>
        )}
      </>
    );
  }
  if (doubt.name == null) return <strong>{t("doubts.anonymousName")}</strong>;
  return (
    <strong dir="auto">
      {doubt.name}
      {staff && doubt.anonymous && (
        <span className={classes.hidden} title={t("doubts.anonymousStaff", { name: doubt.name })}>
          {" "}
          <IconEyeOff size={15} />
          <span className="hidden-but-read">{t("doubts.anonymousName")}</span>
        </span>
      )}
    </strong>
  );
}
