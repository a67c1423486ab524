/// How the connection stands, when it does not stand well: calm, exact, and with something to do.

import { useTranslation } from "react-i18next";
import common from "../common/common.module.css";
import { IconCloudOff, IconHourglass, IconRefresh, IconWifiOff } from "../common/icons";
import { useSecondsUntil } from "../lobby/Entering";
import { useClassroom, useConnection, usePending } from "../room";
import classes from "./classroom.module.css";

export function Banner() {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const { phase, reason, retryAt } = useConnection();
  const waiting = usePending().filter(({ state }) => state !== "refused").length;
  const seconds = useSecondsUntil(retryAt ?? 0);
  if (phase === "live" || phase === "closed" || phase === "refused") return null;
  const restarting = reason?.code === "restarting";
  const Icon = phase === "offline" ? IconWifiOff : phase === "degraded" ? IconHourglass : IconCloudOff;
  return (
    <div className={classes.banner} role="region" aria-label={t(`connection.${KEYS[phase]}`)} data-phase={phase}>
      <Icon size={19} />
      <span>{text()}</span>
      {waiting > 0 && phase !== "degraded" && <b>{t("connection.waiting", { count: waiting })}</b>}
      {phase === "reconnecting" && retryAt !== null && (
        <button type="button" className={common.outlined} onClick={() => classroom.retryNow()}>
          <IconRefresh size={16} /> {t("connection.tryNow")}
        </button>
      )}
    </div>
  );

  function text(): string {
    if (phase === "offline") return t("connection.offlineText");
    if (phase === "degraded") return t("connection.slowText");
    if (restarting) return t("connection.restarting");
    if (phase === "reconnecting" && retryAt !== null) return t("connection.reconnectingIn", { seconds });
    return t("connection.reconnecting");
  }
}

const KEYS = { connecting: "connecting", degraded: "slow", reconnecting: "reconnecting", offline: "offline" } as const;
