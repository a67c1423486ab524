/// Says that a dialog has gone on with what was written in it before, and offers to begin without it.

import { useTranslation } from "react-i18next";
import classes from "./common.module.css";

export function FromBefore({ onAnew }: { onAnew: () => void }) {
  const { t } = useTranslation();
  return (
    <p className={classes.fromBefore}>
      {t("app.draft")}
      <button type="button" className={classes.outlined} onClick={onAnew}>
        {t("app.startAnew")}
      </button>
    </p>
  );
}
