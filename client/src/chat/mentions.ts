/// Completing `@name` while writing.

import type { RoomState } from "../room";

export interface Candidate {
  readonly id: string;
  readonly name: string;
}

const SHOWN = 6;
const RECENT = 400; // messages whose authors are offered

/** What follows the `@` that is being written before `caret`, and where that is; null when none is. */
export function queryAt(text: string, caret: number): { readonly at: number; readonly query: string } | null {
  const before = text.slice(0, caret);
  const at = before.lastIndexOf("@");
  if (at < 0 || (at > 0 && !/[\s(]/.test(before[at - 1] ?? ""))) return null;
  const query = before.slice(at + 1);
  return query.length > 30 || /[\n@]/.test(query) || /\s\S+\s/.test(query) ? null : { at, query };
}

/** People whose name, or a later word of it, begins so: the staff first, then who spoke last. */
export function candidates(room: RoomState, query: string): readonly Candidate[] {
  const wanted = query.toLocaleLowerCase();
  const found = new Map<string, string>();
  const offer = ({ id, name }: Candidate): void => {
    const low = name.toLocaleLowerCase();
    if (id !== room.me.id && !found.has(id) && (low.startsWith(wanted) || low.includes(` ${wanted}`))) found.set(id, name);
  };
  room.roster.people.filter((person) => person.role !== "student").forEach(offer);
  room.chat.messages.slice(-RECENT).reverse().forEach(({ by, name }) => offer({ id: by, name }));
  room.roster.people.forEach(offer);
  return Array.from(found, ([id, name]) => ({ id, name })).slice(0, SHOWN);
}

/** The ids of those whose `@name` is in the text still. */
export function mentionedIn(text: string, chosen: readonly Candidate[], most: number): readonly string[] {
  return [...new Set(chosen.filter(({ name }) => text.includes(`@${name}`)).map(({ id }) => id))].slice(0, most);
}
