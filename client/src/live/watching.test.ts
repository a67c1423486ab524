// @vitest-environment happy-dom
/// Who is shown while what they send breaks off, and what is opened again.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { News } from "../connection/connection";
import { Emitter } from "../connection/emitter";
import type { Classroom } from "../room";
import { applyEvents, fromWelcome, type RoomState } from "../room/state";
import type { RoomEvent } from "../protocol";
import { ASHA, EMPTY_VIEW, stamped, TEACHER, welcomeTo } from "../testing/rooms";
import type { HlsNews } from "./hls";
import { Watching } from "./watching";

const ON_AIR: RoomEvent = { type: "stage.published", member: TEACHER.id, name: TEACHER.name, role: "instructor", stream: "one", sources: ["camera"] };

const players: HlsNews[] = [];
vi.mock("./hls", () => ({
  playHls: (_: unknown, __: string, ___: unknown, news: HlsNews) => {
    players.push(news);
    return () => undefined;
  },
}));

let watching: Watching;
let news: Emitter<News>;
let classroom: { room: RoomState };

beforeEach(() => {
  vi.useFakeTimers();
  players.length = 0;
  news = new Emitter<News>();
  const fetch = () => new Promise(() => undefined);
  classroom = { room: fromWelcome(welcomeTo(ASHA, { state: EMPTY_VIEW })) };
  watching = new Watching(Object.assign(classroom, { on: news.on.bind(news), fetch }) as unknown as Classroom);
  watching.start();
});

afterEach(() => {
  watching.stop();
  vi.useRealTimers();
});

/** As a connection tells of it: the room first, then the event. */
async function happens(event: RoomEvent): Promise<void> {
  const before = classroom.room;
  const events = stamped(before.seq + 1, event);
  classroom.room = applyEvents(before, events);
  news.emit("room");
  for (const each of events) news.emit("event", each, classroom.room, before);
  await Promise.resolve();
}

const shown = () => watching.view.tiles.map(({ member, waiting }) => [member, waiting]);

it("who was cut off is waited for, and gone after a while", async () => {
  await happens(ON_AIR);
  expect(shown()).toEqual([[TEACHER.id, false]]);
  await happens({ type: "stage.unpublished", member: TEACHER.id });
  expect(shown()).toEqual([[TEACHER.id, true]]);
  await vi.advanceTimersByTimeAsync(9_000);
  expect(shown()).toEqual([]);
});

it("who was cut off and is back was never away", async () => {
  await happens(ON_AIR);
  const { course } = watching.view;
  await happens({ type: "stage.unpublished", member: TEACHER.id });
  await happens({ ...ON_AIR, stream: "two" });
  expect(shown()).toEqual([[TEACHER.id, false]]);
  expect(watching.view.course).toBe(course);
});

it("who leaves is not waited for", async () => {
  await happens(ON_AIR);
  await happens({ type: "stage.left", members: [TEACHER.id] });
  expect(shown()).toEqual([]);
});

it("what is heard when nobody watches any more changes nothing", async () => {
  const heard = happens(ON_AIR);
  watching.stop();
  await heard;
  expect(shown()).toEqual([]);
});

it("a live stream whose screen and camera break off together is asked for once", async () => {
  const performer = { id: TEACHER.id, name: TEACHER.name, role: TEACHER.role, live: ["camera", "screen"] as const, muted: [], stream: "one" };
  const room = fromWelcome(welcomeTo(ASHA, { state: { ...EMPTY_VIEW, stage: { people: [performer], most: 8 } } }));
  let asked = 0;
  const fetch = async () => {
    asked += 1;
    return new Response(JSON.stringify({ hls: "/live/one/", webrtc: false, ice_servers: [] }));
  };
  const other = new Watching({ room, clockOffset: 0, on: () => () => undefined, fetch } as unknown as Classroom);
  other.start();
  await vi.advanceTimersByTimeAsync(1_000);
  for (const tile of other.view.tiles) tile.attach({} as HTMLVideoElement);
  const before = asked;
  expect(players.length).toBe(2);

  for (const news of players) news.lost();
  await vi.advanceTimersByTimeAsync(5_000);

  expect(asked - before).toBe(1);
  expect(other.view.course.tries).toBe(1);
  other.stop();
});
