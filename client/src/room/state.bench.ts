/// How long the replica takes in a large class. Prints figures, judges nothing: `npm run bench`.

import { bench, describe } from "vitest";
import type { RoomEvent } from "../protocol";
import { ASHA, said, stamped, welcomeTo } from "../testing/rooms";
import { selectDoubts } from "./doubts";
import { applyEvents, fromWelcome } from "./state";

const repeat = (count: number, event: (number: number) => RoomEvent) => Array.from({ length: count }, (_, number) => event(number));

const start = fromWelcome(welcomeTo(ASHA));
const messages = applyEvents(start, stamped(1, ...repeat(20_000, (number) => said("s2", `Message ${number}`))));
const doubts = applyEvents(
  messages,
  stamped(20_001, ...repeat(5_000, (number) => ({ type: "doubt.asked", text: `Why ${number}?`, state: "open" }))),
);
const next = doubts.seq + 1;
const talk = stamped(next, ...repeat(20, (number) => said("s2", `More ${number}`)));
const votes = stamped(next, {
  type: "doubt.voted",
  votes: Object.fromEntries(Array.from({ length: 200 }, (_, number) => [20_001 + number * 20, number])),
});

describe("with 20,000 messages and 5,000 doubts", () => {
  bench("a packet of 20 messages", () => void applyEvents(doubts, talk));
  bench("a tick's votes on 200 doubts", () => void applyEvents(doubts, votes));
  bench("the doubts by votes", () => void selectDoubts(doubts.doubts, { filter: "all", sort: "votes" }));
  bench("the doubts searched", () => void selectDoubts(doubts.doubts, { filter: "all", sort: "votes", search: "why 49" }));
});
