/// What is being written in the chat: a message with what it answers and whom it mentions, and over it, while one of one's own is
/// changed, that change.
///
/// What always holds: it belongs to the room, not to the field, so that a look at another tab, being muted for a while, and a
/// reload leave it as it is; a change does not touch the message that was being written, which is there again after it.

import { useSyncExternalStore } from "react";
import { recall, remember } from "../app/memory";
import { joined, whose } from "../common/useDraft";
import type { ClientCommand, MessageView } from "../protocol";
import { type Classroom, findMessage, type RoomState, useClassroom } from "../room";
import type { Candidate } from "./mentions";

/** What is answered, as far as the field shows it. */
export type Quoted = Pick<MessageView, "id" | "name" | "text">;

export interface Changing {
  readonly id: number;
  readonly text: string;
}

export interface Written {
  readonly text: string;
  readonly reply: Quoted | null;
  readonly chosen: readonly Candidate[];
  readonly edit: Changing | null;
  /** A change that was left for something else without a word: it goes on where it was. */
  readonly left: Changing | null;
  /** How often something was begun from outside of the field, which then is where one goes on. */
  readonly begun: number;
}

const NOTHING: Written = { text: "", reply: null, chosen: [], edit: null, left: null, begun: 0 };

const tab = (): Storage => sessionStorage;

export class Writing {
  readonly #classroom: Classroom;
  readonly #key: string;
  readonly #listeners = new Set<() => void>();

  now: Written;

  constructor(classroom: Classroom) {
    this.#classroom = classroom;
    this.#key = `writing.${whose(classroom.room)}`;
    this.now = parse(recall(this.#key, tab));
  }

  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What stands in the field. */
  get text(): string {
    return this.now.edit?.text ?? this.now.text;
  }

  write(text: string): void {
    const { edit } = this.now;
    this.#set(edit === null ? { text } : { edit: { ...edit, text } });
  }

  mention(person: Candidate): void {
    if (this.now.edit === null) this.#set({ chosen: [...this.now.chosen, person] });
  }

  reply(message: MessageView): void {
    this.#begin({ ...this.#aside(null), reply: quoted(message) });
  }

  change({ id, text }: Changing): void {
    const { left } = this.now;
    // An earlier change may still be on its way.
    const sent = this.#classroom.pending
      .filter(({ state }) => state !== "refused")
      .map(({ command }) => command)
      .findLast((command) => command.type === "chat.edit" && command.id === id);
    const now = sent?.type === "chat.edit" ? sent.text : text;
    this.#begin({ ...this.#aside(id), edit: left?.id === id ? left : { id, text: now } });
  }

  /** Away with the change, or else with what is answered. */
  cancel(): void {
    this.#set(this.now.edit === null ? { reply: null } : { edit: null });
  }

  /** The change, or else the message, is on its way. */
  done(): void {
    this.#set(this.now.edit === null ? { text: "", reply: null, chosen: [] } : { edit: null });
  }

  /** Put what was refused where it is written, after what stands there. */
  takeBack(command: ClientCommand): void {
    const room = this.#classroom.room;
    if (room === null) return;
    if (command.type === "chat.edit" && findMessage(room.chat, command.id) !== undefined) {
      return this.#begin({ ...this.#aside(command.id), edit: { id: command.id, text: command.text } });
    }
    if (command.type !== "chat.say" && command.type !== "chat.edit") return;
    const { text, reply, chosen } = this.now;
    const said = command.type === "chat.say" ? command : null;
    const answered = findMessage(room.chat, said?.reply_to ?? 0);
    this.#begin({
      ...this.#aside(null),
      text: joined(text, command.text),
      reply: reply ?? (answered === undefined ? null : quoted(answered)),
      chosen: [...chosen, ...(said?.mentions ?? []).flatMap((id) => candidate(room, id) ?? [])],
    });
  }

  /** The change that is under way is left for another thing. */
  #aside(next: number | null): Partial<Written> {
    const { edit, left } = this.now;
    const kept = edit !== null && edit.id !== next ? edit : left;
    return { edit: null, left: kept?.id === next ? null : kept };
  }

  #begin(change: Partial<Written>): void {
    this.#set({ ...change, begun: this.now.begun + 1 });
  }

  #set(change: Partial<Written>): void {
    this.now = { ...this.now, ...change };
    const { begun: _, ...kept } = this.now;
    const empty = kept.text === "" && kept.reply === null && kept.edit === null && kept.left === null;
    remember(this.#key, empty ? null : JSON.stringify(kept), tab);
    for (const listener of this.#listeners) listener();
  }
}

function quoted({ id, name, text }: MessageView): Quoted {
  return { id, name, text };
}

function candidate({ roster, chat }: RoomState, id: string): Candidate | undefined {
  const name = roster.people.find((person) => person.id === id)?.name ?? chat.messages.findLast(({ by }) => by === id)?.name;
  return name === undefined ? undefined : { id, name };
}

function parse(text: string | null): Written {
  try {
    return { ...NOTHING, ...(JSON.parse(text ?? "{}") as Partial<Written>) };
  } catch {
    return NOTHING;
  }
}

const known = new WeakMap<Classroom, Writing>();

/** What is being written in this room; `now` of it is drawn anew as it changes. */
export function useWriting(): Writing {
  const classroom = useClassroom();
  let writing = known.get(classroom);
  if (writing === undefined) {
    writing = new Writing(classroom);
    known.set(classroom, writing);
  }
  const found = writing;
  useSyncExternalStore(found.listen, () => found.now);
  return found;
}
