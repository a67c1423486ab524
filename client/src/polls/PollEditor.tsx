/// Write a poll, or change one that is not yet opened. Loaded for the staff alone.

import { Button, Group, Modal, NativeSelect, Switch, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRefusal } from "../app/live";
import { toast } from "../app/toast";
import common from "../common/common.module.css";
import { FromBefore } from "../common/FromBefore";
import { UnderWay } from "../common/UnderWay";
import { whose } from "../common/useDraft";
import { useKept } from "../common/useKept";
import { useShown } from "../common/useShown";
import { useFormat } from "../i18n/format";
import { POLL_QUESTION_LIMIT, POLL_RATING_LIMIT, type PollKind, type Results } from "../protocol";
import { useClassroom, useSend } from "../room";
import { OptionsEditor } from "./OptionsEditor";
import classes from "./polls.module.css";
import { CHOICES, type Draft, DRAFT_FORM, draftOf, faultsOf, specOf } from "./spec";
import type { Editing } from "./StaffPolls";

const KINDS: readonly PollKind[] = ["single", "multiple", "quiz", "rating", "text"];
const SECONDS = [null, 30, 60, 120, 300, 600];
const RESULTS = { live: "polls.resultsLive", closed: "polls.resultsClosed", staff: "polls.resultsNever" } as const;

export default function PollEditor({ editing, onClose }: { editing: Editing; onClose: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const send = useSend();
  const explain = useRefusal();
  const draftKey = useDraftKey(editing);
  const kept = useKept<Draft>(draftKey, () => draftOf(editing.spec), DRAFT_FORM);
  const { value: draft, write: setDraft } = kept;
  const [tried, setTried] = useState(false);
  const [sending, setSending] = useState<"save" | "open" | null>(null);
  const shown = useShown();
  const faults = faultsOf(draft);
  const change = (part: Partial<Draft>): void => setDraft({ ...draft, ...part });

  async function save(open: boolean): Promise<void> {
    setTried(true);
    // One poll, however often it is pressed: each command would make another.
    if (faults.length > 0 || sending !== null) return;
    setSending(open ? "open" : "save");
    kept.forget();
    const spec = specOf(draft);
    const ack = await send(editing.id === null ? { type: "poll.prepare", spec, open } : { type: "poll.revise", id: editing.id, spec, open });
    if (!ack.ok && ack.code !== "stopped") {
      kept.keep();
      toast(explain(ack), "bad");
    }
    if (shown.current) {
      setSending(null);
      if (ack.ok) onClose();
    }
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    void save(false);
  }

  const title = editing.id === null ? t("polls.editorNew") : t("polls.editorEdit");
  return (
    <Modal opened onClose={onClose} closeOnClickOutside={!kept.touched} size="lg" title={<strong>{title}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <form onSubmit={submit} className={classes.editor} noValidate>
        {kept.restored && sending === null && <FromBefore onAnew={kept.startAnew} />}
        <fieldset disabled={sending !== null} className={classes.fields}>
          <Textarea
            label={t("polls.question")}
            autosize
            minRows={1}
            maxRows={5}
            dir="auto"
            maxLength={POLL_QUESTION_LIMIT}
            value={draft.question}
            error={tried && faults.includes("questionMissing") && t("polls.questionMissing")}
            data-autofocus
            onChange={(event) => change({ question: event.currentTarget.value })}
          />
          <div className={classes.kinds} role="group" aria-label={t("polls.kind.label")}>
            {KINDS.map((kind) => (
              <button key={kind} type="button" className={common.pill} aria-pressed={kind === draft.kind} onClick={() => change({ kind })}>
                {t(`polls.kind.${kind}`)}
              </button>
            ))}
          </div>
          {CHOICES.includes(draft.kind) && <OptionsEditor draft={draft} faults={tried ? faults : []} onChange={setDraft} />}
          {draft.kind === "rating" && (
            <NativeSelect
              label={t("polls.scale")}
              value={draft.scale}
              data={Array.from({ length: POLL_RATING_LIMIT - 1 }, (_, index) => String(index + 2))}
              onChange={(event) => change({ scale: Number(event.currentTarget.value) })}
            />
          )}
          <div className={classes.two}>
            <NativeSelect
              label={t("polls.results")}
              value={draft.results}
              data={Object.entries(RESULTS).map(([value, label]) => ({ value, label: t(label) }))}
              onChange={(event) => change({ results: event.currentTarget.value as Results })}
            />
            <NativeSelect
              label={t("polls.seconds")}
              value={draft.seconds ?? ""}
              data={SECONDS.map((seconds) => ({
                value: String(seconds ?? ""),
                label: seconds === null ? t("polls.byHand") : t("polls.after", { time: format.span(seconds) }),
              }))}
              onChange={(event) => change({ seconds: event.currentTarget.value === "" ? null : Number(event.currentTarget.value) })}
            />
          </div>
          <Switch
            label={t("polls.secretSwitch")}
            aria-label={t("polls.secretSwitch")} // the label has the description in it, too: "Off: …, on"
            description={t("polls.secretHint")}
            checked={draft.secret}
            onChange={(event) => change({ secret: event.currentTarget.checked })}
          />
          <Switch
            label={t("polls.changeable")}
            checked={draft.changeable}
            onChange={(event) => change({ changeable: event.currentTarget.checked })}
          />
        </fieldset>
        {sending !== null && <UnderWay />}
        <Group justify="flex-end" gap="sm">
          <Button type="submit" variant="default" loading={sending === "save"} disabled={sending === "open"}>
            {t("polls.saveOnly")}
          </Button>
          <Button type="button" loading={sending === "open"} disabled={sending === "save"} onClick={() => save(true)}>
            {t("polls.saveOpen")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

/** A new poll, each prepared one and each copy have a draft of their own. */
function useDraftKey({ id, spec }: Editing): string {
  const { room } = useClassroom();
  return `poll.${whose(room)}.${id ?? (spec === null ? "new" : `like ${spec.question}`)}`;
}
