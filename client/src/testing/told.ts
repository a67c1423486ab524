/// A replica, told as the server would tell it to a newcomer, so that the two can be compared.

import { CHAT_OWN_RECENT, CHAT_RECENT, type DoubtView, type PollView, type RoomOwn, type RoomView } from "../protocol";
import { isPublic } from "../room/doubts";
import type { RoomState } from "../room/state";

export interface Told {
  readonly state: RoomView;
  readonly own: RoomOwn;
}

/** What `state` would be as a welcome's parts. */
export function told({ me, roster, chat, doubts, polls, board, stage, captions }: RoomState): Told {
  const staff = me.role !== "student";
  const { muted_until, ...rosterView } = roster;
  const { mine, spoke_at, ...chatView } = chat;
  const unshown = staff ? [] : chat.messages.filter((message) => message.crowd);
  const { asked, voted, ...doubtsView } = doubts;
  return {
    state: {
      roster: rosterView,
      chat: staff ? chatView : { ...chatView, messages: chat.messages.filter((message) => !message.crowd) },
      doubts: {
        ...doubtsView,
        doubts: staff ? doubts.doubts : doubts.doubts.filter((doubt) => isPublic(doubt.state)).map(asOthersSee),
      },
      polls: { polls: polls.polls },
      board,
      stage,
      captions,
    },
    own: {
      roster: { muted_until },
      chat: { reactions: mine, spoke_at, messages: unshown },
      doubts: {
        doubts: staff ? [] : doubts.doubts.filter((doubt) => asked.has(doubt.id)),
        asked: [...asked],
        voted: [...voted],
      },
      polls: { votes: polls.votes },
    },
  };
}

function asOthersSee({ by, name, reason: _, ...doubt }: DoubtView): DoubtView {
  return doubt.anonymous ? doubt : { ...doubt, ...(by != null && { by }), ...(name != null && { name }) };
}

/** One form for what means the same: the newest messages, no tallies of open polls, sets in order, no defaults. */
export function canonical({ state, own }: Told): unknown {
  const messages = state.chat.messages.slice(-CHAT_RECENT);
  const more = state.chat.more || state.chat.messages.length > CHAT_RECENT;
  const first = more ? (messages[0]?.id ?? 0) : 0;
  const unshown = own.chat.messages.filter((message) => message.id >= first).slice(-CHAT_OWN_RECENT);
  const inView = new Set([...messages, ...unshown, ...state.chat.pinned].map((message) => String(message.id)));
  return withoutDefaults({
    state: {
      ...state,
      roster: { ...state.roster, people: [...state.roster.people].sort((one, other) => (one.id < other.id ? -1 : 1)) },
      chat: { ...state.chat, messages, more },
      polls: { polls: state.polls.polls.map(withoutOpenTally) },
    },
    own: {
      ...own,
      chat: { ...own.chat, messages: unshown, reactions: Object.fromEntries(Object.entries(own.chat.reactions).filter(([id]) => inView.has(id))) },
      doubts: { ...own.doubts, asked: ascending(own.doubts.asked), voted: ascending(own.doubts.voted) },
    },
  });
}

function withoutOpenTally({ tally, ...poll }: PollView): PollView {
  return poll.state === "open" || tally == null ? poll : { ...poll, tally };
}

function ascending(ids: readonly number[]): number[] {
  return [...ids].sort((one, other) => one - other);
}

const DEFAULTS: readonly unknown[] = [null, undefined, false, 0, ""];

/** Without the fields that say nothing: the wire leaves most of them out, and it does not matter which. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => !DEFAULTS.includes(inner) && !(typeof inner === "object" && Object.keys(inner ?? {}).length === 0))
      .map(([key, inner]) => [key, withoutDefaults(inner)]),
  );
}
