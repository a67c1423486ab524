// @vitest-environment happy-dom
/// Asking, and what becomes of it, over a real connection.

import i18next from "i18next";
import { afterEach, expect, it } from "vitest";
import type { DoubtView } from "../protocol";
import { Page } from "../testing/page";
import { useNews } from "../classroom/useNews";
import { ASHA, EMPTY_OWN, EMPTY_VIEW } from "../testing/rooms";
import { AskBox } from "./AskBox";
import { DoubtCard } from "./DoubtCard";
import { Doubts } from "./Doubts";
import { MeToo } from "./MeToo";
import { PendingDoubts } from "./PendingDoubts";
import { stepsOf } from "./Receipt";

let page: Page | null = null;

afterEach(async () => {
  await page?.close();
  page = null;
});

const OPEN: DoubtView = { id: 3, at: 0, text: "Why does friction not depend on the contact area?", state: "open", votes: 4 };
const room = { state: { ...EMPTY_VIEW, doubts: { ...EMPTY_VIEW.doubts, doubts: [OPEN] } } };

it("asks, anonymously where wished", async () => {
  page = await Page.open(<AskBox onAsked={() => undefined} />);
  const field = page.find<HTMLTextAreaElement>("textarea");
  await page.type(field, "What is torque?");
  await page.click(page.find("input[type=checkbox]"));
  await page.key(field, "Enter");

  await page.until(() => expect(page?.server.received).toMatchObject([{ type: "doubt.ask", text: "What is torque?", anonymous: true }]));
  expect(field.value).toBe("");
});

it("what was just asked is shown, also where another doubt was looked for", async () => {
  page = await Page.open(<Doubts />, room);
  await page.click(page.button("Search the doubts"));
  await page.type(page.find<HTMLInputElement>("input[aria-label='Search the doubts']"), "friction");
  const field = page.find<HTMLTextAreaElement>("textarea");
  await page.type(field, "What is torque?");
  await page.key(field, "Enter");

  expect(document.querySelector("input[aria-label='Search the doubts']")).toBeNull();
  expect(page.button("Mine").getAttribute("aria-pressed")).toBe("true");
});

it("a list of nothing is no list to those who cannot see", async () => {
  page = await Page.open(<Doubts />);
  expect(document.querySelector("[role=feed]")).toBeNull();
  await page.close();
  page = await Page.open(<Doubts />, room);

  expect(page.find("[role=feed]").getAttribute("aria-label")).toBe("List of doubts");
});

it("while one writes, the same doubt is offered, and voted for instead", async () => {
  page = await Page.open(<AskBox onAsked={() => undefined} />, room);
  const field = page.find<HTMLTextAreaElement>("textarea");
  await page.type(field, "does the friction depend on contact area");
  expect(page.text).toContain("Already asked?");
  await page.click(page.find("[aria-pressed=false]"));

  await page.until(() => expect(page?.server.received).toMatchObject([{ type: "doubt.vote", id: 3, on: true }]));
  expect(field.value).toBe("");
});

it("my vote shows at once, also without a connection", async () => {
  page = await Page.open(<MeToo doubt={OPEN} />, room);
  page.server.onCommand = () => undefined;
  await page.click(page.find("button"));

  expect(page.find("button").getAttribute("aria-pressed")).toBe("true");
  expect(page.find("button").getAttribute("aria-label")).toBe("You ask this too, 5 votes");
});

it("a refused doubt keeps its text and says why", async () => {
  page = await Page.open(
    <>
      <AskBox onAsked={() => undefined} />
      <PendingDoubts />
    </>,
  );
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "too_many", message: "You have 20 doubts waiting.", temporary: false });
  const field = page.find<HTMLTextAreaElement>("textarea");
  await page.type(field, "One more?");
  await page.key(field, "Enter");

  await page.until(() => expect(page?.text).toContain("Not sent: You have 20 doubts waiting."));
  expect(page.text).toContain("One more?");
});

it("a refused doubt can be taken back into the field, after what is written there", async () => {
  page = await Page.open(
    <>
      <AskBox onAsked={() => undefined} />
      <PendingDoubts />
    </>,
  );
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "forbidden", message: "Not anonymously.", temporary: false });
  const field = page.find<HTMLTextAreaElement>("textarea");
  await page.type(field, "A shy one?");
  await page.key(field, "Enter");
  await page.until(() => expect(page?.text).toContain("Not anonymously."));
  await page.type(field, "Another?");
  await page.click(page.button("Edit"));

  expect(field.value).toBe("Another?\nA shy one?");
  expect(page.text).not.toContain("Not anonymously.");
  expect(page.connection.pending).toEqual([]);
});

