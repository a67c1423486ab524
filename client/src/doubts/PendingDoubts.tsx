/// My doubts that the server does not have yet, or refused: nothing that was asked is lost without a word.

import { useTranslation } from "react-i18next";
import { useRefusal } from "../app/live";
import { IconAlertTriangle, IconClock } from "../common/icons";
import { Prose } from "../common/Prose";
import { addToDraft, whose } from "../common/useDraft";
import { useVoice } from "../chat/useVoice";
import { useClassroom, useConnection, usePending } from "../room";
import classes from "./doubts.module.css";

export function PendingDoubts() {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const { phase } = useConnection();
  const explain = useRefusal();
  // Whether there is a field to take it back into.
  const mayAsk = useVoice("doubts").kind !== "none";
  const connected = phase === "live" || phase === "degraded";
  return usePending().map(({ cid, command, state, reason }) => {
    if (command.type !== "doubt.ask") return null;
    const refused = state === "refused";
    return (
      <div key={cid} className={classes.waiting} data-bad={refused || undefined}>
        <Prose text={command.text} />
        <p>
          {refused ? <IconAlertTriangle size={15} /> : <IconClock size={15} />}
          {refused
            ? t("doubts.receipt.failed", { reason: reason ? explain(reason) : "" })
            : connected
              ? t("doubts.receipt.sending")
              : t("doubts.receipt.kept")}
        </p>
        {refused && (
          <p>
            <button type="button" onClick={() => classroom.retry(cid)}>
              {t("chat.retry")}
            </button>
            {mayAsk && (
              <button
                type="button"
                onClick={() => {
                  addToDraft(`doubt.${whose(classroom.room)}`, command.text);
                  classroom.dismiss(cid);
                }}
              >
                {t("chat.edit")}
              </button>
            )}
            <button type="button" onClick={() => classroom.dismiss(cid)}>
              {t("chat.discard")}
            </button>
          </p>
        )}
      </div>
    );
  });
}
