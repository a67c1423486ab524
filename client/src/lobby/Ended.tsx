/// After the class, for this member: left, removed, or banned.

import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useRefusal } from "../app/live";
import { go } from "../app/router";
import { IconBan, IconDoorExit, IconSchool, IconUserMinus } from "../common/icons";
import { Notice } from "../common/Notice";
import { useClassroom, useConnection } from "../room";

const PAGES = {
  stopped: { icon: IconSchool, title: "end.left", text: "end.leftText", back: true },
  removed: { icon: IconUserMinus, title: "end.removed", text: "end.removedText", back: true },
  banned: { icon: IconBan, title: "end.banned", text: "end.bannedText", back: false },
} as const;

export function Ended({ onForget }: { onForget: () => void }) {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const { reason } = useConnection();
  const explain = useRefusal();
  const known = reason !== null && reason.code in PAGES ? PAGES[reason.code as keyof typeof PAGES] : null;
  const said = reason !== null && reason.message !== "" ? explain(reason) : undefined;
  const own = known === null ? said : [t(known.text), reason?.message].filter(Boolean).join(" ");
  return (
    <Notice
      icon={known?.icon ?? IconDoorExit}
      title={known === null ? t("end.elsewhere") : t(known.title)}
      text={reason?.code === "stopped" ? t("end.leftText") : own}
      alert
    >
      {(known?.back ?? true) && <Button onClick={() => classroom.retryNow()}>{t("end.back")}</Button>}
      <Button
        variant="default"
        onClick={() => {
          onForget();
          go("/");
        }}
      >
        {t("lobby.otherRoom")}
      </Button>
    </Notice>
  );
}
