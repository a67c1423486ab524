/// The staff's settings of doubts. Loaded for the staff alone.

import { Menu } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../../app/live";
import { IconButton } from "../../common/IconButton";
import { IconCheck, IconLock, IconLockOpen, IconSettings } from "../../common/icons";

export default function DoubtSettings() {
  const { t } = useTranslation();
  const perform = useDo();
  const { locked, moderated, anonymous } = useRoom((room) => room.doubts);
  return (
    <Menu>
      <Menu.Target>
        <IconButton icon={IconSettings} label={t("doubts.settings")} />
      </Menu.Target>
      <Menu.Dropdown>
        {locked && <Menu.Label>{t("doubts.lockedStaff")}</Menu.Label>}
        <Menu.Item
          leftSection={locked ? <IconLockOpen size={17} /> : <IconLock size={17} />}
          onClick={() => perform({ type: "doubt.configure", locked: !locked })}
        >
          {locked ? t("doubts.unlock") : t("doubts.lock")}
        </Menu.Item>
        <Menu.CheckboxItem
          checked={moderated}
          checkIcon={<IconCheck size={16} />}
          onChange={(on) => perform({ type: "doubt.configure", moderated: on })}
        >
          {t("doubts.moderate")}
        </Menu.CheckboxItem>
        <Menu.CheckboxItem
          checked={anonymous}
          checkIcon={<IconCheck size={16} />}
          onChange={(on) => perform({ type: "doubt.configure", anonymous: on })}
        >
          {t("doubts.allowAnonymous")}
        </Menu.CheckboxItem>
      </Menu.Dropdown>
    </Menu>
  );
}
