/// The pages of the board at every place of the golden lessons: as many elements as the room says, forwards and backwards.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import type { Me, Stamped } from "../protocol";
import { applyEvent, fromWelcome, type RoomState } from "../room";
import { welcomeTo } from "../testing/rooms";
import type { Told } from "../testing/told";
import { PastPages } from "./board";

interface Watcher {
  readonly me: Me;
  readonly welcome: Told & { readonly seq: number };
  readonly packets: readonly (readonly Stamped[])[];
}

const folder = fileURLToPath(new URL("../../../tests/vectors/", import.meta.url));
const lessons = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(folder + name, "utf-8")) as { name: string; audiences: Watcher[] })
  .map(({ name, audiences }) => ({ name, watcher: audiences.find(({ welcome }) => welcome.seq === 0) as Watcher }))
  .filter(({ watcher }) => watcher?.packets.flat().some(({ type }) => type === "board.drawn"));

const counts = (pages: PastPages, { board }: RoomState) => board.pages.map(({ id }) => pages.sheet(id).elements.size);

it("the lessons have what is hard: clearings taken back, copies, removed pages", () => {
  const types = new Set(lessons.flatMap(({ watcher }) => watcher.packets.flat().map(({ type }) => type)));
  for (const type of ["board.page_cleared", "board.page_restored", "board.page_duplicated", "board.page_removed"]) {
    expect(types).toContain(type);
  }
});

it.each(lessons)("the lesson $name", ({ watcher: { me, welcome, packets } }) => {
  const events = packets.flat();
  const rooms = [fromWelcome(welcomeTo(me, welcome))];
  for (const event of events) rooms.push(applyEvent(rooms.at(-1) as RoomState, event));
  const pages = new PastPages(events);
  const visit = (room: RoomState): void => {
    pages.goTo(room.seq);
    expect([room.seq, counts(pages, room)]).toEqual([room.seq, room.board.pages.map(({ count }) => count)]);
  };
  rooms.forEach(visit);
  [...rooms].reverse().forEach(visit);
});

it("who looks on is told what has changed; going back, all of it", () => {
  const { watcher } = lessons.find(({ name }) => name === "board") as (typeof lessons)[number];
  const events = watcher.packets.flat();
  const drawn = events.filter((event) => event.type === "board.drawn");
  const page = drawn[0]?.page as number;
  const pages = new PastPages(events);
  const told: (readonly string[] | null)[] = [];
  pages.watch(page);
  pages.sheet(page);
  pages.on("changed", (which, ids) => which === page && told.push(ids));
  pages.goTo(drawn[0]?.seq as number);
  expect(told).toEqual([drawn[0]?.changes.map(({ id }) => id)]);
  pages.goTo(0);
  expect(told.at(-1)).toBe(null);
  expect(pages.sheet(page).elements.size).toBe(0);
});
