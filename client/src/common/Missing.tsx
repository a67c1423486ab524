/// In the place of a part that could not be fetched.

import { useTranslation } from "react-i18next";
import { createPortal } from "react-dom";
import classes from "./common.module.css";
import { IconButton } from "./IconButton";
import { IconCloudOff, IconRefreshAlert, IconX } from "./icons";
import { useReload } from "./reach";

interface Props {
  /** The server has another version by now: waiting for this one does not help. */
  readonly gone: boolean;
  /** Over the page, rather than in its place. */
  readonly over: boolean;
  readonly onClose: (() => void) | undefined;
}

export function Missing({ gone, over, onClose }: Props) {
  const { t } = useTranslation();
  const { waits, reload } = useReload();
  const Icon = gone ? IconRefreshAlert : IconCloudOff;
  const card = (
    <div className={classes.missing} data-over={over || undefined} role="status">
      <Icon size={19} />
      <span>{gone && !waits ? t("part.gone") : t("part.away")}</span>
      {gone && !waits && (
        <button type="button" className={classes.outlined} onClick={reload}>
          {t("app.reload")}
        </button>
      )}
      {over && onClose && <IconButton icon={IconX} iconSize={17} label={t("app.close")} onClick={onClose} />}
    </div>
  );
  return over ? createPortal(card, document.body) : card;
}
