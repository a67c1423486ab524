/// Put a doubt aside, and tell its asker why.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo } from "../../app/live";
import common from "../../common/common.module.css";
import { DOUBT_REASON_LIMIT } from "../../protocol";
import classes from "../doubts.module.css";
import { type DialogProps, Meanwhile, useMeanwhile } from "./Meanwhile";

export function DismissDialog({ doubt, onClose, onSend }: DialogProps) {
  const { t } = useTranslation();
  const perform = useDo();
  const meanwhile = useMeanwhile(doubt);
  const reasons = t("moderation.reasons", { returnObjects: true }) as readonly string[];
  const [reason, setReason] = useState(reasons[0] ?? "");

  function dismiss(): void {
    if (reason.trim() === "") return;
    onClose();
    onSend?.(doubt.id);
    void perform({ type: "doubt.dismiss", id: doubt.id, reason });
  }

  return (
    <Modal opened onClose={onClose} title={<strong>{t("moderation.dismissTitle")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          dismiss();
        }}
      >
        <blockquote className={classes.quoted} dir="auto">
          {doubt.text}
        </blockquote>
        <Meanwhile doubt={meanwhile} />
        <div className={classes.presets} role="group" aria-label={t("moderation.reason")}>
          {reasons.map((preset) => (
            <button key={preset} type="button" className={common.pill} aria-pressed={preset === reason} onClick={() => setReason(preset)}>
              {preset}
            </button>
          ))}
        </div>
        <TextInput
          label={t("moderation.reason")}
          description={t("moderation.dismissHint")}
          value={reason}
          maxLength={DOUBT_REASON_LIMIT}
          data-autofocus
          onFocus={(event) => event.currentTarget.select()}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="lg" gap="sm">
          <Button variant="default" onClick={onClose}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" disabled={reason.trim() === ""}>
            {t("moderation.dismiss")}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
