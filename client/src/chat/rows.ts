/// What the list of messages shows, row by row.
///
/// What always holds: what the server has comes first, in its order; then what waits to be sent, in the order of writing, and
/// changes of messages that were refused.
/// A row that did not change is the same object, so that it need not be drawn again.
///
/// In a crowd the room is shown a sample; `skipped` of a row is how many messages were left out before it, as far as the
/// reader does not have them. It is told every few seconds, not at every row, which would be as much to read again; where
/// depends on the messages' times alone, so that older pages move nothing.

import type { ChatEdit, ChatSay, MessageView } from "../protocol";
import type { Pending } from "../room";

export type Row =
  | ({ readonly kind: "message"; readonly message: MessageView } & Place)
  | { readonly kind: "pending"; readonly pending: Pending; readonly written: ChatSay | ChatEdit };

interface Place {
  /** Whether the author is named: it does not simply go on from the row before. */
  readonly first: boolean;
  readonly newDay: boolean;
  readonly skipped: number;
}

const TOGETHER = 4 * 60_000; // ms: messages of one author within it stand under one name
const GAP = 5_000; // ms between two rows that tell how many were left out

function sameDay(one: number, other: number): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

function goesOn(message: MessageView, before: MessageView, skipped: number): boolean {
  // One member may have had another name then: two at one computer, or one who was renamed.
  const together = before.by === message.by && before.name === message.name && message.at - before.at <= TOGETHER;
  return together && message.reply_to == null && message.promoted == null && skipped === 0;
}

/** How many were left out before the one at `index`, but for the reader's own. */
function skippedBefore(messages: readonly MessageView[], index: number): number {
  let skipped = messages[index]?.skipped ?? 0;
  for (let at = index - 1; skipped > 0 && messages[at]?.crowd; at -= 1) skipped -= 1;
  return skipped;
}

/** Makes rows for `messages`, keeping those of the last time that are still right. */
export class RowMaker {
  #known = new WeakMap<MessageView, Row & { kind: "message" }>();

  /** `whole`: the reader has all that was said, as the staff do. */
  rows(messages: readonly MessageView[], pending: readonly Pending[], whole = false): readonly Row[] {
    let skipped = 0;
    let now = 0;
    const rows: Row[] = messages.map((message, index) => {
      // What the staff picked was said earlier than what stands before it.
      const before = now;
      now = Math.max(now, message.at);
      if (!whole) skipped += skippedBefore(messages, index);
      const told = Math.floor(before / GAP) === Math.floor(now / GAP) ? 0 : skipped;
      skipped -= told;
      return this.#row(message, messages[index - 1], told);
    });
    for (const each of pending) {
      const { command, state } = each;
      const own = command.type === "chat.say" || (command.type === "chat.edit" && state === "refused");
      if (own) rows.push({ kind: "pending", pending: each, written: command });
    }
    return rows;
  }

  #row(message: MessageView, before: MessageView | undefined, skipped: number): Row {
    const known = this.#known.get(message);
    const first = before === undefined || !goesOn(message, before, skipped);
    const same = known !== undefined && known.skipped === skipped;
    // Whether it begins a day or a group changes only at the edge of what is loaded; a date is dear to compute.
    if (same && before !== undefined && !known.newDay && known.first === first) return known;
    const newDay = before === undefined || !sameDay(before.at, message.at);
    const row = { kind: "message", message, first: first || newDay, newDay, skipped } as const;
    if (same && known.first === row.first && known.newDay === newDay) return known;
    this.#known.set(message, row);
    return row;
  }
}

export function keyOf(row: Row): string | number {
  return row.kind === "message" ? row.message.id : row.pending.cid;
}
