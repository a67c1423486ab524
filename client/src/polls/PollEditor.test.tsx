// @vitest-environment happy-dom
/// Writing a poll, over a real connection.

import { afterEach, expect, it } from "vitest";
import type { Ack } from "../protocol";
import { Page } from "../testing/page";
import { TEACHER } from "../testing/rooms";
import PollEditor from "./PollEditor";

let page: Page;
let closed: number;

afterEach(() => page.close());

async function open() {
  closed = 0;
  page = await Page.open(<PollEditor editing={{ id: null, spec: null }} onClose={() => (closed += 1)} />, { me: TEACHER });
  await page.type(page.find<HTMLTextAreaElement>("textarea"), "2 + 2?");
  const options = [...document.querySelectorAll<HTMLInputElement>("input[type=text]")];
  for (const [place, text] of ["3", "4"].entries()) await page.type(options[place] as HTMLInputElement, text);
}

const sent = () => page.server.received.map(({ type }) => type);

it("pressed twice, it makes one poll, and says that it is on its way", async () => {
  await open();
  const answers: ((ack: Ack) => void)[] = [];
  page.server.onCommand = (_, answer) => void answers.push(answer);
  const button = page.button("Open now");
  await page.click(button);
  await page.click(button);
  await page.click(page.button("Save for later"));
  await page.until(() => expect(answers).toHaveLength(1));
  expect(page.find("[role=dialog] [role=status]").textContent).toBe("Sending…");

  answers[0]?.({ ok: true, seq: 5 });
  await page.until(() => expect(closed).toBe(1));
  expect(page.server.received).toMatchObject([{ type: "poll.prepare", spec: { question: "2 + 2?" }, open: true }]);
});

it("a switch is called what it switches, and what off means is its description", async () => {
  await open();
  const secret = page.find<HTMLInputElement>("[role=switch]");

  expect(secret.getAttribute("aria-label")).toBe("Secret ballot");
  expect(document.getElementById(secret.getAttribute("aria-describedby") ?? "")?.textContent).toMatch(/^Off: the staff can see/);
});

it("without a connection it says that the poll is kept, and sends it once", async () => {
  await open();
  await page.server.stop();
  await page.until(() => expect(page.connection.status.phase).toBe("reconnecting"));
  const button = page.button("Save for later");
  await page.click(button);
  await page.click(button);
  expect(page.find("[role=dialog] [role=status]").textContent).toContain("There is no connection just now");
  await page.server.start();
  page.connection.retryNow();

  await page.until(() => expect(closed).toBe(1));
  expect(sent()).toEqual(["poll.prepare"]);
});

it("what the server refuses can be changed and sent again", async () => {
  await open();
  page.server.onCommand = (_, answer) => answer({ ok: false, code: "too_many", message: "There are too many.", temporary: false });
  await page.click(page.button("Save for later"));
  await page.until(() => expect(page.text).toContain("There are too many."));
  page.server.onCommand = null;
  await page.click(page.button("Save for later"));

  await page.until(() => expect(closed).toBe(1));
});

it("a click beside it loses nothing, and what was typed is there when it is opened again", async () => {
  await open();
  await page.click(page.find(".mantine-Modal-overlay"));
  expect(closed).toBe(0);
  await page.draw(null);
  await page.draw(<PollEditor editing={{ id: null, spec: null }} onClose={() => (closed += 1)} />);
  expect(page.text).toContain("Your draft from before");
  expect(page.find<HTMLTextAreaElement>("textarea").value).toBe("2 + 2?");
  expect([...document.querySelectorAll<HTMLInputElement>("input[type=text]")].map(({ value }) => value)).toEqual(["3", "4"]);
  await page.click(page.button("Save for later"));
  await page.until(() => expect(closed).toBe(1));
  await page.draw(null);
  await page.draw(<PollEditor editing={{ id: null, spec: null }} onClose={() => undefined} />);

  expect(page.find<HTMLTextAreaElement>("textarea").value).toBe("");
});

it("an empty one is closed by a click beside it, and a draft is given up where one likes", async () => {
  await open();
  await page.draw(null);
  await page.draw(<PollEditor editing={{ id: null, spec: null }} onClose={() => (closed += 1)} />);
  await page.click(page.button("Start anew"));
  expect(page.find<HTMLTextAreaElement>("textarea").value).toBe("");
  await page.click(page.find(".mantine-Modal-overlay"));

  expect(closed).toBe(1);
});
