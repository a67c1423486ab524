/// The options of a poll being written: add, remove, move, mark as right. Enter goes to the next, adding it if need be.

import { Button, Checkbox, TextInput } from "@mantine/core";
import { type KeyboardEvent, useRef } from "react";
import { flushSync } from "react-dom";
import { useTranslation } from "react-i18next";
import { IconButton } from "../common/IconButton";
import { IconChevronDown, IconChevronUp, IconPlus, IconX } from "../common/icons";
import { POLL_OPTION_LIMIT, POLL_OPTIONS_LIMIT } from "../protocol";
import classes from "./polls.module.css";
import { addOption, type Draft, type Fault, moveOption, removeOption, withOption } from "./spec";

interface Props {
  readonly draft: Draft;
  readonly faults: readonly Fault[];
  readonly onChange: (draft: Draft) => void;
}

export function OptionsEditor({ draft, faults, onChange }: Props) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const { options } = draft;
  const fault = faults.find((each) => each !== "questionMissing");

  function focus(place: number): void {
    box.current?.querySelectorAll<HTMLInputElement>("input[type=text]")[place]?.focus();
  }

  function change(next: Draft): void {
    flushSync(() => onChange(next));
  }

  function onKeyDown(event: KeyboardEvent, place: number): void {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    event.preventDefault();
    // At once: the next key is meant for the next option.
    if (place === options.length - 1) change(addOption(draft));
    focus(place + 1);
  }

  return (
    <div ref={box} role="group" aria-label={t("polls.options")} className={classes.options}>
      {options.map(({ key, text, right }, index) => {
        const n = index + 1;
        return (
          <div key={key} className={classes.optionLine}>
            {draft.kind === "quiz" && (
              <Checkbox
                aria-label={t("polls.rightOption", { n })}
                title={t("polls.rightOption", { n })}
                checked={right}
                onChange={(event) => onChange(withOption(draft, index, { right: event.currentTarget.checked }))}
              />
            )}
            <TextInput
              type="text"
              aria-label={t("polls.optionN", { n })}
              placeholder={t("polls.optionN", { n })}
              value={text}
              maxLength={POLL_OPTION_LIMIT}
              dir="auto"
              onChange={(event) => onChange(withOption(draft, index, { text: event.currentTarget.value }))}
              onKeyDown={(event) => onKeyDown(event, index)}
            />
            <IconButton icon={IconChevronUp} label={t("polls.moveUp", { n })} disabled={index === 0} onClick={() => onChange(moveOption(draft, index, index - 1))} />
            <IconButton
              icon={IconChevronDown}
              label={t("polls.moveDown", { n })}
              disabled={index === options.length - 1}
              onClick={() => onChange(moveOption(draft, index, index + 1))}
            />
            <IconButton
              icon={IconX}
              label={t("polls.removeOption", { n })}
              disabled={options.length <= 2}
              onClick={() => {
                change(removeOption(draft, index));
                focus(Math.max(0, index - 1));
              }}
            />
          </div>
        );
      })}
      {fault !== undefined && (
        <p role="alert" style={{ color: "var(--danger)", fontSize: 14 }}>
          {t(`polls.${fault}`)}
        </p>
      )}
      {options.length < POLL_OPTIONS_LIMIT && (
        <Button
          type="button"
          variant="subtle"
          c="var(--accent)"
          size="compact-sm"
          mih="var(--touch)"
          leftSection={<IconPlus size={16} />}
          onClick={() => {
            change(addOption(draft));
            focus(options.length);
          }}
        >
          {t("polls.addOption")}
        </Button>
      )}
    </div>
  );
}
