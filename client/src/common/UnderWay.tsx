/// Says that what was pressed is on its way, or kept until there is a connection again.

import { useTranslation } from "react-i18next";
import { useConnection } from "../room";
import { IconClock, IconWifiOff } from "./icons";
import classes from "./common.module.css";

export function UnderWay() {
  const { t } = useTranslation();
  const { phase } = useConnection();
  const connected = phase === "live" || phase === "degraded";
  return (
    <p className={classes.underWay} role="status">
      {connected ? <IconClock size={17} /> : <IconWifiOff size={17} />}
      {connected ? t("app.sending") : t("app.sentLater")}
    </p>
  );
}
