/// Emoji to the whole class: they rise over the stage and are gone.

import { useCallback, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { CHAT_EMOJI } from "../protocol";
import { useReactions, useSignal } from "../room";
import classes from "./classroom.module.css";

const RISES = 2_600; // ms
const MOST = 24; // at once
const PER_BURST = 6; // of one emoji, however many sent it
const BETWEEN = 400; // ms between two of mine

interface Rising {
  readonly id: number;
  readonly emoji: string;
  readonly left: number;
  readonly delay: number;
}

export function ReactionBar() {
  const { t } = useTranslation();
  const signal = useSignal();
  const live = useRoom((room) => room.roster.phase === "live");
  const [rising, setRising] = useState<readonly Rising[]>([]);
  const last = useRef(0);
  const sent = useRef(0);

  useReactions(
    useCallback((counts: Readonly<Record<string, number>>) => {
      const burst = Object.entries(counts).flatMap(([emoji, count]) =>
        Array.from({ length: Math.min(PER_BURST, count) }, () => {
          last.current += 1;
          return { id: last.current, emoji, left: 8 + Math.random() * 84, delay: Math.random() * 350 };
        }),
      );
      const ids = new Set(burst.map(({ id }) => id));
      setRising((before) => [...before, ...burst].slice(-MOST));
      setTimeout(() => setRising((before) => before.filter(({ id }) => !ids.has(id))), RISES + 400);
    }, []),
  );

  function react(emoji: string): void {
    if (Date.now() - sent.current < BETWEEN) return;
    sent.current = Date.now();
    signal({ type: "react", emoji });
  }

  return (
    <>
      <div className={classes.rising} aria-hidden="true">
        {rising.map(({ id, emoji, left, delay }) => (
          <span key={id} style={{ left: `${left}%`, animationDelay: `${delay}ms` }}>
            {emoji}
          </span>
        ))}
      </div>
      {live && (
        <div className={classes.emoji} role="group" aria-label={t("class.react")}>
          {CHAT_EMOJI.map((emoji) => (
            <button key={emoji} type="button" aria-label={t("chat.reactWith", { emoji })} onClick={() => react(emoji)}>
              {emoji}
            </button>
          ))}
        </div>
      )}
    </>
  );
}
