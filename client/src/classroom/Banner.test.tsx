// @vitest-environment happy-dom
/// How the connection stands is said, and what waits is counted.

import { afterEach, expect, it } from "vitest";
import { Page } from "../testing/page";
import { Banner } from "./Banner";
import { useNews } from "./useNews";

let page: Page;

afterEach(() => page.close());

function Both() {
  useNews();
  return <Banner />;
}

it("nothing is said while all is well", async () => {
  page = await Page.open(<Both />);

  expect(document.querySelector("[role=region]")).toBeNull();
});

it("a cut is told with the time of the next try, what waits, and a way to try now; then that all is well again", async () => {
  page = await Page.open(<Both />);
  await page.server.stop();
  await page.until(() => expect(page.text).toMatch(/Trying again in \d+ s/));
  await page.perform(() => void page.connection.send({ type: "chat.say", text: "kept" }));
  expect(page.text).toContain("1 waiting to be sent");
  await page.server.start();
  await page.click(page.button("Try now"));

  await page.until(() => expect(page.text).toContain("You are connected again."));
  expect(document.querySelector("[role=region]")).toBeNull();
  await page.until(() => expect(page.server.received).toMatchObject([{ text: "kept" }]));
});
