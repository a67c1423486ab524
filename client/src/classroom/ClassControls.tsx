/// Start and end the class, after a question. Loaded for instructors alone.

import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../app/live";
import { Confirm } from "../common/Confirm";
import { IconPlayerPlay, IconPlayerStop } from "../common/icons";
import { useOpenPolls } from "../polls/standing";
import classes from "./classroom.module.css";

export default function ClassControls() {
  const { t } = useTranslation();
  const perform = useDo();
  const phase = useRoom((room) => room.roster.phase);
  const polls = useOpenPolls().length;
  const [asking, setAsking] = useState(false);
  const live = phase === "live";
  const name = live ? "end" : phase === "ended" ? "restart" : "start";
  const action = t(`class.${name}`);
  return (
    <>
      <Button
        className={classes.control}
        variant={live ? "default" : "filled"}
        leftSection={live ? <IconPlayerStop size={17} /> : <IconPlayerPlay size={17} />}
        aria-label={action}
        onClick={() => setAsking(true)}
      >
        <span className={classes.long}>{action}</span>
        <span className={classes.short}>{t(`class.${name}Short`)}</span>
      </Button>
      <Confirm
        open={asking}
        title={t(`class.${name}Sure`)}
        text={t(`class.${name}Text`)}
        action={action}
        dangerous={live}
        onClose={() => setAsking(false)}
        onConfirm={() => perform({ type: live ? "class.end" : "class.start" })}
      >
        {live && polls > 0 && <p style={{ marginTop: 12 }}>{t("class.endPolls", { count: polls })}</p>}
      </Confirm>
    </>
  );
}
