/// The dialog behind `Confirm`, which loads it when it is first needed.

import { Button, Group, Modal } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

export interface ConfirmProps {
  readonly open: boolean;
  readonly title: string;
  readonly text?: string | undefined;
  readonly action: string;
  readonly dangerous?: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
  readonly children?: ReactNode;
}

export default function ConfirmDialog({ open, title, text, action, dangerous = false, onClose, onConfirm, children }: ConfirmProps) {
  const { t } = useTranslation();
  function confirm(): void {
    onClose();
    onConfirm();
  }
  return (
    <Modal opened={open} onClose={onClose} title={<strong>{title}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      {text && <p className="soft">{text}</p>}
      {children}
      <Group justify="flex-end" mt="lg" gap="sm">
        <Button variant="default" onClick={onClose}>
          {t("app.cancel")}
        </Button>
        <Button color={dangerous ? "red.8" : undefined} autoContrast={false} onClick={confirm} data-autofocus>
          {action}
        </Button>
      </Group>
    </Modal>
  );
}
