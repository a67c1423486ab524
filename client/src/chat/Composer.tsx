/// The place to write: Enter sends, Shift+Enter begins a new line, `@` offers names, Escape leaves a reply or an edit.

import { Textarea } from "@mantine/core";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart } from "../app/live";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/IconButton";
import { IconArrowBackUp, IconPencil, IconSend, IconX } from "../common/icons";
import { useFormat } from "../i18n/format";
import { CHAT_MENTIONS_LIMIT, CHAT_TEXT_LIMIT } from "../protocol";
import { useClassroom, useSend, useSignal } from "../room";
import classes from "./chat.module.css";
import { type Candidate, candidates, mentionedIn, queryAt } from "./mentions";
import { TypingLine } from "./TypingLine";
import { useVoice } from "./useVoice";
import { useWriting } from "./writing";

const TELL_AT = 200; // characters left from which on they are counted
const TYPING_EVERY = 3_000; // ms

export function Composer() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const classroom = useClassroom();
  const format = useFormat();
  const voice = useVoice();
  const send = useSend();
  const tellTyping = useTyping();
  const id = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const writing = useWriting();
  const { text } = writing;
  const { edit, chosen, begun } = writing.now;
  // While a message is changed, what the next one answers waits with its text.
  const reply = edit === null ? writing.now.reply : null;
  const [caret, setCaret] = useState(0);
  const [pick, setPick] = useState(0);
  const [shut, setShut] = useState<string | null>(null);

  const seen = useRef(begun);
  useEffect(() => {
    // Not where it was begun before, as after a look at another tab: on a phone the keyboard would open.
    if (seen.current !== begun) field.current?.focus();
    seen.current = begun;
  }, [begun]);

  const query = queryAt(text, caret);
  const offered = useMemo(() => {
    if (query === null || classroom.room === null || query.query === shut) return [];
    return candidates(classroom.room, query.query);
  }, [query?.query, query?.at, shut, classroom]);
  const open = offered.length > 0;
  const length = [...text.trim()].length;
  const left = CHAT_TEXT_LIMIT - length;
  const ready = length > 0 && left >= 0 && (voice.kind === "free" || edit !== null);

  function submit(): void {
    if (!ready) return;
    // A refusal stays in the list, under the text itself.
    if (edit !== null) void send({ type: "chat.edit", id: edit.id, text });
    else {
      const mentions = mentionedIn(text, chosen, CHAT_MENTIONS_LIMIT);
      void send({ type: "chat.say", text, ...(reply && { reply_to: reply.id }), ...(mentions.length > 0 && { mentions }) });
    }
    writing.done();
    field.current?.focus();
  }

  function choose(person: Candidate): void {
    if (query === null) return;
    const head = `${text.slice(0, query.at)}@${person.name} `;
    writing.write(head + text.slice(caret));
    writing.mention(person);
    setPick(0);
    requestAnimationFrame(() => {
      field.current?.setSelectionRange(head.length, head.length);
      setCaret(head.length);
    });
  }

  function onKeyDown(event: KeyboardEvent): void {
    // While a script's input method composes, its keys are its own.
    if (event.nativeEvent.isComposing) return;
    const { key } = event;
    if (open && (key === "ArrowDown" || key === "ArrowUp")) {
      event.preventDefault();
      setPick((pick + (key === "ArrowDown" ? 1 : offered.length - 1)) % offered.length);
    } else if (open && (key === "Enter" || key === "Tab")) {
      event.preventDefault();
      choose(offered[pick] ?? (offered[0] as Candidate));
    } else if (key === "Escape") {
      if (open) setShut(query?.query ?? null);
      else writing.cancel();
    } else if (key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      submit();
    }
  }

  const slowed = voice.kind === "slow" && edit === null;
  const hint = slowed ? t("chat.slowWait", { time: format.clock(voice.wait + 999) }) : counted(left);
  return (
    <div className={classes.composer}>
      {open && (
        <ul className={classes.people} role="listbox" id={`${id}-people`} aria-label={t("chat.mentions")}>
          {offered.map((person, index) => (
            <li
              key={person.id}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === pick}
              onPointerDown={(event) => {
                event.preventDefault();
                choose(person);
              }}
            >
              <Avatar id={person.id} name={person.name} size={26} /> <span dir="auto">{person.name}</span>
            </li>
          ))}
        </ul>
      )}
      {hint === null ? (
        <TypingLine />
      ) : (
        <div className={classes.hint} data-bad={left < 0 || undefined} role={left < 0 ? "alert" : undefined} id={`${id}-hint`}>
          {hint}
        </div>
      )}
      {(reply ?? edit) !== null && (
        <div className={classes.replying}>
          {edit ? <IconPencil size={16} /> : <IconArrowBackUp size={16} />}
          <span>
            {edit ? t("chat.editing") : t("chat.replyingTo", { name: reply?.name ?? "" })}
            {reply && <span className="soft"> · {reply.text}</span>}
          </span>
          <IconButton icon={IconX} iconSize={17} label={edit ? t("app.cancel") : t("chat.stopReply")} onClick={() => writing.cancel()} />
        </div>
      )}
      <div className={classes.line}>
        <Textarea
          ref={field}
          id="write"
          aria-label={staff ? t("chat.placeholderStaff") : t("chat.placeholder")}
          placeholder={staff ? t("chat.placeholderStaff") : t("chat.placeholder")}
          autosize
          minRows={1}
          maxRows={6}
          variant="unstyled"
          classNames={{ input: classes.field }}
          value={text}
          dir="auto"
          enterKeyHint="send"
          {...(open && { role: "combobox", "aria-expanded": true, "aria-controls": `${id}-people`, "aria-activedescendant": `${id}-${pick}` })}
          onChange={(event) => {
            const { value, selectionStart } = event.currentTarget;
            writing.write(value);
            setCaret(selectionStart);
            setPick(0);
            setShut(null);
            if (edit === null && value.trim() !== "") tellTyping();
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
          onKeyDown={onKeyDown}
        />
        <IconButton
          icon={IconSend}
          label={edit ? t("app.save") : t("chat.send")}
          variant={ready ? "filled" : "subtle"}
          color={ready ? "pine" : "gray"}
          aria-disabled={!ready}
          onClick={submit}
        />
      </div>
    </div>
  );

  function counted(left: number): string | null {
    if (left < 0) return t("chat.over", { count: -left });
    return left <= TELL_AT ? t("chat.left", { count: left }) : null;
  }
}

/** Tells the others that I am writing, now and then. */
function useTyping(): () => void {
  const signal = useSignal();
  const last = useRef(0);
  return () => {
    if (Date.now() - last.current < TYPING_EVERY) return;
    last.current = Date.now();
    signal({ type: "typing" });
  };
}
