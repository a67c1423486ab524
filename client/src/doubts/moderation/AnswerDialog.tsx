/// Answer a doubt in text, or change the answer.

import { Button, Group, Modal, Textarea } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo } from "../../app/live";
import { FromBefore } from "../../common/FromBefore";
import { UnderWay } from "../../common/UnderWay";
import { whose } from "../../common/useDraft";
import { useKept } from "../../common/useKept";
import { useShown } from "../../common/useShown";
import { DOUBT_ANSWER_LIMIT } from "../../protocol";
import { useClassroom } from "../../room";
import classes from "../doubts.module.css";
import { type DialogProps, Meanwhile, useMeanwhile } from "./Meanwhile";

const AS_IT_IS = { pack: (text: string) => text, unpack: (text: string) => text };

export function AnswerDialog({ doubt, onClose, onSend }: DialogProps) {
  const { t } = useTranslation();
  const perform = useDo();
  const { room } = useClassroom();
  const kept = useKept(`answer.${whose(room)}.${doubt.id}`, () => doubt.answer ?? "", AS_IT_IS);
  const { value: text, write: setText } = kept;
  const [sending, setSending] = useState(false);
  const shown = useShown();
  const changed = useMeanwhile(doubt);
  // What is sent is answered by its own event, too: that is nobody else's.
  const meanwhile = sending && changed?.answer?.trim() === text.trim() ? null : changed;
  const left = DOUBT_ANSWER_LIMIT - [...text.trim()].length;
  const ready = text.trim() !== "" && left >= 0;

  async function answer(): Promise<void> {
    if (!ready || sending) return;
    setSending(true);
    onSend?.(doubt.id);
    // It stays open until the server has it: an answer is too long to type twice.
    kept.forget();
    const done = await perform({ type: "doubt.answer", id: doubt.id, text });
    if (!done) kept.keep();
    if (!shown.current) return;
    setSending(false);
    if (done) onClose();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void answer();
  }

  return (
    <Modal opened onClose={onClose} closeOnClickOutside={!kept.touched} size="lg" title={<strong>{t("moderation.answerTitle")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <blockquote className={classes.quoted} dir="auto">
        {doubt.text}
      </blockquote>
      <Meanwhile doubt={meanwhile} />
      {kept.restored && !sending && <FromBefore onAnew={kept.startAnew} />}
      <Textarea
        label={t("moderation.answerField")}
        autosize
        minRows={4}
        maxRows={14}
        dir="auto"
        value={text}
        error={left < 0 && t("chat.over", { count: -left })}
        readOnly={sending}
        data-autofocus
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {sending && <UnderWay />}
      <Group justify="flex-end" mt="lg" gap="sm">
        <Button variant="default" onClick={onClose}>
          {t("app.cancel")}
        </Button>
        <Button disabled={!ready} loading={sending} onClick={answer}>
          {t(meanwhile?.answer ? "moderation.answerReplace" : "moderation.answerSend")}
        </Button>
      </Group>
    </Modal>
  );
}
