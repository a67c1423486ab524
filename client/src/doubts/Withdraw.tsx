/// Take back one's own doubt.

import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo } from "../app/live";
import { Confirm } from "../common/Confirm";

export function Withdraw({ id }: { id: number }) {
  const { t } = useTranslation();
  const perform = useDo();
  const [asking, setAsking] = useState(false);
  return (
    <div>
      <Button variant="subtle" color="gray" c="var(--ink-soft)" size="compact-sm" ml={-8} mih="var(--touch)" onClick={() => setAsking(true)}>
        {t("doubts.withdraw")}
      </Button>
      <Confirm
        open={asking}
        title={t("doubts.withdrawSure")}
        text={t("doubts.withdrawText")}
        action={t("doubts.withdraw")}
        dangerous
        onClose={() => setAsking(false)}
        onConfirm={() => perform({ type: "doubt.withdraw", id })}
      />
    </div>
  );
}
