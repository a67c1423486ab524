/// What is written on a page, for those who hear it.

import { useTranslation } from "react-i18next";
import classes from "./whiteboard.module.css";

export function TextList({ texts }: { texts: readonly string[] }) {
  const { t } = useTranslation();
  if (texts.length === 0) return null;
  return (
    <section className={classes.heard} aria-label={t("board.texts")} tabIndex={-1}>
      <ul>
        {texts.map((text, index) => (
          <li key={index} dir="auto">
            {text}
          </li>
        ))}
      </ul>
    </section>
  );
}
