/// Which key does what.

import { Modal } from "@mantine/core";
import { useTranslation } from "react-i18next";
import classes from "../doubts.module.css";
import { type Action, ACTIONS } from "./actions";

export function KeysDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const keys: readonly (readonly [string, string])[] = [
    ["j k ↓ ↑", t("moderation.keyMove")],
    ...(Object.keys(ACTIONS) as Action[]).map((action) => [ACTIONS[action].key, t(`moderation.${action}`)] as const),
    ["x", t("moderation.select")],
    ["?", t("moderation.keyHelp")],
  ];
  return (
    <Modal opened onClose={onClose} title={<strong>{t("moderation.keysTitle")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <p className="soft">{t("moderation.keysText")}</p>
      <dl className={classes.keys}>
        {keys.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              {key.split(" ").map((each) => (
                <kbd key={each} className={classes.key}>
                  {each}
                </kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
