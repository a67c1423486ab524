// @vitest-environment happy-dom
/// What becomes of one's doubts, and that one may not write any more, is said.

import { afterEach, expect, it, vi } from "vitest";
import { announce } from "../app/toast";
import type { RoomEvent } from "../protocol";
import { ASHA, EMPTY_OWN } from "../testing/rooms";
import { Page } from "../testing/page";
import { useNews } from "./useNews";

let page: Page;

afterEach(async () => {
  vi.restoreAllMocks();
  await page.close();
});

function Hearing() {
  useNews();
  return null;
}

const spoken = () => [...document.querySelectorAll("[role=status] > p")].map(({ textContent }) => textContent);

async function told(...events: readonly RoomEvent[]): Promise<void> {
  await page.perform(() => events.forEach((event) => page.server.say(event)));
}

it("of two sentences that come together none is lost", async () => {
  page = await Page.open(<Hearing />, { me: ASHA });

  await page.perform(() => {
    announce("The first");
    announce("The second");
  });

  expect(spoken()).toEqual(["The first", "The second"]);
});

it("what becomes of my doubt is told, with the reason; of another's nothing", async () => {
  page = await Page.open(<Hearing />, { me: ASHA, own: { ...EMPTY_OWN, doubts: { doubts: [], asked: [5, 6], voted: [] } } });
  const published = { type: "doubt.published", at: 1, text: "Why?", votes: 1, was: "pending" } as const;

  await told({ ...published, id: 4 }, { ...published, id: 5 });
  await told({ type: "doubt.dismissed", id: 6, was: "pending", by: ASHA.id, reason: "Off topic" });
  await told({ type: "doubt.dismissed", id: 4, was: "open" });

  await page.until(() => expect(spoken()).toEqual(["Your doubt was approved. Everybody sees it now.", "Your doubt was dismissed: Off topic"]));
});

it("that the chat is closed, slow, and open again is said where the field for it goes", async () => {
  page = await Page.open(<Hearing />, { me: ASHA });

  await told({ type: "chat.configured", slow: 0, locked: true });
  await page.until(() => expect(spoken()).toEqual(["The staff have closed the chat for now."]));
  await told({ type: "chat.configured", slow: 30, locked: false });
  await told({ type: "doubt.configured", moderated: true, locked: true, anonymous: true });

  await page.until(() =>
    expect(spoken().slice(1)).toEqual([
      "The chat is open again.",
      expect.stringMatching(/^Slow mode: one message every 30/),
      "The staff do not take doubts at the moment.",
    ]),
  );
});

it("who was offline is not told that the connection was lost when the network comes back", async () => {
  page = await Page.open(<Hearing />, { me: ASHA });
  const network = vi.spyOn(navigator, "onLine", "get").mockReturnValue(false);
  await page.server.stop();
  await page.until(() => expect(spoken()).toEqual(["You are offline."]));
  network.mockReturnValue(true);
  await page.perform(() => page.connection.retryNow());
  await page.until(() => expect(page.connection.status.phase).toBe("reconnecting"));
  await page.server.start();
  await page.perform(() => page.connection.retryNow());

  await page.until(() => expect(spoken().at(-1)).toBe("You are connected again."));
  expect(spoken()).toEqual(["You are offline.", "You are connected again."]);
});
