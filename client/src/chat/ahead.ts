/// A message as its reader means it to be: with the changes and reactions of theirs that the server does not have yet.

import type { MessageView } from "../protocol";
import type { Pending } from "../room";

/** What was asked for about messages and not answered yet, by the message. */
export function waitingByMessage(pending: readonly Pending[]): ReadonlyMap<number, readonly Pending[]> {
  const found = new Map<number, Pending[]>();
  for (const each of pending) {
    const { command, state } = each;
    if (state === "refused") continue;
    if (command.type !== "chat.edit" && command.type !== "chat.react" && command.type !== "chat.delete") continue;
    const those = found.get(command.id);
    if (those === undefined) found.set(command.id, [each]);
    else those.push(each);
  }
  return found;
}

export interface Ahead {
  readonly text: string;
  readonly edited: boolean;
  readonly reactions: Readonly<Record<string, number>>;
  readonly mine: readonly string[];
  readonly deleted: boolean;
}

/** The message once what waits for it has been done. */
export function ahead(message: MessageView, mine: readonly string[] = [], waiting: readonly Pending[] = []): Ahead {
  let now: Ahead = { text: message.text, edited: (message.edited_at ?? 0) > 0, reactions: message.reactions ?? {}, mine, deleted: false };
  for (const { command } of waiting) {
    if (command.type === "chat.edit") now = { ...now, text: command.text, edited: true };
    else if (command.type === "chat.delete") now = { ...now, deleted: true };
    else if (command.type === "chat.react") now = reacted(now, command.emoji, command.on ?? true);
  }
  return now;
}

function reacted(now: Ahead, emoji: string, on: boolean): Ahead {
  // Its event may be here before it is settled.
  if (now.mine.includes(emoji) === on) return now;
  const { [emoji]: count = 0, ...others } = now.reactions;
  const next = count + (on ? 1 : -1);
  return {
    ...now,
    reactions: next > 0 ? { ...now.reactions, [emoji]: next } : others,
    mine: on ? [...now.mine, emoji] : now.mine.filter((each) => each !== emoji),
  };
}
