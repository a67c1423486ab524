/// A poll that was open when the class ended: why nothing more comes of it, and what I voted.

import { useTranslation } from "react-i18next";
import { useMyPart } from "../app/live";
import { IconCircleCheck } from "../common/icons";
import type { PollView } from "../protocol";
import classes from "./polls.module.css";
import { labelOf } from "./results";
import { useVote } from "./useVote";

export function Over({ poll }: { poll: PollView }) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const { ballot } = useVote(poll);
  return (
    <>
      {!staff &&
        (ballot === undefined ? (
          <p className={classes.state}>{t("polls.youMissed")}</p>
        ) : (
          <p className={classes.state} data-good>
            <IconCircleCheck size={18} />
            <span dir="auto">{t("polls.yourVote", { vote: ballot[2] ?? ballot[1].map((index) => labelOf(poll, index)).join(", ") })}</span>
          </p>
        ))}
      <p className={classes.secrecy}>{t(staff ? "polls.overStaff" : "polls.overText")}</p>
    </>
  );
}
