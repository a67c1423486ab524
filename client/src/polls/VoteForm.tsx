/// The ballot: choose, send, see that it counts, and change it where that is allowed.

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo } from "../app/live";
import { IconCheck, IconCircleCheck, IconClock } from "../common/icons";
import { POLL_TEXT_LIMIT, type PollView } from "../protocol";
import { useConnection } from "../room";
import classes from "./polls.module.css";
import { useVote } from "./useVote";

export function VoteForm({ poll }: { poll: PollView }) {
  const { t } = useTranslation();
  const perform = useDo();
  const id = useId();
  const { phase } = useConnection();
  const { ballot, waiting, cast } = useVote(poll);
  const { spec } = poll;
  const changeable = spec.changeable ?? true;
  const [changing, setChanging] = useState(false);
  // While it is being filled in; what was cast is shown as it was, wherever that was done.
  const [choice, setChoice] = useState<readonly number[]>([]);
  const [text, setText] = useState("");
  const written = spec.kind === "text";
  const locked = waiting !== undefined || (ballot !== undefined && !changing);
  const ready = written ? text.trim() !== "" : choice.length > 0;
  const shown = locked && cast !== undefined ? cast : { choice, text };

  function vote(event: FormEvent): void {
    event.preventDefault();
    if (!ready) return;
    setChanging(false);
    void perform({ type: "poll.vote", id: poll.id, ...(written ? { text } : { choice }) });
  }

  return (
    <form onSubmit={vote} className={classes.form}>
      <fieldset disabled={locked} className={classes.fieldset}>
        <legend>{legend()}</legend>
        {written ? (
          <TextInput
            aria-label={t("polls.yourText")}
            placeholder={t("polls.yourText")}
            value={shown.text}
            maxLength={POLL_TEXT_LIMIT}
            dir="auto"
            onChange={(event) => setText(event.currentTarget.value)}
          />
        ) : spec.kind === "rating" ? (
          <Scale id={id} scale={spec.scale ?? 5} chosen={shown.choice[0]} onChoose={(point) => setChoice([point])} />
        ) : (
          <Options id={id} poll={poll} chosen={shown.choice} onChoose={setChoice} />
        )}
      </fieldset>
      <div className={classes.formFoot}>
        {waiting !== undefined ? (
          <span className={classes.state} role="status">
            <IconClock size={18} /> {phase === "live" || phase === "degraded" ? t("polls.voting") : t("polls.votingOffline")}
          </span>
        ) : ballot !== undefined && !changing ? (
          <>
            <span className={classes.state} data-good role="status">
              <IconCircleCheck size={18} /> {t("polls.voted")}
            </span>
            {changeable ? (
              <Button
                type="button"
                variant="subtle"
                c="var(--accent)"
                size="compact-sm"
                mih="var(--touch)"
                onClick={() => {
                  setChoice(ballot[1]);
                  setText(ballot[2] ?? "");
                  setChanging(true);
                }}
              >
                {t("polls.change")}
              </Button>
            ) : (
              <small className="soft">{t("polls.final")}</small>
            )}
          </>
        ) : (
          <>
            <Button type="submit" disabled={!ready}>
              {t("polls.vote")}
            </Button>
            {changing && (
              <Button type="button" variant="subtle" color="gray" c="var(--ink-soft)" onClick={() => setChanging(false)}>
                {t("polls.keep")}
              </Button>
            )}
            {!changeable && <small className="soft">{t("polls.final")}</small>}
          </>
        )}
      </div>
    </form>
  );

  function legend(): string {
    switch (spec.kind) {
      case "single":
        return t("polls.chooseOne");
      case "multiple":
        return t("polls.chooseMany");
      case "quiz":
        return t(takesSeveral(poll) ? "polls.chooseSome" : "polls.chooseOne");
      case "rating":
        return t("polls.rate", { scale: spec.scale ?? 5 });
      case "text":
        return t("polls.yourText");
    }
  }
}

/** Whether more than one option may be chosen: of a quiz, only the server knows without telling what is right. */
function takesSeveral({ spec: { kind, several } }: PollView): boolean {
  return kind === "multiple" || (kind === "quiz" && (several ?? false));
}

interface OptionsProps {
  readonly id: string;
  readonly poll: PollView;
  readonly chosen: readonly number[];
  readonly onChoose: (choice: readonly number[]) => void;
}

function Options({ id, poll, chosen, onChoose }: OptionsProps) {
  const many = takesSeveral(poll);
  function toggle(index: number, on: boolean): void {
    if (!many) onChoose([index]);
    else onChoose(on ? [...chosen, index].sort((one, other) => one - other) : chosen.filter((each) => each !== index));
  }
  return (poll.spec.options ?? []).map((option, index) => (
    <label key={index} className={classes.option} data-on={chosen.includes(index) || undefined}>
      <input
        type={many ? "checkbox" : "radio"}
        name={id}
        checked={chosen.includes(index)}
        onChange={(event) => toggle(index, event.currentTarget.checked)}
      />
      <span className={classes.mark} data-round={!many || undefined}>
        <IconCheck size={14} stroke={3} />
      </span>
      <span dir="auto">{option}</span>
    </label>
  ));
}

interface ScaleProps {
  readonly id: string;
  readonly scale: number;
  readonly chosen: number | undefined;
  readonly onChoose: (point: number) => void;
}

function Scale({ id, scale, chosen, onChoose }: ScaleProps) {
  return (
    <div className={classes.scale}>
      {Array.from({ length: scale }, (_, index) => index + 1).map((point) => (
        <label key={point} className={classes.point} data-on={point === chosen || undefined}>
          <input type="radio" name={id} checked={point === chosen} onChange={() => onChoose(point)} />
          <span className="numbers">{point}</span>
        </label>
      ))}
    </div>
  );
}
