/// Chat as this member sees it: the fold of the chat events that the server shows them.

import {
  CHAT_CROWD,
  CHAT_KEEP,
  type ChatConfigured,
  type ChatDeleted,
  type ChatEdited,
  type ChatOwn,
  type ChatPinned,
  type ChatPromoted,
  type ChatReacted,
  type ChatSaid,
  type ChatView,
  type Me,
  type MessageView,
  type Stamped,
} from "../protocol";
import { find, ListDraft } from "./list";

export interface ChatState {
  /** Oldest first: those of the welcome, of pages asked for, and all since. Those that the room was not shown are marked. */
  readonly messages: readonly MessageView[];
  readonly pinned: readonly MessageView[];
  /** Whether older messages can be asked for. */
  readonly more: boolean;
  /** Seconds between two messages of a student; 0: off. */
  readonly slow: number;
  /** Whether students may not write. */
  readonly locked: boolean;
  /** How many messages of students a second the room is shown. */
  readonly crowd: number;
  /** The emoji that this member has put, by message id. */
  readonly mine: Readonly<Record<string, readonly string[]>>;
  /** When this member last spoke, as far as slow mode minds (ms since 1970, the server's clock); 0: never, or staff. */
  readonly spoke_at: number;
  /** How many messages are kept; missing: as many as a class needs. */
  readonly keep?: number;
}

export type ChatEvent = ChatSaid | ChatEdited | ChatDeleted | ChatReacted | ChatPinned | ChatPromoted | ChatConfigured;

const TRIM_BY = 1_000;

export function chatFromWelcome(view: ChatView, own: ChatOwn): ChatState {
  const { reactions: mine, spoke_at, messages: unshown } = own;
  const messages = unshown.length > 0 ? [...view.messages, ...unshown].sort((one, other) => one.id - other.id) : view.messages;
  return { ...view, messages, mine, spoke_at };
}

/** The message `id`, also under the id that it had before everybody was shown it. */
export function findMessage({ messages, pinned }: ChatState, id: number): MessageView | undefined {
  return (
    find(messages, id) ?? pinned.find((message) => message.id === id) ?? messages.findLast(({ promoted }) => promoted === id)
  );
}

/** When this member may write again under slow mode (ms since 1970, the server's clock); 0: at once. */
export function mayWriteAt({ slow, spoke_at }: ChatState): number {
  return slow > 0 && spoke_at > 0 ? spoke_at + slow * 1_000 : 0;
}

/** Older messages, as a page of the history gives them. `more`: whether still older ones are there. */
export function withOlder(state: ChatState, older: readonly MessageView[], more: boolean): ChatState {
  const oldest = state.messages[0]?.id ?? Infinity;
  return { ...state, messages: [...older.filter((message) => message.id < oldest), ...state.messages], more };
}

export class ChatDraft {
  #state: ChatState;
  readonly #messages: ListDraft<MessageView>;
  readonly #me: Me;

  constructor(state: ChatState, me: Me) {
    this.#state = state;
    this.#messages = new ListDraft(state.messages);
    this.#me = me;
  }

  apply(event: Stamped<ChatEvent>): void {
    switch (event.type) {
      case "chat.said":
        return this.#said(event);
      case "chat.edited":
        return this.#change(event.id, (message) => ({ ...message, text: event.text, edited_at: event.at }));
      case "chat.deleted":
        return this.#deleted(event.id);
      case "chat.reacted":
        return this.#reacted(event);
      case "chat.pinned":
        return this.#pinned(event);
      case "chat.promoted":
        return this.#promoted(event);
      case "chat.configured":
        return this.#set({ slow: event.slow, locked: event.locked, crowd: event.crowd ?? CHAT_CROWD });
    }
  }

  done(): ChatState {
    const { keep = CHAT_KEEP } = this.#state;
    const more = this.#messages.trim(keep + TRIM_BY, keep) || this.#state.more;
    return { ...this.#state, messages: this.#messages.done(), more };
  }

  #set(change: Partial<ChatState>): void {
    this.#state = { ...this.#state, ...change };
  }

  #said({ seq, at, by, name, role, text, reply_to, mentions, crowd, skipped }: Stamped<ChatSaid>): void {
    this.#messages.put({
      ...{ id: seq, at, by, name, role, text },
      ...(reply_to != null && { reply_to }),
      ...(mentions?.length && { mentions }),
      ...(crowd && { crowd }),
      ...(skipped && { skipped }),
    });
    if (by === this.#me.id && role === "student") this.#set({ spoke_at: at });
  }

  #change(id: number, change: (message: MessageView) => MessageView): void {
    this.#messages.update(id, change);
    if (this.#state.pinned.some((message) => message.id === id)) {
      this.#set({ pinned: this.#state.pinned.map((message) => (message.id === id ? change(message) : message)) });
    }
  }

  #deleted(id: number): void {
    this.#messages.delete(id);
    this.#unpin(id);
    if (id in this.#state.mine) {
      const { [id]: _, ...mine } = this.#state.mine;
      this.#set({ mine });
    }
  }

  #reacted({ id, emoji, count, on = true, by }: ChatReacted): void {
    this.#change(id, (message) => {
      const { [emoji]: _, ...others } = message.reactions ?? {};
      return { ...message, reactions: count > 0 ? { ...message.reactions, [emoji]: count } : others };
    });
    if (by !== this.#me.id) return;
    const { [id]: before = [], ...others } = this.#state.mine;
    const after = on ? [...new Set([...before, emoji])] : before.filter((put) => put !== emoji);
    this.#set({ mine: after.length > 0 ? { ...others, [id]: after.sort() } : others });
  }

  #pinned({ id, on = true, message }: ChatPinned): void {
    this.#unpin(id);
    // The event brings the message: it may be older than those at hand.
    if (on && message != null) this.#set({ pinned: [...this.#state.pinned, message] });
  }

  #promoted({ id, message, reacted = {} }: ChatPromoted): void {
    this.#messages.delete(id);
    this.#messages.put(message);
    // The event says it: what was put there may be older than the messages at hand.
    const mine = Object.keys(reacted).filter((emoji) => reacted[emoji]?.includes(this.#me.id));
    const { [id]: before, ...others } = this.#state.mine;
    if (mine.length > 0) this.#set({ mine: { ...others, [message.id]: mine.sort() } });
    else if (before !== undefined) this.#set({ mine: others });
  }

  #unpin(id: number): void {
    if (this.#state.pinned.some((message) => message.id === id)) {
      this.#set({ pinned: this.#state.pinned.filter((message) => message.id !== id) });
    }
  }
}
