/// The side of a page: tabs, and the panel of the one that is chosen; on a phone the tabs are at the bottom, where the thumb is.

import { type KeyboardEvent, type ReactNode, useRef } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBoundary } from "../app/ErrorBoundary";
import classes from "./classroom.module.css";
import { type Tab, TABS } from "./tabs";

interface Props<Shown extends Tab> {
  readonly shown: readonly Shown[];
  readonly tab: Shown;
  readonly onTab: (tab: Shown) => void;
  /** What stands behind a tab's name. */
  readonly mark?: (tab: Shown) => ReactNode;
  readonly className?: string;
  readonly children: ReactNode;
}

export function SideTabs<Shown extends Tab>({ shown, tab, onTab, mark, className = "", children }: Props<Shown>) {
  const { t } = useTranslation();
  const list = useRef<HTMLDivElement>(null);

  function onKeyDown(event: KeyboardEvent): void {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = shown[(shown.indexOf(tab) + step + shown.length) % shown.length];
    if (step === 0 || next === undefined) return;
    event.preventDefault();
    onTab(next);
    list.current?.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
  }

  return (
    <div className={`${classes.side} ${className}`} id="side" tabIndex={-1}>
      <div ref={list} className={classes.tabs} role="tablist" aria-label={t("tabs.label")} onKeyDown={onKeyDown}>
        {shown.map((each) => {
          const Icon = TABS[each as Tab];
          return (
            <button key={each} id={`tab-${each}`} type="button" role="tab" aria-selected={each === tab} aria-controls="tabpanel" tabIndex={each === tab ? 0 : -1} onClick={() => onTab(each)}>
              <Icon size={20} stroke={1.9} />
              <span>{t(`tabs.${each}`)}</span>
              {mark?.(each)}
            </button>
          );
        })}
      </div>
      <div id="tabpanel" className={classes.tabpanel} role="tabpanel" aria-labelledby={`tab-${tab}`}>
        <ErrorBoundary key={tab}>{children}</ErrorBoundary>
      </div>
    </div>
  );
}
