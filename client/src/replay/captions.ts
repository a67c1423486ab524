/// Captions as the log has them: events `caption.…` with a `text`. A log without any has none.

import type { Stamped } from "../protocol";

export interface Caption {
  readonly at: number;
  readonly text: string;
}

const STAYS = 7_000; // ms

export function captionsOf(events: readonly Stamped[]): readonly Caption[] {
  const found: Caption[] = [];
  for (const event of events as readonly { readonly type: string; readonly at: number; readonly text?: unknown }[]) {
    if (event.type.startsWith("caption.") && typeof event.text === "string") found.push({ at: event.at, text: event.text });
  }
  return found;
}

/** What is to be read at a moment of class time; null: nothing. */
export function captionAt(captions: readonly Caption[], at: number): string | null {
  const said = captions.findLast((caption) => caption.at <= at);
  return said !== undefined && at - said.at < STAYS ? said.text : null;
}