it("what was refused and seen to in another tab is not shown here any more", async () => {
  page = await Page.open(<PendingDoubts />);
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "locked", message: "Closed.", temporary: true });
  await page.connection.send({ type: "doubt.ask", text: "Why?" });
  await page.until(() => expect(page?.text).toContain("Closed."));
  const key = `classroom.outbox/physics/s1/${page.connection.pending[0]?.cid ?? ""}`;
  await page.perform(() => window.dispatchEvent(new StorageEvent("storage", { key, newValue: null })));

  expect(page.text).not.toContain("Closed.");
});

it("the receipt tells the way that a doubt has gone", async () => {
  page = await Page.open(<p>{ASHA.name}</p>);
  const format = { clock: (time: number) => `${time / 60_000} min` };
  const steps = (doubt: Partial<DoubtView>, moderated = true) => stepsOf({ ...OPEN, ...doubt }, undefined, moderated, i18next.t, format);

  expect(steps({ state: "pending" })).toEqual(["Sent", "Waiting for approval"]);
  expect(steps({ state: "open" })).toEqual(["Sent", "Approved"]);
  expect(steps({ state: "open" }, false)).toEqual(["Sent"]);
  expect(steps({ state: "answering" })).toEqual(["Sent", "Approved", "Being answered now"]);
  expect(steps({ state: "answered", live: true, class_time: 120_000, answer: "So." })).toEqual([
    "Sent",
    "Approved",
    "Answered live at 2 min",
    "Answered in text",
  ]);
  expect(steps({ state: "dismissed", reason: "Off topic" })).toEqual(["Sent", "Dismissed: Off topic"]);
  expect(steps({ state: "merged", merged_into: 9 })).toEqual(["Sent", "Merged into another doubt"]);
});

const MINE: DoubtView = { id: 4, at: 0, text: "Friction and area, why?", state: "merged", votes: 1, merged_into: 3 };

function News() {
  useNews();
  return <DoubtCard doubt={MINE} own />;
}

it("whoever asked a doubt that was merged learns that the other one was answered, and how", async () => {
  const own = { ...EMPTY_OWN, doubts: { doubts: [MINE], asked: [4], voted: [3, 4] } };
  page = await Page.open(<News />, { ...room, own });
  await page.perform(() => page?.server.say({ type: "doubt.answered", id: 3, text: "It cancels out." }));
  await page.until(() => expect(page?.text).toContain("Your doubt was answered."));

  expect(page.text).toContain("It cancels out.");
  const steps = [...document.querySelectorAll("ol li")].map(({ textContent }) => textContent);
  expect(steps.slice(-1)).toEqual(["Answered in text"]);
  await page.click(page.button("Close"));
});

it("whoever asked a doubt that was merged into one that is merged in its turn is told so", async () => {
  const answered: DoubtView = { ...OPEN, id: 9, state: "answered", answer: "It cancels out." };
  const other: DoubtView = { ...OPEN, id: 3, state: "open" };
  const own = { ...EMPTY_OWN, doubts: { doubts: [MINE], asked: [4], voted: [3, 4] } };
  page = await Page.open(<News />, { state: { ...EMPTY_VIEW, doubts: { ...EMPTY_VIEW.doubts, doubts: [other, answered] } }, own });
  await page.perform(() => page?.server.say({ type: "doubt.merged", id: 3, into: 9, votes: 5, was: "open" }));

  await page.until(() => expect(page?.text).toContain("Your doubt was answered."));
});

it("whoever asked a doubt that is merged into an answered one is told so", async () => {
  const answered: DoubtView = { ...OPEN, state: "answered", answer: "It cancels out." };
  const asked: DoubtView = { ...MINE, state: "open" };
  const own = { ...EMPTY_OWN, doubts: { doubts: [asked], asked: [4], voted: [4] } };
  page = await Page.open(<News />, { state: { ...EMPTY_VIEW, doubts: { ...EMPTY_VIEW.doubts, doubts: [answered] } }, own });
  expect(() => page?.button("Close")).toThrow();
  await page.perform(() => page?.server.say({ type: "doubt.merged", id: 4, into: 3, votes: 5, was: "open" }));

  await page.until(() => expect(page?.button("Close").parentElement?.textContent).toBe("Your doubt was answered."));
});
