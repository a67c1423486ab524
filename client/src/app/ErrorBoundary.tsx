/// Catches what breaks while drawing, says so, and offers to load the page again.

import { Button } from "@mantine/core";
import { Component, type ErrorInfo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconRefreshAlert } from "../common/icons";
import { Notice } from "../common/Notice";
import { useReload } from "../common/reach";

interface Props {
  readonly children: ReactNode;
}

export class ErrorBoundary extends Component<Props, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override componentDidCatch(error: Error, info: ErrorInfo): void {
    console.error(error, info.componentStack);
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken() {
  const { t } = useTranslation();
  const { waits, reload } = useReload();
  return (
    <Notice icon={IconRefreshAlert} title={t("app.broken")} text={waits ? t("part.reloads") : t("app.brokenHint")} alert>
      <Button onClick={reload} disabled={waits}>
        {t("app.reload")}
      </Button>
    </Notice>
  );
}
