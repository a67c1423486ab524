// @vitest-environment happy-dom
/// Why one is not on stage any more.

import { afterEach, expect, it } from "vitest";
import { Emitter } from "../connection/emitter";
import type { News } from "../connection/connection";
import type { Stamped } from "../protocol";
import type { Classroom } from "../room";
import { fromWelcome } from "../room/state";
import { ASHA, EMPTY_VIEW, welcomeTo } from "../testing/rooms";
import { Publishing } from "./publishing";

let publishing: Publishing;

afterEach(() => publishing.close());

function leaves(phase: "live" | "ended") {
  const news = new Emitter<News>();
  const room = fromWelcome(welcomeTo(ASHA, { state: { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, phase } } }));
  publishing = new Publishing({ room, on: news.on.bind(news) } as unknown as Classroom);
  publishing.start();
  publishing.view = { ...publishing.view, phase: "live" };
  const event: Stamped = { type: "stage.left", members: [ASHA.id], by_staff: true, seq: 1, at: 1 };
  news.emit("event", event, room, room);
  return publishing.view;
}

it("who is sent off by the staff is told so", () => {
  expect(leaves("live")).toMatchObject({ phase: "off", fault: "sent_off" });
});

it("who leaves with everybody, as the class ends, was not sent off", () => {
  expect(leaves("ended")).toMatchObject({ phase: "off", fault: null });
});
