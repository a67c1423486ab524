/// A full page that says one thing, and what can be done about it.

import type { ComponentType, ReactNode } from "react";
import { Preferences } from "./Preferences";
import classes from "./notice.module.css";

interface Props {
  readonly icon: ComponentType<{ size?: number; stroke?: number }>;
  readonly title: string;
  readonly text?: string | undefined;
  /** Above the title. */
  readonly kicker?: string;
  /** Whether screen readers are told at once. */
  readonly alert?: boolean;
  readonly children?: ReactNode;
}

export function Notice({ icon: Icon, title, text, kicker, alert = false, children }: Props) {
  return (
    <div className={classes.page}>
      <header className={classes.corner}>
        <Preferences />
      </header>
      <main className={classes.card}>
        <span className={classes.medal}>
          <Icon size={30} stroke={1.7} />
        </span>
        {kicker && <p className={classes.kicker}>{kicker}</p>}
        <div role={alert ? "alert" : undefined}>
          <h1 tabIndex={-1}>{title}</h1>
          {text && <p className="soft">{text}</p>}
        </div>
        {children && <div className={classes.actions}>{children}</div>}
      </main>
    </div>
  );
}
