/// A message that the server does not have yet, or refused; or a change of one, refused.

import { useTranslation } from "react-i18next";
import { useRefusal, useServerNow } from "../app/live";
import { IconAlertTriangle, IconClock } from "../common/icons";
import { Prose } from "../common/Prose";
import { useFormat } from "../i18n/format";
import type { ChatEdit, ChatSay } from "../protocol";
import { type Pending, useClassroom, useConnection } from "../room";
import classes from "./chat.module.css";
import { useWriting } from "./writing";

interface Props {
  readonly pending: Pending;
  readonly written: ChatSay | ChatEdit;
  /** Whether there is a field to take it back into. */
  readonly mayWrite: boolean;
}

export function PendingRow({ pending, written, mayWrite }: Props) {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const writing = useWriting();
  const { phase } = useConnection();
  const explain = useRefusal();
  const refused = pending.state === "refused";
  const connected = phase === "live" || phase === "degraded";
  return (
    <article className={classes.message} data-own data-waiting={!refused || undefined} data-refused={refused || undefined}>
      <div className={classes.gutter}>{refused ? <IconAlertTriangle size={18} /> : <IconClock size={18} />}</div>
      <div className={classes.body}>
        <div className={classes.text}>
          <Prose text={written.text} />
        </div>
        {refused ? (
          <div className={classes.fate}>
            <span>
              {written.type === "chat.edit" ? t("chat.editFailed") : t("chat.failed")}
              {pending.reason && `: ${explain(pending.reason)}`}
            </span>
            <button type="button" onClick={() => classroom.retry(pending.cid)}>
              {t("chat.retry")}
            </button>
            {mayWrite && (
              <button
                type="button"
                onClick={() => {
                  writing.takeBack(written);
                  classroom.dismiss(pending.cid);
                }}
              >
                {t("chat.edit")}
              </button>
            )}
            <button type="button" onClick={() => classroom.dismiss(pending.cid)}>
              {t("chat.discard")}
            </button>
          </div>
        ) : (
          <div className={classes.fate}>{connected ? <Waits pending={pending} /> : t("chat.waiting")}</div>
        )}
      </div>
    </article>
  );
}

/** What a message that is not refused waits for while there is a connection. */
function Waits({ pending: { state, until } }: { pending: Pending }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { clockOffset } = useConnection();
  const left = (until ?? 0) - useServerNow(until === null ? null : 500) + clockOffset;
  if (state !== "queued") return t("chat.pending");
  return left > 0 ? t("chat.slowSent", { time: format.clock(left + 999) }) : t("chat.inTurn");
}
