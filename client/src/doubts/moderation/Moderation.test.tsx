// @vitest-environment happy-dom
/// Working through the doubts while others do so too, over a real connection.

import { afterEach, expect, it, vi } from "vitest";
import { remember } from "../../app/memory";
import type { Ack, DoubtView } from "../../protocol";
import { Page } from "../../testing/page";
import { EMPTY_VIEW, TEACHER, welcomeTo } from "../../testing/rooms";
import { Doubts } from "../Doubts";

let page: Page;

afterEach(async () => {
  vi.restoreAllMocks();
  await page.close();
});

const doubts: readonly DoubtView[] = Array.from({ length: 12 }, (_, index) => ({ id: index + 1, at: 0, text: `Why ${index + 1}?`, state: "pending", votes: 1 }));
const state = { ...EMPTY_VIEW, doubts: { ...EMPTY_VIEW.doubts, doubts } };
const card = (id: number) => page.find(`[data-doubt="${id}"]`);
const received = () => page.server.received.map(({ type, id }: { type: string; id?: number }) => `${type} ${id}`);
const approved = (id: number) => page.server.say({ type: "doubt.published", id, at: 0, text: `Why ${id}?`, votes: 1, was: "pending" });

let now = 0;

/** The first doubt has the keyboard, and from now on time stands still. */
async function moderate(): Promise<void> {
  // The list draws what is in sight: here that has a height.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  vi.spyOn(HTMLElement.prototype, "offsetHeight", "get").mockReturnValue(100);
  page = await Page.open(null, { me: TEACHER, state });
  page.server.onCommand = () => undefined;
  await page.draw(<Doubts />);
  await page.until(() => expect(card(1)).toBeTruthy());
  await page.perform(() => card(1).focus());
  now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now);
}

it("a key meant for a doubt that somebody else has just approved is not taken for the next one", async () => {
  await moderate();
  await page.perform(() => approved(1));
  await page.until(() => expect(document.activeElement).toBe(card(2)));
  await page.key(card(2), "a");

  expect(page.text).toContain("The list moved just then, so nothing was done.");
  expect(received()).toEqual([]);
  now += 1_000;
  await page.key(card(2), "a");
  await page.until(() => expect(received()).toEqual(["doubt.approve 2"]));
});

it("a key is taken for the doubt that the keyboard is on, also just after another one was approved", async () => {
  await moderate();
  await page.perform(() => card(2).focus());
  await page.perform(() => approved(1));
  await page.until(() => expect(document.querySelector('[data-doubt="1"]')).toBeNull());
  await page.key(card(2), "a");

  await page.until(() => expect(received()).toEqual(["doubt.approve 2"]));
});

it("a press on what came under the hand just then is not taken", async () => {
  await moderate();
  await page.perform(() => approved(1));
  await page.until(() => expect(document.querySelector('[data-doubt="1"]')).toBeNull());
  const press = () => card(2).querySelector("button[data-first]")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 }));
  await page.perform(press);

  expect(page.text).toContain("The list moved just then, so nothing was done.");
  now += 1_000;
  await page.perform(press);
  await page.until(() => expect(received()).toEqual(["doubt.approve 2"]));
});

it("what comes at the top does not move what is under the hand, and is told", async () => {
  remember("doubts.sort", "newest");
  await moderate();
  await page.click(page.button("Open"));
  await page.perform(() => ["one", "two", "three"].forEach((text) => page.server.say({ type: "doubt.asked", text, state: "open" })));
  await page.until(() => expect(document.querySelectorAll("[data-doubt]")).toHaveLength(3));
  const box = page.find("[role=feed]").parentElement as HTMLElement;
  const ask = () => page.perform(() => page.server.say({ type: "doubt.asked", text: "newest", state: "open" }));
  await page.perform(() => (document.activeElement as HTMLElement).blur());
  await ask();
  await page.until(() => expect(document.querySelectorAll("[data-doubt]")).toHaveLength(4));
  expect(box.scrollTop).toBe(0);
  await page.perform(() => page.find("[role=feed]").dispatchEvent(new PointerEvent("pointerover", { bubbles: true, pointerType: "mouse" })));
  now += 1_000;
  await ask();
  await page.until(() => expect(page.button("1 new doubt")).toBeTruthy());
  expect(box.scrollTop).toBeGreaterThan(50);
  await page.perform(() => page.find("[data-doubt] button[data-first]").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 })));

  await page.until(() => expect(received()).toHaveLength(1));
  await page.click(page.button("1 new doubt"));
  expect(box.scrollTop).toBe(0);
  expect(page.text).not.toContain("1 new doubt");
});

