import { describe, expect, it } from "vitest";
import type { RoomEvent, Stamped } from "../protocol";
import { ASHA, said, stamped, TEACHER, welcomeTo } from "../testing/rooms";
import { mayWriteAt, withOlder } from "./chat";
import { applyEvent, applyEvents, applySignal, fadeTyping, fromWelcome, TYPING_FADES } from "./state";

const start = fromWelcome(welcomeTo(ASHA, { seq: 10 }));
const texts = (state: typeof start) => state.chat.messages.map((message) => message.text);

describe("an event", () => {
  it("is passed over when its place was folded already", () => {
    const events = stamped(10, said("s2", "old"), said("s2", "new"));

    const state = applyEvents(start, events);

    expect(texts(state)).toEqual(["new"]);
    expect(applyEvents(state, events)).toBe(state);
  });

  it("takes its place even when nobody here knows its kind", () => {
    const strange = { type: "board.drawn", seq: 11, at: 0 } as unknown as Stamped;

    const state = applyEvent(start, strange);

    expect(state).toEqual({ ...start, seq: 11 });
  });

  it("of a known feature but an unknown kind takes its place too", () => {
    const strange = { type: "chat.sung", seq: 11, at: 0 } as unknown as Stamped;

    expect(applyEvent(start, strange).seq).toBe(11);
  });

  it("may skip places that are hidden from me", () => {
    expect(applyEvents(start, stamped(40, said("s2", "later"))).seq).toBe(40);
  });

  it("leaves the features that it is not about the same objects", () => {
    const state = applyEvents(start, stamped(11, said("s2", "hello")));

    expect(state.doubts).toBe(start.doubts);
    expect(state.polls).toBe(start.polls);
    expect(state.roster).toBe(start.roster);
  });

  it("leaves the other rows of a list the same objects", () => {
    const before = applyEvents(start, stamped(11, said("s2", "one"), said("s2", "two")));

    const after = applyEvents(before, stamped(13, { type: "chat.edited", id: 12, text: "zwei" }));

    expect(after.chat.messages[0]).toBe(before.chat.messages[0]);
    expect(texts(before)).toEqual(["one", "two"]);
    expect(texts(after)).toEqual(["one", "zwei"]);
  });
});

describe("chat", () => {
  it("knows when I may write again under slow mode", () => {
    const slow: RoomEvent = { type: "chat.configured", slow: 30, locked: false };

    const state = applyEvents(start, stamped(11, slow, said("s2", "theirs"), said(ASHA.id, "mine")));

    expect(mayWriteAt(state.chat)).toBe(13_000 + 30_000);
    expect(mayWriteAt(applyEvents(state, stamped(14, { ...slow, slow: 0 })).chat)).toBe(0);
  });

  it("puts older pages before what is at hand, nothing twice", () => {
    const state = applyEvents(start, stamped(11, said("s2", "c"), said("s2", "d")));
    const page = applyEvents(start, stamped(11, said("s2", "c"))).chat.messages;
    const older = page.map((message) => ({ ...message, id: 3, text: "a" }));

    const chat = withOlder(state.chat, [...older, ...page], false);

    expect(chat.messages.map((message) => message.text)).toEqual(["a", "c", "d"]);
  });

  it("forgets the oldest messages past its bound, and says that there are more", () => {
    const many = Array.from({ length: 21_001 }, (_, number) => said("s2", String(number)));

    const state = applyEvents(start, stamped(11, ...many));

    expect(state.chat.messages).toHaveLength(20_000);
    expect(texts(state).at(-1)).toBe("21000");
    expect(state.chat.more).toBe(true);
  });
});

describe("a signal", () => {
  it("tells how many are present", () => {
    expect(applySignal(start, { type: "present", count: 49_999 }, 0).passing.present).toBe(49_999);
  });

  it("of somebody writing fades", () => {
    const state = applySignal(start, { type: "typing_by", id: "s2", name: "Ravi" }, 1_000);

    expect(state.passing.typing.map((typist) => typist.name)).toEqual(["Ravi"]);
    expect(fadeTyping(state, 1_000 + TYPING_FADES - 1)).toBe(state);
    expect(fadeTyping(state, 1_000 + TYPING_FADES).passing.typing).toEqual([]);
  });

  it("of my own writing is no news", () => {
    expect(applySignal(start, { type: "typing_by", id: ASHA.id, name: "Asha" }, 0)).toBe(start);
  });

  it("of a tally changes an open poll, and never a closed one", () => {
    const spec = { question: "?", kind: "single", options: ["a", "b"] } as const;
    const open = applyEvents(start, stamped(11, { type: "poll.opened", id: 5, spec }));
    const tally = { counts: [3, 1], voters: 4, words: [] };
    const exact = { counts: [3, 2], voters: 5, words: [] };

    const counted = applySignal(open, { type: "poll.tally", id: 5, tally }, 0);
    const closed = applyEvents(counted, stamped(12, { type: "poll.closed", id: 5, results: "closed", tally: exact }));

    expect(counted.polls.polls[0]?.tally).toEqual(tally);
    expect(applySignal(closed, { type: "poll.tally", id: 5, tally }, 0).polls).toBe(closed.polls);
    expect(closed.polls.polls[0]?.tally).toEqual(exact);
  });

  it("of a kind unknown here changes nothing", () => {
    expect(applySignal(start, { type: "cursor" } as never, 0)).toBe(start);
  });
});

describe("the roster", () => {
  it("gives me the name that I was given", () => {
    const state = applyEvents(start, stamped(11, { type: "roster.renamed", member: ASHA.id, name: "Asha K" }));

    expect(state.me).toEqual({ ...ASHA, name: "Asha K" });
  });

  it("lists everybody to the staff until they are too many", () => {
    const crowd = (first: number, count: number): RoomEvent => ({
      type: "roster.attended",
      came: Array.from({ length: count }, (_, place) => [`p${first + place}`, "P", "student"] as const),
    });
    const teacher = fromWelcome(welcomeTo(TEACHER));

    const full = applyEvents(teacher, stamped(1, crowd(0, 1_000)));
    const over = applyEvents(full, stamped(2, crowd(1_000, 1)));

    expect([full.roster.people.length, full.roster.listed]).toEqual([1_000, true]);
    expect([over.roster.people.length, over.roster.listed]).toEqual([0, false]);
  });
});
