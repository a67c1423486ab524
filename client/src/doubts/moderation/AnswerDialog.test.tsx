// @vitest-environment happy-dom
/// Answering in text, over a real connection.

import { afterEach, expect, it } from "vitest";
import type { DoubtView } from "../../protocol";
import { Page } from "../../testing/page";
import { EMPTY_VIEW, TEACHER } from "../../testing/rooms";
import { AnswerDialog } from "./AnswerDialog";
import { DismissDialog } from "./DismissDialog";

let page: Page;

afterEach(() => page.close());

const DOUBT: DoubtView = { id: 3, at: 0, text: "Why?", state: "open", votes: 1 };
const field = () => page.find<HTMLTextAreaElement>("textarea");

it("an answer that was begun is there when the dialog is opened again, until it was sent", async () => {
  const dialog = () => page.draw(<AnswerDialog doubt={DOUBT} onClose={() => void page.draw(null)} />);
  page = await Page.open(null, { me: TEACHER });
  await dialog();
  await page.type(field(), "Because it took minutes to write.");
  await page.draw(null);
  await dialog();
  expect(page.text).toContain("Your draft from before");
  expect(field().value).toBe("Because it took minutes to write.");
  await page.click(page.button("Publish the answer"));
  await page.until(() => expect(document.querySelector("textarea")).toBeNull());
  await dialog();

  expect(field().value).toBe("");
});

it("what the server does not take is not lost", async () => {
  page = await Page.open(<AnswerDialog doubt={DOUBT} onClose={() => undefined} />, { me: TEACHER });
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "not_found", message: "It was withdrawn.", temporary: false });
  await page.type(field(), "Because.");
  await page.click(page.button("Publish the answer"));
  await page.until(() => expect(page.text).toContain("It was withdrawn."));
  await page.draw(null);
  await page.draw(<AnswerDialog doubt={DOUBT} onClose={() => undefined} />);

  expect(field().value).toBe("Because.");
});

const known = { me: TEACHER, state: { ...EMPTY_VIEW, doubts: { ...EMPTY_VIEW.doubts, doubts: [DOUBT] } } };

it("who is writing an answer sees the one that somebody else gave meanwhile, and that theirs would replace it", async () => {
  page = await Page.open(<AnswerDialog doubt={DOUBT} onClose={() => undefined} />, known);
  await page.type(field(), "Mine.");
  expect(page.text).not.toContain("Meanwhile");
  await page.perform(() => page.server.say({ type: "doubt.answered", id: 3, text: "Another's, with care." }));
  await page.until(() => expect(page.find("[role=dialog] [role=status]").textContent).toContain("Another's, with care."));

  expect(field().value).toBe("Mine.");
  await page.click(page.button("Replace that answer"));
  await page.until(() => expect(page.server.received).toMatchObject([{ type: "doubt.answer", id: 3, text: "Mine." }]));
});

it("what somebody else answers is seen while one's own is still under way, and one's own is not taken for theirs", async () => {
  page = await Page.open(<AnswerDialog doubt={DOUBT} onClose={() => undefined} />, known);
  page.server.onCommand = () => undefined;
  const status = () => page.find("[role=dialog] [role=status]").textContent;
  await page.type(field(), "Mine. ");
  await page.click(page.button("Publish the answer"));
  await page.until(() => expect(page.server.received).toHaveLength(1));
  await page.perform(() => page.server.say({ type: "doubt.answered", id: 3, text: "Another's, with care." }));
  await page.until(() => expect(status()).toContain("Another's, with care."));
  await page.perform(() => page.server.say({ type: "doubt.answered", id: 3, text: "Mine." }));

  await page.until(() => expect(status()).toBe(""));
});

it("who is about to dismiss a doubt sees that somebody else has approved it", async () => {
  page = await Page.open(<DismissDialog doubt={{ ...DOUBT, state: "pending" }} onClose={() => undefined} />, known);

  expect(page.find("[role=dialog] [role=status]").textContent).toBe("Meanwhile somebody else has dealt with it: Open");
});
