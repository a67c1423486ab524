/// Says what became of a doubt while a dialog about it is open: several of the staff work on the same ones.

import { useTranslation } from "react-i18next";
import { useRoom } from "../../app/live";
import type { DoubtView } from "../../protocol";
import { find } from "../../room";
import { Answer } from "../Answer";
import classes from "../doubts.module.css";
import { StateTag } from "../StateTag";

export interface DialogProps {
  readonly doubt: DoubtView;
  readonly onClose: () => void;
  /** Something is sent about the doubts with these ids. */
  readonly onSend?: (...ids: number[]) => void;
}

/** The doubt as it is now, where that is another state or another answer than when the dialog was opened. */
export function useMeanwhile(doubt: DoubtView): DoubtView | null {
  const now = useRoom((room) => find(room.doubts.doubts, doubt.id)) ?? doubt;
  return now.state !== doubt.state || now.answer !== doubt.answer ? now : null;
}

export function Meanwhile({ doubt }: { doubt: DoubtView | null }) {
  const { t } = useTranslation();
  return (
    <div role="status">
      {doubt !== null && (
        <div className={classes.meanwhile}>
          <p>
            {t("moderation.meanwhile")} <StateTag state={doubt.state} />
          </p>
          {doubt.answer != null && doubt.answer !== "" && <Answer text={doubt.answer} />}
        </div>
      )}
    </div>
  );
}
