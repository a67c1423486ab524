/// A crowd's chat in the replica: what the room is not shown, and what the staff show later.

import { describe, expect, it } from "vitest";
import type { MessageView, RoomEvent } from "../protocol";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, said, stamped, TEACHER, welcomeTo } from "../testing/rooms";
import { findMessage } from "./chat";
import { applyEvents, fromWelcome } from "./state";

const unshown = (by: string, text: string): RoomEvent => ({ ...said(by, text), crowd: true }) as RoomEvent;
const view = (id: number, by: string, more: Partial<MessageView> = {}): MessageView => ({
  ...{ id, at: id * 1_000, by, name: by.toUpperCase(), role: "student", text: `text ${id}` },
  ...more,
});
const promoted = (id: number, place: number): RoomEvent => ({
  type: "chat.promoted",
  id,
  message: view(place, ASHA.id, { at: id * 1_000, promoted: id, reactions: { "👍": 1 } }),
  reacted: { "👍": [TEACHER.id] },
});

describe("my own messages that the room was not shown", () => {
  it("stand among the others after a welcome, by id", () => {
    const { chat } = fromWelcome(
      welcomeTo(ASHA, {
        state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, messages: [view(3, "s2"), view(9, "s3")] } },
        own: { ...EMPTY_OWN, chat: { ...EMPTY_OWN.chat, messages: [view(5, ASHA.id, { crowd: true }), view(11, ASHA.id, { crowd: true })] } },
      }),
    );

    expect(chat.messages.map(({ id }) => id)).toEqual([3, 5, 9, 11]);
  });

  it("count for slow mode, and keep their mark", () => {
    const { chat } = applyEvents(fromWelcome(welcomeTo(ASHA)), stamped(1, unshown(ASHA.id, "me?")));

    expect(chat.messages[0]).toMatchObject({ id: 1, crowd: true });
    expect(chat.spoke_at).toBe(1_000);
  });
});

describe("a message that the staff show everybody", () => {
  const heart: RoomEvent = { type: "chat.reacted", id: 1, emoji: "👍", count: 1, by: TEACHER.id, whose: ASHA.id };
  const log = stamped(1, unshown(ASHA.id, "me?"), said("s2", "hello"), heart, promoted(1, 4));

  it("moves to the end for those who had it, with what I put on it", () => {
    const { chat } = applyEvents(fromWelcome(welcomeTo(TEACHER)), log);

    expect(chat.messages.map(({ id }) => id)).toEqual([2, 4]);
    expect(chat.messages[1]).toMatchObject({ at: 1_000, promoted: 1, reactions: { "👍": 1 } });
    expect(chat.messages[1]).not.toHaveProperty("crowd");
    expect(chat.mine).toEqual({ 4: ["👍"] });
  });

  it("comes with what I put on it to where it was not at hand", () => {
    const { chat } = applyEvents(fromWelcome(welcomeTo(TEACHER)), log.slice(3));

    expect(chat.mine).toEqual({ 4: ["👍"] });
  });

  it("comes to those who did not", () => {
    const { chat } = applyEvents(fromWelcome(welcomeTo({ ...ASHA, id: "s9" })), [log[1], log[3]].flatMap((event) => event ?? []));

    expect(chat.messages.map(({ id }) => id)).toEqual([2, 4]);
    expect(chat.mine).toEqual({});
  });

  it("is found under the id that it had", () => {
    const { chat } = applyEvents(fromWelcome(welcomeTo(TEACHER)), log);

    expect(findMessage(chat, 1)?.id).toBe(4);
    expect(findMessage(chat, 4)?.id).toBe(4);
    expect(findMessage(chat, 3)).toBeUndefined();
  });
});

it("the rate is what the staff say, or the usual one where the event leaves it out", () => {
  const start = fromWelcome(welcomeTo(ASHA));
  const fast = applyEvents(start, stamped(1, { type: "chat.configured", slow: 0, locked: false, crowd: 20 }));

  expect(fast.chat.crowd).toBe(20);
  expect(applyEvents(fast, stamped(2, { type: "chat.configured", slow: 0, locked: false })).chat.crowd).toBe(4);
});
