/// Rooms and events to start tests from.

import type { Me, RoomEvent, RoomOwn, RoomView, Stamped, Welcome } from "../protocol";

export const ASHA: Me = { id: "s1", name: "Asha", role: "student" };
export const TEACHER: Me = { id: "t1", name: "Meera", role: "instructor" };

export const EMPTY_VIEW: RoomView = {
  roster: { phase: "live", started_at: 1_000, ended_at: 0, hands: [], people: [], listed: true },
  chat: { messages: [], pinned: [], more: false, slow: 0, locked: false, crowd: 4 },
  doubts: { doubts: [], moderated: true, locked: false, anonymous: true },
  polls: { polls: [] },
  board: {
    pages: [{ id: 0, at: 0, count: 0, background: {}, locked: false }],
    ...{ current: 0, open_to: "chosen", chosen: [], spotlight: null },
  },
  stage: { people: [], most: 8 },
  captions: { lines: [] },
};

export const EMPTY_OWN: RoomOwn = {
  roster: { muted_until: 0 },
  chat: { reactions: {}, spoke_at: 0, messages: [] },
  doubts: { doubts: [], asked: [], voted: [] },
  polls: { votes: {} },
};

export function welcomeTo(me: Me, change: Partial<Welcome> = {}): Welcome {
  return {
    room: { id: "physics", title: "Physics" },
    me,
    epoch: "e1",
    pass: "pass",
    key: "key",
    seq: 0,
    now: 1_000_000,
    state: EMPTY_VIEW,
    own: EMPTY_OWN,
    ...change,
  };
}

/** The events with their places: from `first` on, a second apart. */
export function stamped(first: number, ...events: RoomEvent[]): Stamped[] {
  return events.map((event, place) => ({ ...event, seq: first + place, at: (first + place) * 1_000 }));
}

export function said(by: string, text: string): RoomEvent {
  return { type: "chat.said", by, name: by.toUpperCase(), role: "student", text };
}
