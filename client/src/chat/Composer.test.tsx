// @vitest-environment happy-dom
/// Writing, over a real connection.

import { afterEach, expect, it } from "vitest";
import { Page } from "../testing/page";
import { EMPTY_OWN, EMPTY_VIEW, TEACHER } from "../testing/rooms";
import { Chat } from "./Chat";

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
  expect(document.querySelector("textarea")).toBeNull();
});

it("the staff write in a closed chat", async () => {
  page = await Page.open(<Chat />, { me: TEACHER, state: { ...EMPTY_VIEW, chat: { ...EMPTY_VIEW.chat, locked: true } } });

  await page.until(() => expect(page.button("Chat settings")).toBeTruthy());
  expect(field()).toBeTruthy();
});
