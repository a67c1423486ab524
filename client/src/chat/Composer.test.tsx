// @vitest-environment happy-dom
/// Writing, over a real connection.

import { afterEach, describe, expect, it } from "vitest";
import type { ChatSay } from "../protocol";
import { usePending } from "../room";
import { Page } from "../testing/page";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, TEACHER } from "../testing/rooms";
import { Chat } from "./Chat";
import { PendingRow } from "./PendingRow";
import { useWriting, type Writing } from "./writing";

let page: Page;

afterEach(() => page.close());

const field = () => page.find<HTMLTextAreaElement>("textarea");

it("Enter sends, and empties the field", async () => {
  page = await Page.open(<Chat />);
  await page.type(field(), "hello");
  await page.key(field(), "Enter");

  await page.until(() => expect(page.server.received).toMatchObject([{ type: "chat.say", text: "hello" }]));
  expect(field().value).toBe("");
});

it("Shift+Enter, and Enter while a script's input method composes, send nothing", async () => {
  page = await Page.open(<Chat />);
  await page.type(field(), "hel");

  expect(await page.key(field(), "Enter", { shiftKey: true })).toBe(true);
  expect(await page.key(field(), "Enter", { isComposing: true })).toBe(true);
  expect(field().value).toBe("hel");
  expect(page.server.received).toEqual([]);
});

it("nothing but spaces is not sent, nor what is too long", async () => {
  page = await Page.open(<Chat />);
  await page.type(field(), "   ");
  await page.key(field(), "Enter");
  await page.type(field(), "x".repeat(2_003));
  await page.key(field(), "Enter");

  expect(page.text).toContain("3 characters too many");
  expect(page.server.received).toEqual([]);
});

it("a name is completed by Enter, and mentioned", async () => {
  const people = [{ id: "t1", name: "Meera Rao", role: "instructor" as const, present: true }];
  page = await Page.open(<Chat />, { state: { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, people } } });
  await page.type(field(), "thanks @me");
  expect(page.find("[role=option]").textContent).toContain("Meera Rao");
  await page.key(field(), "Enter");
  expect(field().value).toBe("thanks @Meera Rao ");
  await page.key(field(), "Enter");

  await page.until(() => expect(page.server.received).toMatchObject([{ text: "thanks @Meera Rao ", mentions: ["t1"] }]));
});

it("what was being written is there again after a reload", async () => {
  page = await Page.open(<Chat />);
  await page.type(field(), "half a sent");
  await page.draw(<p />);
  await page.draw(<Chat />);

  expect(field().value).toBe("half a sent");
});

it("under slow mode one waits, and is told how long", async () => {
  page = await Page.open(<Chat />, {
    state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, slow: 30 } },
    own: { ...EMPTY_OWN, chat: { ...EMPTY_OWN.chat, spoke_at: Date.now() } },
  });
  await page.type(field(), "again");
  await page.key(field(), "Enter");

  expect(page.text).toMatch(/you can write again in 0:(30|29)/);
  expect(page.server.received).toEqual([]);
});

it.each([
  ["closed", { state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, locked: true } } }, "closed the chat"],
  ["over", { state: { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, phase: "ended" as const } } }, "The class has ended"],
  ["not for me", { own: { ...EMPTY_OWN, roster: { muted_until: Date.now() + 60_000 } } }, "You are muted until"],
])("when the chat is %s, the reason stands in the field's place", async (_, welcome, said) => {
  page = await Page.open(<Chat />, welcome);

  expect(page.text).toContain(said);
  expect(page.text).not.toContain("Be the first to say something");
  expect(document.querySelector("textarea")).toBeNull();
});

it("the staff write in a closed chat", async () => {
  page = await Page.open(<Chat />, { me: TEACHER, state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, locked: true } } });

  await page.until(() => expect(page.button("Chat settings")).toBeTruthy());
  expect(field()).toBeTruthy();
});

let desk: Writing;

/** The list draws no rows where nothing has a height: what its rows do is done at the desk. */
function WithDesk() {
  desk = useWriting();
  const waiting = usePending().filter(({ command }) => "text" in command);
  return (
    <>
      <Chat />
      {waiting.map((pending) => (
        <PendingRow key={pending.cid} pending={pending} written={pending.command as ChatSay} mayWrite />
      ))}
    </>
  );
}

async function lookAway(): Promise<void> {
  await page.draw(<p />);
  await page.draw(<WithDesk />);
}

