/// The class is over, and can be watched again.

import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { go } from "../app/router";
import common from "../common/common.module.css";
import { IconPlayerPlay } from "../common/icons";
import classes from "./classroom.module.css";

export function Over() {
  const { t } = useTranslation();
  const ended = useRoom((room) => room.roster.phase === "ended");
  const room = useRoom((state) => state.room.id);
  if (!ended) return null;
  return (
    <div className={classes.banner} role="region" aria-label={t("stage.endedTitle")}>
      <span>{t("stage.endedTitle")}</span>
      <button type="button" className={common.outlined} onClick={() => go(`/r/${room}/recording`)}>
        <IconPlayerPlay size={16} /> {t("replay.watch")}
      </button>
    </div>
  );
}