it("what one only looked at, or did something to long ago, is no doubt of one's own", async () => {
  await moderate();
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "unknown", message: "Not now.", temporary: false });
  await page.perform(() => card(1).querySelector("input")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 })));
  await page.perform(() => approved(1));
  await page.until(() => expect(document.activeElement).toBe(card(2)));
  await page.key(card(2), "a");
  expect(received()).toEqual([]);
  now += 1_000;
  await page.key(card(2), "a");
  await page.until(() => expect(received()).toEqual(["doubt.approve 2"]));
  now += 10_000;
  await page.perform(() => approved(2));
  await page.until(() => expect(document.activeElement).toBe(card(3)));
  await page.key(card(3), "a");

  expect(received()).toEqual(["doubt.approve 2"]);
});

it("one goes on at once after what one said in a dialog", async () => {
  await moderate();
  await page.key(card(1), "d");
  await page.until(() => expect(document.querySelector("[role=dialog] button[type=submit]")).not.toBeNull());
  await page.click(page.find("[role=dialog] button[type=submit]"));
  await page.until(() => expect(received()).toEqual(["doubt.dismiss 1"]));
  await page.perform(() => approved(1));
  await page.until(() => expect(document.querySelector('[data-doubt="1"]')).toBeNull());
  await page.perform(() => card(2).querySelector("button[data-first]")?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 })));

  await page.until(() => expect(received()).toEqual(["doubt.dismiss 1", "doubt.approve 2"]));
});

it("one's own keys follow one another without a pause", async () => {
  await moderate();
  await page.key(card(1), "a");
  await page.perform(() => approved(1));
  await page.until(() => expect(document.activeElement).toBe(card(2)));
  await page.key(card(2), "a");

  await page.until(() => expect(received()).toEqual(["doubt.approve 1", "doubt.approve 2"]));
});

it("many are approved a few at a time, told as they are, and until one stops it", async () => {
  await moderate();
  const answers: (() => void)[] = [];
  page.server.onCommand = (_, answer) => void answers.push(() => answer({ ok: true, seq: 0 }));
  await page.click(page.find("input[type=checkbox]:not([aria-label])"));
  await page.click(page.button("Approve 12"));
  await page.until(() => expect(answers).toHaveLength(4));
  const bar = page.find("[role=progressbar]");
  expect(bar.textContent).toBe("Approving: 0 of 12");
  const said = () => [...document.querySelectorAll("[role=status]")].map(({ textContent }) => textContent).join();
  expect(said()).toBe("Approving 12 doubts");
  answers.forEach((answer) => answer());
  await page.until(() => expect(page.text).toContain("Approving: 4 of 12"));
  expect(bar.getAttribute("aria-valuenow")).toBe("4");
  expect(said()).toBe("Approving 12 doubts");
  await page.until(() => expect(answers).toHaveLength(8));
  await page.click(page.button("Stop"));
  answers.slice(4).forEach((answer) => answer());

  await page.until(() => expect(page.text).toContain("8 doubts approved"));
  expect(answers).toHaveLength(8);
});

/** Many are being approved, and nothing is answered yet. */
async function approving(): Promise<((ack: Ack) => void)[]> {
  await moderate();
  const answers: ((ack: Ack) => void)[] = [];
  page.server.onCommand = (_, answer) => void answers.push(answer);
  await page.click(page.find("input[type=checkbox]:not([aria-label])"));
  await page.click(page.button("Approve 12"));
  await page.until(() => expect(answers).toHaveLength(4));
  return answers;
}

it("approving many ends where the class is left in the middle", async () => {
  await approving();
  await page.perform(() => page.connection.stop());

  await page.until(() => expect(page.text).not.toContain("Approving:"));
  expect(received()).toHaveLength(4);
});

it("approving many ends where one is made a student in the middle", async () => {
  const answers = await approving();
  for (const socket of page.server.sockets) socket.emit("welcome", welcomeTo({ ...TEACHER, role: "student" }, { now: Date.now(), state }));
  await page.until(() => expect(page.connection.room?.me.role).toBe("student"));
  answers.forEach((answer) => answer({ ok: false, code: "forbidden", message: "Only for the staff.", temporary: false }));

  await page.until(() => expect(page.connection.pending).toEqual([]));
  await page.until(() => expect(page.text).not.toContain("Approving:"));
  expect(received()).toHaveLength(4);
});

it("approving many is stopped as soon as one says so, also where no answers come", async () => {
  const answers = await approving();
  await page.click(page.button("Stop"));
  expect(page.text).not.toContain("Approving:");

  // What was begun is not begun again.
  await page.click(page.find("input[type=checkbox]:not([aria-label])"));
  await page.click(page.button("Approve 12"));
  await page.until(() => expect(answers).toHaveLength(8));
  expect(new Set(received()).size).toBe(8);
  await page.perform(() => page.connection.stop());
});

it("how many wait is told in full", async () => {
  const many = Array.from({ length: 1_234 }, (_, index) => ({ ...(doubts[0] as DoubtView), id: index + 1 }));
  page = await Page.open(<Doubts />, { me: TEACHER, state: { ...state, doubts: { ...state.doubts, doubts: many } } });

  expect(page.button("To approve1,234").getAttribute("aria-pressed")).toBe("true");
});
