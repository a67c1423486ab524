/// The place to ask. While one writes, doubts that ask the same are offered to be voted for.

import { Button, Switch, Textarea } from "@mantine/core";
import { type KeyboardEvent, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { recall, remember } from "../app/memory";
import { announce } from "../app/toast";
import { IconSend } from "../common/icons";
import { useDraft, whose } from "../common/useDraft";
import { DOUBT_TEXT_LIMIT } from "../protocol";
import { isPublic, useClassroom, useSend } from "../room";
import classes from "./doubts.module.css";
import { MeToo } from "./MeToo";
import { similar } from "./similar";

const TELL_AT = 150; // characters left from which on they are counted

export function AskBox({ onAsked }: { onAsked: () => void }) {
  const { t } = useTranslation();
  const send = useSend();
  const classroom = useClassroom();
  const allowed = useRoom((room) => room.doubts.anonymous);
  const moderated = useRoom((room) => room.doubts.moderated);
  const [text, setText] = useDraft(`doubt.${whose(classroom.room)}`);
  const [anonymous, setAnonymous] = useState(() => recall("anonymous") === "yes");
  const left = DOUBT_TEXT_LIMIT - [...text.trim()].length;
  const ready = text.trim() !== "" && left >= 0;
  const open = text !== "";

  function ask(): void {
    if (!ready) return;
    // A refusal stays in the list of one's own doubts, with its text.
    void send({ type: "doubt.ask", text, anonymous: anonymous && allowed }).then((ack) => {
      if (ack.ok) announce(t("doubts.sent"));
    });
    setText("");
    onAsked();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing || event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    ask();
  }

  return (
    <form
      className={classes.ask}
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
    >
      <Textarea
        aria-label={t("doubts.ask")}
        placeholder={t("doubts.placeholder")}
        description={open && moderated ? t("doubts.moderated") : null}
        inputWrapperOrder={["label", "input", "description", "error"]}
        error={left < 0 && t("chat.over", { count: -left })}
        autosize
        minRows={1}
        maxRows={6}
        dir="auto"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {open && left >= 0 && left <= TELL_AT && <small className="soft">{t("chat.left", { count: left })}</small>}
      {open && <Similar text={text} onVoted={() => setText("")} />}
      {open && (
        <div className={classes.askLine}>
          {allowed ? (
            <Switch
              label={t("doubts.anonymous")}
              aria-label={t("doubts.anonymous")} // the label has the description in it, too
              description={t("doubts.anonymousHint")}
              checked={anonymous}
              onChange={(event) => {
                setAnonymous(event.currentTarget.checked);
                remember("anonymous", event.currentTarget.checked ? "yes" : null);
              }}
            />
          ) : (
            <small className="soft">{t("doubts.anonymousOff")}</small>
          )}
          <Button type="submit" disabled={!ready} leftSection={<IconSend size={17} />}>
            {t("doubts.send")}
          </Button>
        </div>
      )}
    </form>
  );
}

function Similar({ text, onVoted }: { text: string; onVoted: () => void }) {
  const { t } = useTranslation();
  const doubts = useRoom((room) => room.doubts.doubts);
  const settled = useDeferredValue(text);
  const visible = useMemo(() => doubts.filter((doubt) => isPublic(doubt.state)), [doubts]);
  const alike = useMemo(() => similar(visible, settled), [visible, settled]);
  if (alike.length === 0) return null;
  return (
    <div className={classes.similar} role="group" aria-label={t("doubts.similar")}>
      <strong>{t("doubts.similar")}</strong>
      <ul>
        {alike.map((doubt) => (
          <li key={doubt.id}>
            <MeToo doubt={doubt} onVoted={onVoted} />
            <span dir="auto">{doubt.text}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
