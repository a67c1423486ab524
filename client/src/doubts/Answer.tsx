/// The answer to a doubt, in text.

import { useTranslation } from "react-i18next";
import { Prose } from "../common/Prose";
import classes from "./doubts.module.css";

export function Answer({ text }: { text: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.answer}>
      <strong>{t("doubts.answer")}</strong>
      <Prose text={text} />
    </div>
  );
}
