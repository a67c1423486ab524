// @vitest-environment happy-dom
/// The choice of devices: what is handed over is open, and nothing else is left open.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Page } from "../testing/page";
import { TEACHER } from "../testing/rooms";
import Studio from "./Studio";

class Track {
  readonly kind = "video";
  open = true;
  readonly stop = () => void (this.open = false);
}

type Give = (media: object) => void;

let page: Page;
let cameras: Give[];
let screens: Give[];

/** What the person allows. */
function allow(asked: Give[]): Track {
  const track = new Track();
  asked.shift()?.({ getVideoTracks: () => [track], getTracks: () => [track] });
  return track;
}

beforeEach(async () => {
  [cameras, screens] = [[], []];
  const devices = {
    getUserMedia: () => new Promise((give) => cameras.push(give)),
    getDisplayMedia: () => new Promise((give) => screens.push(give)),
    enumerateDevices: async () => [],
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  };
  vi.stubGlobal("MediaStream", class extends MediaStream { constructor() { super(); } });
  Object.defineProperty(navigator, "mediaDevices", { value: devices, configurable: true });
  page = await Page.open(<Studio called={false} live={false} sharing={false} onUse={() => undefined} onClose={() => undefined} />, { me: TEACHER });
});

afterEach(async () => {
  await page.close();
  vi.unstubAllGlobals();
});

it("a camera that was let go of for another one cannot be sent", async () => {
  await page.until(() => expect(cameras.length).toBe(1));
  let first!: Track;
  await page.perform(() => (first = allow(cameras)));
  await page.until(() => expect(page.button("Go live").disabled).toBe(false));

  const select = page.find<HTMLSelectElement>("select");
  await page.perform(() => {
    select.value = "";
    select.selectedIndex = 0;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  });

  await page.until(() => expect(first.open).toBe(false));
  expect(page.button("Go live").disabled).toBe(true);
});

it("a screen that is chosen when the choice of devices is closed is let go of", async () => {
  await page.click(page.button("Share a screen as well"));
  await page.until(() => expect(screens.length).toBe(1));
  await page.draw(null);
  let screen!: Track;
  await page.perform(() => (screen = allow(screens)));
  expect(screen.open).toBe(false);
});
