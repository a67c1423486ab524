/// Short notices at the edge of the page, and the same words for screen readers.
///
/// What always holds: a notice says one sentence, can be closed, and goes away by itself unless it is about a failure
/// that is still to be read; `announce` says something without showing it.

import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { IconAlertTriangle, IconCheck, IconInfoCircle, IconX } from "../common/icons";
import classes from "./toast.module.css";

export type Tone = "good" | "bad" | "plain";

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly tone: Tone;
  /** ms, `performance.now()`. */
  readonly at: number;
}

const MOST = 3;
const SAID = 5_000; // ms
const AT_ONCE = 1_000; // ms in which what has the same cause comes
const STAYS: Readonly<Record<Tone, number>> = { good: 3_500, plain: 6_000, bad: 8_000 };

let notices: readonly Notice[] = [];
let spoken: readonly { readonly id: number; readonly text: string }[] = [];
let last = 0;
const listeners = new Set<() => void>();

function tell(): void {
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function close(id: number): void {
  notices = notices.filter((notice) => notice.id !== id);
  tell();
}

/** Show a sentence for a while. The same sentence twice is shown once, and said once where it comes many times at once. */
export function toast(text: string, tone: Tone = "plain"): void {
  const id = ++last;
  const at = performance.now();
  const said = notices.some((notice) => notice.text === text && at - notice.at < AT_ONCE);
  notices = [...notices.filter((notice) => notice.text !== text), { id, text, tone, at }].slice(-MOST);
  setTimeout(() => close(id), STAYS[tone]);
  if (said) tell();
  else announce(text);
}

/** Take away what is still shown, and what was said last. */
export function clearToasts(): void {
  notices = [];
  spoken = [];
  tell();
}

/** Say something to screen readers, politely. */
export function announce(text: string): void {
  const id = ++last;
  spoken = [...spoken, { id, text }];
  setTimeout(() => {
    spoken = spoken.filter((each) => each.id !== id);
    tell();
  }, SAID);
  tell();
}

const ICONS = { good: IconCheck, bad: IconAlertTriangle, plain: IconInfoCircle };

export function Toasts() {
  const shown = useSyncExternalStore(subscribe, () => notices);
  const { t } = useTranslation();
  return (
    <div className={classes.toasts}>
      {shown.map(({ id, text, tone }) => {
        const Icon = ICONS[tone];
        return (
          <div key={id} className={classes.toast} data-tone={tone}>
            <Icon size={20} className={classes.icon} />
            <span>{text}</span>
            <button type="button" className={classes.close} aria-label={t("app.close")} onClick={() => close(id)}>
              <IconX size={16} />
            </button>
          </div>
        );
      })}
    </div>
  );
}

/** The polite live region. Each sentence is a part of its own for a moment, so that of two that come together none is lost, and the
 * same one can be said again. */
export function Announcer() {
  const said = useSyncExternalStore(subscribe, () => spoken);
  return (
    <div className="hidden-but-read" role="status" aria-live="polite" aria-atomic="false">
      {said.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
