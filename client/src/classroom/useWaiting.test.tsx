// @vitest-environment happy-dom
/// What waits for the staff is said to those who do not see the tabs' numbers.

import { afterEach, expect, it } from "vitest";
import type { RoomEvent } from "../protocol";
import { Page } from "../testing/page";
import { TEACHER } from "../testing/rooms";
import { useUnread } from "./useUnread";
import { useWaiting } from "./useWaiting";

let page: Page;

afterEach(() => page.close());

function Staff() {
  const { people, doubts } = useUnread("chat");
  useWaiting(people.count, doubts.count);
  return null;
}

const spoken = () => [...document.querySelectorAll("[role=status] > p")].map(({ textContent }) => textContent);
const hand = (member: string): RoomEvent => ({ type: "roster.hand_raised", member, name: member });

it("hands that go up and doubts that come are said, once for those that come together", async () => {
  page = await Page.open(<Staff />, { me: TEACHER });
  await page.perform(() => page.server.say(hand("Ravi")));
  await page.perform(() => page.server.say(hand("Asha")));
  await page.perform(() => page.server.say({ type: "doubt.asked", text: "Why?", state: "pending", by: "s1", name: "Asha" }));

  await page.until(() => expect(spoken()).toEqual(["2 hands raised", "1 doubt to approve"]));
});
