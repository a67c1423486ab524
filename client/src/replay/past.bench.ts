/// How long it takes to fold a large class, and to go anywhere in it. Prints figures, judges nothing: `npm run bench`.

import { bench, describe } from "vitest";
import type { RoomEvent } from "../protocol";
import { ASHA, EMPTY_OWN, EMPTY_VIEW, said, stamped } from "../testing/rooms";
import { emptyRoom } from "./log";
import { Past } from "./past";

/** 20,000 messages, 5,000 doubts, and 25,000 other things that happen to them. */
function event(number: number): RoomEvent {
  if (number % 10 < 4) return said(`s${number % 997}`, `Message ${number}`);
  if (number % 10 === 4) return { type: "doubt.asked", text: `Why ${number}?`, state: "open" };
  if (number % 10 === 5) return { type: "doubt.answered", id: number, live: true, class_time: number };
  return { type: "chat.reacted", id: number - (number % 10) + 1, emoji: "👍", count: number % 10 };
}

const events = stamped(1, ...Array.from({ length: 50_000 }, (_, number) => event(number)));
const start = emptyRoom({ id: "physics", title: "Physics" }, ASHA, { state: EMPTY_VIEW, own: EMPTY_OWN });
const past = await Past.fold(start, events, () => undefined);

describe("a class of 50,000 events", () => {
  bench("folded", async () => void (await Past.fold(start, events, () => undefined)));
  bench("a jump to where most is to be folded", () => void past.stateAfter(49_999));
});
