// @vitest-environment happy-dom
/// What others write is said to those who do not see it.

import { afterEach, expect, it } from "vitest";
import type { ChatSaid, RoomEvent } from "../protocol";
import { ASHA } from "../testing/rooms";
import { Page } from "../testing/page";
import { useAloud } from "./useAloud";

let page: Page;

afterEach(() => page.close());

function Hearing({ chat }: { chat: boolean }) {
  useAloud(chat);
  return null;
}

const said = (text: string, change: Partial<ChatSaid> = {}): ChatSaid => ({ type: "chat.said", by: "s2", name: "Ravi", role: "student", text, ...change });
const spoken = () => [...document.querySelectorAll("[role=status] > p")].map(({ textContent }) => textContent);

async function told(...events: readonly RoomEvent[]): Promise<void> {
  await page.perform(() => events.forEach((event) => page.server.say(event)));
}

it("what others write is said while the chat is in sight; what I write is not", async () => {
  page = await Page.open(<Hearing chat />, { me: ASHA });

  await told(said("Mine", { by: ASHA.id, name: "Asha" }), said("Good morning"));

  await page.until(() => expect(spoken()).toEqual(["Ravi: Good morning"]));
});

it("of much at once the number is said, and what was written to me", async () => {
  page = await Page.open(<Hearing chat />, { me: ASHA });

  await told(said("One"), said("Two"), said("Asha, look", { mentions: [ASHA.id] }), said("Four"));

  await page.until(() => expect(spoken()).toEqual(["Ravi, to you: Asha, look 3 new messages"]));
});

it("what is deleted before it was said is not said", async () => {
  page = await Page.open(<Hearing chat />, { me: ASHA });

  await told(said("Something rude"));
  const rude = page.connection.room?.chat.messages.at(-1)?.id ?? 0;
  await told({ type: "chat.deleted", id: rude }, said("Good morning"));

  await page.until(() => expect(spoken()).toEqual(["Ravi: Good morning"]));
});

it("away from the chat only what is written to me is said, an answer to me too", async () => {
  page = await Page.open(<Hearing chat={false} />, { me: ASHA });

  await told(said("Which one?", { by: ASHA.id, name: "Asha" }));
  const mine = page.connection.room?.chat.messages.at(-1)?.id ?? 0;
  await told(said("To nobody"), said("The second", { reply_to: mine }));

  await page.until(() => expect(spoken()).toEqual(["Ravi, to you: The second"]));
});
