/// The pinned messages, one at a time, above the list.

import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { useClassroom } from "../room";
import { IconButton } from "../common/IconButton";
import { IconChevronDown, IconPin, IconPinnedOff } from "../common/icons";
import classes from "./chat.module.css";

export function PinBar({ onJump }: { onJump: (id: number) => void }) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const { replaying } = useClassroom();
  const perform = useDo();
  const pinned = useRoom((room) => room.chat.pinned);
  const [turn, setTurn] = useState(0);
  if (pinned.length === 0) return null;
  // The latest pinned comes first.
  const index = turn % pinned.length;
  const message = pinned[pinned.length - 1 - index];
  if (message === undefined) return null;
  return (
    <div className={classes.pins} role="region" aria-label={t("chat.pinned")}>
      <IconPin size={17} color="var(--now)" />
      <button type="button" className={classes.pinText} onClick={() => onJump(message.id)}>
        <b>{pinned.length > 1 ? t("chat.pinnedCount", { index: index + 1, count: pinned.length }) : t("chat.pinned")}</b>
        <span dir="auto">
          {message.name}: {message.text}
        </span>
      </button>
      {pinned.length > 1 && <IconButton icon={IconChevronDown} label={t("chat.nextPin")} onClick={() => setTurn(turn + 1)} />}
      {staff && !replaying && (
        <IconButton
          icon={IconPinnedOff}
          iconSize={18}
          label={t("chat.unpin")}
          onClick={() => perform({ type: "chat.pin", id: message.id, on: false })}
        />
      )}
    </div>
  );
}
