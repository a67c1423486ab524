// @vitest-environment happy-dom
/// A part that cannot be fetched says so, and comes when the network does.

import { Suspense } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Page } from "../testing/page";
import { part, warmParts } from "./part";

let page: Page;
let network: boolean;
let answer: string;

/** The server answers as soon as there is a network; whether it has the part is another matter. */
beforeEach(() => {
  network = false;
  answer = '<div id="root"></div>';
  vi.stubGlobal("fetch", async () => {
    if (!network) throw new TypeError("Failed to fetch");
    return new Response(answer, { status: 200 });
  });
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await page.close();
});

const load = (there = () => network) =>
  vi.fn(async () => {
    if (!there()) throw new TypeError("Failed to fetch dynamically imported module");
    return { default: ({ name }: { name: string }) => <p>Here is {name}.</p> };
  });

const shown = (Part: ReturnType<typeof part<{ name: string }>>) => (
  <Suspense fallback={<p>Wait.</p>}>
    <Part name="it" />
  </Suspense>
);

it("that cannot be fetched in an outage says so in its place, and is there as soon as the network is", async () => {
  page = await Page.open(shown(part(load())));
  await page.until(() => expect(page.text).toContain("This needs the connection."));
  network = true;
  await page.perform(() => window.dispatchEvent(new Event("online")));

  await page.until(() => expect(page.text).toContain("Here is it."));
  expect(page.text).not.toContain("This needs the connection.");
});

it("comes by itself too, where nobody tells that the network is back", async () => {
  page = await Page.open(shown(part(load())));
  await page.until(() => expect(page.text).toContain("This needs the connection."));
  network = true;

  await page.until(() => expect(page.text).toContain("Here is it."));
});

it("that the server does not have any more leads to an offer to load the page again, and is not asked for for ever", async () => {
  network = true;
  const nowhere = load(() => false);
  page = await Page.open(shown(part(nowhere)));

  await page.until(() => expect(page.button("Load again")).toBeTruthy());
  expect(page.text).toContain("There is a newer version of this page.");
  expect(nowhere).toHaveBeenCalledTimes(2);
});

it("waits where the network answers in the server's place, as one that wants a log-in does, and comes after that", async () => {
  let there = false;
  [network, answer] = [true, "<p>Log in to use this network.</p>"];
  const late = load(() => there);
  page = await Page.open(shown(part(late)));
  await page.until(() => expect(late.mock.calls.length).toBeGreaterThan(2));
  expect(page.text).toContain("This needs the connection.");
  there = true;
  await page.perform(() => window.dispatchEvent(new Event("online")));

  await page.until(() => expect(page.text).toContain("Here is it."));
});

it("over the page can be left before it comes", async () => {
  const Menu = part(load(), { away: "over" }) as React.ComponentType<{ name: string; onClose: () => void }>;
  const closed = vi.fn();
  page = await Page.open(
    <Suspense>
      <Menu name="it" onClose={closed} />
    </Suspense>,
  );
  await page.until(() => expect(page.text).toContain("This needs the connection."));
  await page.click(page.find("[data-over] button"));

  expect(closed).toHaveBeenCalledOnce();
});

it("is fetched ahead for those who may need it, again after an outage, and then drawn at once", async () => {
  const [ofAll, ofStaff, ofNobody] = [load(), load(), load()];
  const OfAll = part(ofAll, { warm: "all" });
  const OfStaff = part(ofStaff, { warm: "staff" });
  part(ofNobody);
  const on = new AbortController().signal;
  await warmParts(true, on);
  network = true;
  await warmParts(false, on);
  expect(ofStaff).not.toHaveBeenCalled();
  await warmParts(true, on);
  page = await Page.open(
    <>
      <OfAll name="one" />
      <OfStaff name="other" />
    </>,
  );

  expect(page.text).toContain("Here is one.Here is other.");
  expect([ofAll, ofStaff, ofNobody].map(({ mock }) => mock.calls.length)).toEqual([2, 1, 0]);
});
