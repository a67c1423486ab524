/// The staff's settings of the chat: closed for students, slow mode, how much of a crowd is shown. Loaded for the staff alone.

import { Menu } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../app/live";
import { IconButton } from "../common/IconButton";
import { IconCheck, IconLock, IconLockOpen, IconSettings } from "../common/icons";
import { Tag } from "../common/small";
import { useFormat } from "../i18n/format";

const SLOW = [0, 5, 10, 30, 60, 300]; // seconds
const CROWD = [2, 4, 8, 20]; // messages a second

export default function ChatSettings() {
  const { t } = useTranslation();
  const format = useFormat();
  const perform = useDo();
  const locked = useRoom((room) => room.chat.locked);
  const slow = useRoom((room) => room.chat.slow);
  const crowd = useRoom((room) => room.chat.crowd);
  const rates = CROWD.includes(crowd) ? CROWD : [...CROWD, crowd].sort((one, other) => one - other);
  return (
    <>
      {locked && (
        <Tag tone="bad" icon={IconLock}>
          {t("chat.lockedStaff")}
        </Tag>
      )}
      <Menu>
        <Menu.Target>
          <IconButton icon={IconSettings} label={t("chat.settings")} />
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={locked ? <IconLockOpen size={17} /> : <IconLock size={17} />}
            onClick={() => perform({ type: "chat.configure", locked: !locked })}
          >
            {locked ? t("chat.unlock") : t("chat.lock")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Label>{t("chat.slow")}</Menu.Label>
          {SLOW.map((seconds) => (
            <Menu.RadioItem
              key={seconds}
              value={String(seconds)}
              checked={seconds === slow}
              checkIcon={<IconCheck size={16} />}
              onChange={() => perform({ type: "chat.configure", slow: seconds })}
            >
              {seconds === 0 ? t("chat.slowOff") : t("chat.slowEvery", { time: format.span(seconds) })}
            </Menu.RadioItem>
          ))}
          <Menu.Divider />
          <Menu.Label>{t("chat.crowd")}</Menu.Label>
          {rates.map((rate) => (
            <Menu.RadioItem
              key={rate}
              value={String(rate)}
              checked={rate === crowd}
              checkIcon={<IconCheck size={16} />}
              onChange={() => perform({ type: "chat.configure", crowd: rate })}
            >
              {t("chat.crowdRate", { count: rate })}
            </Menu.RadioItem>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
