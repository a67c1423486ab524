// @vitest-environment happy-dom
/// The people of a class that has too many to list, as the staff find them, over a real connection.

import { afterEach, expect, it, vi } from "vitest";
import { Page } from "../testing/page";
import { EMPTY_VIEW, TEACHER } from "../testing/rooms";
import { Hands } from "./Hands";
import StaffPeople from "./StaffPeople";

let page: Page;

afterEach(async () => {
  vi.restoreAllMocks();
  await page.close();
});

const many = { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, listed: false } };

/** The row of the one who was found, as it reads. */
const row = () => page.find("[role=listitem]").textContent ?? "";

async function found(total = 1): Promise<void> {
  // The list draws what is in sight: here that has a height.
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(600);
  page = await Page.open(null, { me: TEACHER, state: many });
  const people = [{ id: "s7", name: "Rahul", role: "student", present: true }];
  vi.spyOn(page.connection, "fetch").mockImplementation(async () => Response.json({ people, total, next: null }));
  await page.draw(<StaffPeople />);
  await page.until(() => expect(row()).toContain("Rahul"));
}

it("who was found is shown as they are now, whoever of the staff muted or excluded them", async () => {
  await found();
  await page.perform(() => page.server.say({ type: "roster.muted", member: "s7", until: Date.now() + 600_000 }));
  await page.until(() => expect(row()).toContain("Muted until"));
  await page.perform(() => page.server.say({ type: "roster.banned", member: "s7" }));
  await page.until(() => expect(row()).toContain("Excluded"));
  await page.click(page.button("Actions for Rahul"));

  await page.until(() => expect(page.text).toContain("Allow again"));
  expect(page.text).toContain("Unmute");
});

it("what was done about somebody is said", async () => {
  await found();
  page.server.onCommand = (_, answer) => answer({ ok: true, seq: 1 });
  await page.click(page.button("Actions for Rahul"));
  await page.until(() => expect(page.button("Mute for 5 mins")).toBeTruthy());
  await page.click(page.button("Mute for 5 mins"));

  await page.until(() => expect(page.text).toContain("Rahul is muted for 5 mins."));
});

it("that only some of those who match are listed is said", async () => {
  await found(1);
  expect(page.text).not.toContain("Only some of them");
  await page.close();
  await found(140);

  expect(page.text).toContain("Only some of them are listed. Search by name.");
});

it("a student on stage who is cut off for a moment is not told as one who never came", async () => {
  await found();
  const called = () => document.querySelector('[aria-label="Called on stage, not there yet"]')?.textContent ?? "";
  await page.perform(() => page.server.say({ type: "stage.called", member: "s7", name: "Rahul" }));
  await page.until(() => expect(called()).toContain("Rahul"));
  await page.perform(() => page.server.say({ type: "stage.published", member: "s7", name: "Rahul", role: "student", stream: "st", sources: ["camera"] }));
  await page.until(() => expect(called()).toBe(""));
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now);
  const timers = vi.spyOn(globalThis, "setTimeout");
  await page.perform(() => page.server.say({ type: "stage.unpublished", member: "s7" }));
  await page.until(() => expect(page.connection.room?.stage.people[0]?.live).toEqual([]));
  const later = () => timers.mock.calls.find(([, wait]) => Math.round(wait ?? 0) === 8_000)?.[0];
  await page.until(() => expect(later()).toBeDefined());
  expect(called()).toBe("");
  clock.mockReturnValue(now + 8_000);
  await page.perform(() => later()?.());

  await page.until(() => expect(called()).toContain("Rahul"));
});

it("of hundreds of hands the first are shown, and how many more there are", async () => {
  const hands = Array.from({ length: 150 }, (_, place) => ({ id: `s${place}`, name: `Student ${place + 1}`, role: "student" as const }));
  page = await Page.open(<Hands />, { me: TEACHER, state: { ...many, roster: { ...many.roster, hands } } });
  expect(document.querySelectorAll("ol li")).toHaveLength(20);
  await page.click(page.button("130 more hands"));
  await page.click(page.button("30 more hands"));

  expect(document.querySelectorAll("ol li")).toHaveLength(150);
});
