/// What can be done about one message, and by the staff about its author.

import { Menu } from "@mantine/core";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { toast } from "../app/toast";
import { AnchoredMenu } from "../common/AnchoredMenu";
import { Confirm } from "../common/Confirm";
import {
  IconCopy,
  IconMessageReply,
  IconMoodSmile,
  IconPencil,
  IconPin,
  IconPinnedOff,
  IconSpeakerphone,
  IconTrash,
} from "../common/icons";
import { part } from "../common/part";
import type { MessageView } from "../protocol";

const PersonItems = part(() => import("../people/PersonItems"), { warm: "staff" });

interface Props {
  readonly message: MessageView;
  readonly anchor: HTMLElement;
  readonly mayWrite: boolean;
  readonly onClose: () => void;
  readonly onReply: (message: MessageView) => void;
  readonly onReact: (message: MessageView) => void;
  readonly onEdit: (message: MessageView) => void;
}

export default function MessageMenu({ message, anchor, mayWrite, onClose, onReply, onReact, onEdit }: Props) {
  const { t } = useTranslation();
  const me = useMyPart();
  const perform = useDo();
  const pinned = useRoom((room) => room.chat.pinned).some(({ id }) => id === message.id);
  const [deleting, setDeleting] = useState(false);
  const own = message.by === me.id;
  const mayDelete = me.staff || (own && mayWrite);

  return (
    <>
      <AnchoredMenu
        anchor={deleting ? null : anchor}
        label={t("chat.actions", { name: message.name })}
        onClose={onClose}
      >
        {mayWrite && (
          <>
            <Menu.Item leftSection={<IconMessageReply size={17} />} onClick={() => onReply(message)}>
              {t("chat.reply")}
            </Menu.Item>
            <Menu.Item leftSection={<IconMoodSmile size={17} />} closeMenuOnClick={false} onClick={() => onReact(message)}>
              {t("chat.react")}
            </Menu.Item>
          </>
        )}
        <Menu.Item leftSection={<IconCopy size={17} />} onClick={() => copy(message.text)}>
          {t("chat.copy")}
        </Menu.Item>
        {own && mayWrite && (
          <Menu.Item leftSection={<IconPencil size={17} />} onClick={() => onEdit(message)}>
            {t("chat.edit")}
          </Menu.Item>
        )}
        {me.staff && message.crowd && (
          <Menu.Item
            leftSection={<IconSpeakerphone size={17} />}
            onClick={() => perform({ type: "chat.promote", id: message.id })}
          >
            {t("chat.promote")}
          </Menu.Item>
        )}
        {me.staff && (
          <Menu.Item
            leftSection={pinned ? <IconPinnedOff size={17} /> : <IconPin size={17} />}
            onClick={() => perform({ type: "chat.pin", id: message.id, on: !pinned })}
          >
            {pinned ? t("chat.unpin") : t("chat.pin")}
          </Menu.Item>
        )}
        {mayDelete && (
          <Menu.Item
            color="var(--danger)"
            leftSection={<IconTrash size={17} />}
            closeMenuOnClick={false}
            onClick={() => setDeleting(true)}
          >
            {t("chat.delete")}
          </Menu.Item>
        )}
        {me.staff && !own && message.role === "student" && (
          <Suspense>
            <Menu.Divider />
            <Menu.Label>{message.name}</Menu.Label>
            <PersonItems person={{ id: message.by, name: message.name, role: message.role }} />
          </Suspense>
        )}
      </AnchoredMenu>
      <Confirm
        open={deleting}
        title={t("chat.deleteSure")}
        text={t("chat.deleteText")}
        action={t("chat.delete")}
        dangerous
        onClose={onClose}
        onConfirm={() => perform({ type: "chat.delete", id: message.id })}
      />
    </>
  );

  function copy(text: string): void {
    navigator.clipboard?.writeText(text).catch(() => toast(t("refused.unavailable"), "bad"));
  }
}
