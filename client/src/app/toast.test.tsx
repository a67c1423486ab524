// @vitest-environment happy-dom
/// Notices: what is shown and said of one sentence that comes many times.

import { afterEach, expect, it, vi } from "vitest";
import { ASHA } from "../testing/rooms";
import { Page } from "../testing/page";
import { clearToasts, toast } from "./toast";

let page: Page;

afterEach(async () => {
  vi.restoreAllMocks();
  clearToasts();
  await page.close();
});

const spoken = () => [...document.querySelectorAll("[role=status] > p")].map(({ textContent }) => textContent);

it("the same sentence is said once where it comes many times at once, and again where it comes later", async () => {
  page = await Page.open(<></>, { me: ASHA });
  const now = vi.spyOn(performance, "now").mockReturnValue(10_000);

  await page.perform(() => {
    for (let times = 0; times < 30; times += 1) toast("Not kept", "bad");
    toast("Another", "bad");
  });
  expect(spoken()).toEqual(["Not kept", "Another"]);

  now.mockReturnValue(12_000);
  await page.perform(() => toast("Not kept", "bad"));
  expect(spoken()).toEqual(["Not kept", "Another", "Not kept"]);
});
