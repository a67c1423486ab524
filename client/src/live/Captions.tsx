/// What is being said, in writing: the newest lines under the picture; for the staff, a field to type them into.

import { TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { useTranslation } from "react-i18next";
import { useDo, useRoom, useServerNow } from "../app/live";
import { recall, remember } from "../app/memory";
import { IconButton } from "../common/IconButton";
import { IconSend } from "../common/icons";
import { CAPTION_TEXT_LIMIT } from "../protocol";
import classes from "./live.module.css";

const STAYS = 20_000; // ms
const SHOWN = 2;
export const SIZES = ["small", "middle", "large"] as const;

export interface CaptionLook {
  readonly on: boolean;
  readonly size: (typeof SIZES)[number];
  /** Screen readers say each line as it comes. */
  readonly aloud: boolean;
}

export function useCaptionLook(): readonly [CaptionLook, (change: Partial<CaptionLook>) => void] {
  const [look, setLook] = useState<CaptionLook>(() => ({
    on: recall("captions") !== "off",
    size: SIZES.find((size) => size === recall("captions.size")) ?? "middle",
    aloud: recall("captions.aloud") === "on",
  }));
  return [
    look,
    (change) => {
      const next = { ...look, ...change };
      remember("captions", next.on ? null : "off");
      remember("captions.size", next.size);
      remember("captions.aloud", next.aloud ? "on" : null);
      setLook(next);
    },
  ];
}

/** The picture that fills the screen: nothing beside it is seen. */
function useFullScreen(): Element | null {
  return useSyncExternalStore(
    (listener) => {
      document.addEventListener("fullscreenchange", listener);
      return () => document.removeEventListener("fullscreenchange", listener);
    },
    () => (document.fullscreenElement?.tagName === "FIGURE" ? document.fullscreenElement : null),
  );
}

export function Captions({ look }: { look: CaptionLook }) {
  const { t } = useTranslation();
  const lines = useRoom((room) => room.captions.lines);
  const newest = lines.at(-1)?.at ?? 0;
  const [ticking, setTicking] = useState(false);
  const now = useServerNow(ticking ? 1_000 : null);
  useEffect(() => setTicking(newest > 0), [newest]);
  const shown = lines.filter(({ at }) => at > now - STAYS).slice(-SHOWN);
  useEffect(() => {
    if (ticking && shown.length === 0 && now > newest + STAYS) setTicking(false);
  }, [ticking, shown.length, now, newest]);
  const full = useFullScreen();
  if (!look.on) return null;
  const written = (
    <div className={classes.captions} data-size={look.size} data-empty={shown.length === 0 || undefined} role="log" aria-live={look.aloud ? "polite" : "off"} aria-label={t("live.captions")}>
      {shown.map(({ id, text }) => (
        <p key={id} dir="auto">
          {text}
        </p>
      ))}
    </div>
  );
  return full === null ? written : createPortal(written, full);
}

export function CaptionField() {
  const { t } = useTranslation();
  const perform = useDo();
  const [text, setText] = useState("");

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const typed = text.trim();
    if (typed === "") return;
    setText("");
    if (!(await perform({ type: "caption.say", text: typed }))) setText((now) => now || typed);
  }

  return (
    <form className={classes.captionField} onSubmit={(event) => void submit(event)}>
      <TextInput flex={1} aria-label={t("live.writeCaption")} placeholder={t("live.writeCaption")} value={text} maxLength={CAPTION_TEXT_LIMIT} onChange={(event) => setText(event.currentTarget.value)} />
      <IconButton type="submit" icon={IconSend} label={t("live.sendCaption")} disabled={text.trim() === ""} />
    </form>
  );
}
