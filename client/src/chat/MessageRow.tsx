/// One message: who, when, what, and what others put on it.

import { memo, type MouseEvent } from "react";
import { useTranslation } from "react-i18next";
import { Avatar } from "../common/Avatar";
import { IconArrowBackUp, IconClock, IconDots, IconEyeOff, IconMessageReply, IconMoodSmile, IconSpeakerphone } from "../common/icons";
import { Prose } from "../common/Prose";
import { RoleTag, Tag } from "../common/small";
import { useFormat } from "../i18n/format";
import type { MessageView } from "../protocol";
import { type Pending, useClassroom, useConnection } from "../room";
import { type Ahead, ahead } from "./ahead";
import classes from "./chat.module.css";

export type Ask = "menu" | "emoji";

export interface RowActions {
  /** Open the menu, or the choice of emoji, at a button. */
  readonly open: (what: Ask, message: MessageView, anchor: HTMLElement) => void;
  readonly reply: (message: MessageView) => void;
  readonly react: (message: MessageView, emoji: string, on: boolean) => void;
  /** Show everybody a message that the room was not shown. */
  readonly promote: (message: MessageView) => void;
  readonly jump: (id: number) => void;
  readonly find: (id: number) => MessageView | undefined;
  readonly nameOf: (id: string) => string | undefined;
}

interface Props {
  readonly message: MessageView;
  readonly first: boolean;
  readonly newDay: boolean;
  /** How many messages were left out before it. */
  readonly skipped: number;
  readonly own: boolean;
  readonly staff: boolean;
  readonly mentioned: boolean;
  /** The emoji that I have put. */
  readonly mine: readonly string[] | undefined;
  /** What I asked for about it, and was not answered yet. */
  readonly waiting: readonly Pending[] | undefined;
  readonly mayWrite: boolean;
  readonly actions: RowActions;
}

export const MessageRow = memo(function MessageRow(props: Props) {
  const { message, first, newDay, skipped, own, staff, mentioned, actions } = props;
  const { t } = useTranslation();
  const format = useFormat();
  const time = format.time(message.at);
  const now = ahead(message, props.mine, props.waiting);
  return (
    <>
      {newDay && (
        <div className={classes.day}>
          <span>{format.day(message.at)}</span>
        </div>
      )}
      {skipped > 0 && <p className={classes.skipped}>{t("chat.skipped", { count: skipped, formatted: format.number(skipped) })}</p>}
      <article
        className={classes.message}
        data-first={first || undefined}
        data-own={own || undefined}
        data-mentioned={mentioned || undefined}
        data-unshown={message.crowd || undefined}
        data-waiting={now.deleted || now.text !== message.text || undefined}
        aria-label={`${message.name}, ${time}`}
      >
        <div className={classes.gutter}>
          {first ? <Avatar id={message.by} name={message.name} size={32} /> : <time className={classes.lateTime}>{time}</time>}
        </div>
        <div className={classes.body}>
          {first && (
            <div className={classes.author}>
              <strong dir="auto">{message.name}</strong>
              {own && <span className="soft">({t("app.you")})</span>}
              <RoleTag role={message.role} />
              {message.promoted != null && <Tag tone="accent">{t("chat.promoted")}</Tag>}
              <time dateTime={new Date(message.at).toISOString()}>{time}</time>
            </div>
          )}
          {message.reply_to != null && <Quoted id={message.reply_to} actions={actions} />}
          <div className={classes.text}>
            <Prose text={now.text} names={namesIn(message, actions)} />
            {now.edited && <span className={classes.edited}> ({t("chat.edited")})</span>}
            {mentioned && <span className="hidden-but-read"> ({t("chat.mentioned")})</span>}
            {message.crowd && staff && (
              <span className={classes.unshown} title={t("chat.unshownStaff")}>
                <IconEyeOff size={14} />
                <span className="hidden-but-read">{t("chat.unshownStaff")}</span>
              </span>
            )}
          </div>
          {message.crowd && !staff && (
            <p className={classes.unshownOwn}>
              <IconEyeOff size={14} />
              {t("chat.unshownOwn")}
            </p>
          )}
          <Reactions {...props} now={now} />
          {props.waiting && <Waits deleted={now.deleted} />}
        </div>
        <Tools {...props} />
      </article>
    </>
  );
});

function namesIn({ mentions }: MessageView, { nameOf }: RowActions): readonly string[] {
  return (mentions ?? []).map(nameOf).filter((name) => name !== undefined);
}

function Quoted({ id, actions }: { id: number; actions: RowActions }) {
  const { t } = useTranslation();
  const quoted = actions.find(id);
  if (quoted === undefined) return <div className={classes.quote}>{t("chat.replyGone")}</div>;
  return (
    <button type="button" className={classes.quote} onClick={() => actions.jump(quoted.id)}>
      <IconArrowBackUp size={14} />
      <b dir="auto">{quoted.name}</b> <span dir="auto">{quoted.text}</span>
    </button>
  );
}

/** While there is a connection it is done in a moment: that needs no words. */
function Waits({ deleted }: { deleted: boolean }) {
  const { t } = useTranslation();
  const { phase } = useConnection();
  if (phase === "live" || phase === "degraded") return null;
  return (
    <div className={classes.fate}>
      <span>
        <IconClock size={14} /> {deleted ? t("chat.deletedLater") : t("chat.changedLater")}
      </span>
    </div>
  );
}

function Reactions({ message, now, mayWrite, actions }: Props & { readonly now: Ahead }) {
  const { t } = useTranslation();
  const format = useFormat();
  const put = Object.entries(now.reactions);
  if (put.length === 0) return null;
  return (
    <div className={classes.reactions}>
      {put.map(([emoji, count]) => {
        const on = now.mine.includes(emoji);
        return (
          <button
            key={emoji}
            type="button"
            className={classes.reaction}
            aria-pressed={on}
            aria-label={t("chat.reaction", { emoji, count })}
            disabled={!mayWrite}
            onClick={() => actions.react(message, emoji, !on)}
          >
            {emoji} <span className="numbers">{format.number(count)}</span>
          </button>
        );
      })}
    </div>
  );
}

function Tools({ message, staff, mayWrite, actions }: Props) {
  const { t } = useTranslation();
  const { replaying } = useClassroom();
  if (replaying) return null;
  const ask = (what: Ask) => (event: MouseEvent<HTMLElement>) => actions.open(what, message, event.currentTarget);
  return (
    <div className={classes.tools}>
      {message.crowd && staff && (
        <button type="button" className={classes.wide} aria-label={t("chat.promote")} title={t("chat.promote")} onClick={() => actions.promote(message)}>
          <IconSpeakerphone size={18} stroke={1.8} />
        </button>
      )}
      {mayWrite && (
        <>
          <button type="button" className={classes.wide} aria-label={t("chat.react")} aria-haspopup="menu" title={t("chat.react")} onClick={ask("emoji")}>
            <IconMoodSmile size={18} stroke={1.8} />
          </button>
          <button type="button" className={classes.wide} aria-label={t("chat.reply")} title={t("chat.reply")} onClick={() => actions.reply(message)}>
            <IconMessageReply size={18} stroke={1.8} />
          </button>
        </>
      )}
      <button type="button" aria-label={t("chat.actions", { name: message.name })} aria-haspopup="menu" title={t("app.more")} onClick={ask("menu")}>
        <IconDots size={18} stroke={1.8} />
      </button>
    </div>
  );
}
