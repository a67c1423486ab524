/// The choice of emoji to put on a message.

import { Menu } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { AnchoredMenu } from "../common/AnchoredMenu";
import { CHAT_EMOJI, type MessageView } from "../protocol";
import classes from "./chat.module.css";

interface Props {
  readonly message: MessageView;
  readonly anchor: HTMLElement;
  readonly onReact: (message: MessageView, emoji: string, on: boolean) => void;
  readonly onClose: () => void;
}

export default function EmojiMenu({ message, anchor, onReact, onClose }: Props) {
  const { t } = useTranslation();
  const mine = useRoom((room) => room.chat.mine)[message.id] ?? [];
  return (
    <AnchoredMenu anchor={anchor} label={t("chat.react")} onClose={onClose}>
      <div className={classes.emoji}>
        {CHAT_EMOJI.map((emoji) => (
          <Menu.Item
            key={emoji}
            component="button"
            p={0}
            ta="center"
            data-on={mine.includes(emoji) || undefined}
            aria-label={t("chat.reactWith", { emoji })}
            onClick={() => onReact(message, emoji, !mine.includes(emoji))}
          >
            {emoji}
          </Menu.Item>
        ))}
      </div>
    </AnchoredMenu>
  );
}
