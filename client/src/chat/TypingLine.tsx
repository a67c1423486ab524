/// Who is writing.

import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import classes from "./chat.module.css";

export function TypingLine() {
  const { t } = useTranslation();
  const typing = useRoom((room) => room.passing.typing);
  const [one, two] = typing;
  return (
    <div className={classes.hint}>
      {typing.length > 2
        ? t("chat.typingMany")
        : one && two
          ? t("chat.typingTwo", { a: one.name, b: two.name })
          : one
            ? t("chat.typingOne", { name: one.name })
            : null}
    </div>
  );
}