describe("changing a message", () => {
  const own = { id: 1, at: 5, by: ASHA.id, name: ASHA.name, role: ASHA.role, text: "hello" };
  const other = { ...own, id: 2, by: "s2", name: "Ravi", text: "which one?" };

  const opened = () => Page.open(<WithDesk />, { state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, messages: [own, other] } } });

  it("goes on after a look at another tab, and changes that message", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await lookAway();
    expect(page.text).toContain("Editing your message");
    expect(field().value).toBe("hello, all");
    await page.key(field(), "Enter");

    await page.until(() => expect(page.server.received).toMatchObject([{ type: "chat.edit", id: 1, text: "hello, all" }]));
    expect(page.text).not.toContain("Editing your message");
  });

  it("goes on after a reload", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    const kept = { ...sessionStorage };
    await page.close();
    Object.assign(sessionStorage, kept);
    page = await opened();

    expect(page.text).toContain("Editing your message");
    expect(field().value).toBe("hello, all");
  });

  it("leaves alone what was being written, with what it answers", async () => {
    page = await opened();
    await page.perform(() => desk.reply(other));
    await page.type(field(), "the long one");
    await page.perform(() => desk.change(own));
    expect(field().value).toBe("hello");
    await page.key(field(), "Escape");

    expect(field().value).toBe("the long one");
    expect(page.text).toContain("Replying to Ravi");
  });

  it("that is left for an answer goes on where it was", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.perform(() => desk.reply(other));
    expect(field().value).toBe("");
    await page.perform(() => desk.change(own));

    expect(field().value).toBe("hello, all");
  });

  it("that went on and was sent does not come back", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.perform(() => desk.reply(other));
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, everybody");
    await page.key(field(), "Enter");
    await page.perform(() => desk.change(own));

    expect(field().value).not.toBe("hello, all");
  });

  it("is not lost where another one is begun and given up", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.perform(() => desk.change({ id: 3, text: "a third" }));
    await page.key(field(), "Escape");
    await page.perform(() => desk.change(own));

    expect(field().value).toBe("hello, all");
  });

  it("begins with what the message says now, whatever was refused before", async () => {
    page = await opened();
    page.server.onCommand = (_, ack) => ack({ ok: false, code: "muted", message: "You are muted.", temporary: true });
    await page.perform(() => desk.change(own));
    await page.type(field(), "refused");
    await page.key(field(), "Enter");
    await page.until(() => expect(page.text).toContain("Not changed: You are muted."));
    await page.perform(() => desk.change({ ...own, text: "hello again" }));

    expect(field().value).toBe("hello again");
  });

  it("is not shown to who comes next in the same tab", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    const kept = { ...sessionStorage };
    await page.close();
    Object.assign(sessionStorage, kept);
    page = await Page.open(<WithDesk />, { me: TEACHER });

    expect(field().value).toBe("");
  });

  it("outlives a while in which one may not write", async () => {
    page = await opened();
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.perform(() => page.server.say({ type: "chat.configured", slow: 0, locked: true }));
    await page.until(() => expect(document.querySelector("textarea")).toBeNull());
    await page.perform(() => page.server.say({ type: "chat.configured", slow: 0, locked: false }));
    await page.until(() => expect(field().value).toBe("hello, all"));
  });

  it("goes on from a change that is still on its way", async () => {
    page = await opened();
    page.server.onCommand = () => undefined;
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.key(field(), "Enter");
    await page.perform(() => desk.change(own));

    expect(field().value).toBe("hello, all");
  });

  it("that is refused stays to be read, and can be taken back into the field", async () => {
    page = await opened();
    page.server.onCommand = (_, ack) => ack({ ok: false, code: "muted", message: "You are muted.", temporary: true });
    await page.perform(() => desk.change(own));
    await page.type(field(), "hello, all");
    await page.key(field(), "Enter");
    await page.until(() => expect(page.text).toContain("Not changed: You are muted."));
    await page.click(page.button("Edit"));

    expect(page.text).not.toContain("Not changed");
    expect(page.text).toContain("Editing your message");
    expect(field().value).toBe("hello, all");
  });
});

it("what one answers and whom one mentions is still so after a look at another tab", async () => {
  const people = [{ id: "t1", name: "Meera Rao", role: "instructor" as const, present: true }];
  const asked = { id: 1, at: 5, by: "s2", name: "Ravi", role: "student" as const, text: "which one?" };
  const state = { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, messages: [asked] }, roster: { ...EMPTY_VIEW.roster, people } };
  page = await Page.open(<WithDesk />, { state });
  await page.perform(() => desk.reply(asked));
  await page.type(field(), "as @me");
  await page.key(field(), "Enter");
  await lookAway();
  await page.key(field(), "Enter");

  await page.until(() => expect(page.server.received).toMatchObject([{ text: "as @Meera Rao ", reply_to: 1, mentions: ["t1"] }]));
});

it("what came too soon tells when it is sent", async () => {
  page = await Page.open(<WithDesk />);
  page.server.onCommand = (_, ack) => ack({ ok: false, code: "too_fast", message: "Slowly.", temporary: true, until: Date.now() + 9_000 });
  for (const text of ["one", "two"]) {
    await page.type(field(), text);
    await page.key(field(), "Enter");
  }

  await page.until(() => expect(page.text).toMatch(/oneSlow mode: sent in 0:0[89]/));
  expect(page.text).toContain("twoSent after the one before it");
});
