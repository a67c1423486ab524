/// Catches what breaks while drawing, says so, and offers to load the page again.

import { Button } from "@mantine/core";
import { Component, type ErrorInfo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { IconRefreshAlert } from "../common/icons";
import { Notice } from "../common/Notice";

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
  return (
    <Notice icon={IconRefreshAlert} title={t("app.broken")} text={t("app.brokenHint")} alert>
      <Button onClick={() => location.reload()}>{t("app.reload")}</Button>
    </Notice>
  );
}
