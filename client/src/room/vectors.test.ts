/// The golden lessons, which the server's own folds made: the replica arrives where the server did.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Me, Stamped } from "../protocol";
import { welcomeTo } from "../testing/rooms";
import { canonical, type Told, told } from "../testing/told";
import { applyEvent, applyEvents, fromWelcome } from "./state";

interface Watcher {
  readonly audience: string;
  readonly me: Me;
  readonly welcome: Told & { readonly seq: number };
  readonly packets: readonly (readonly Stamped[])[];
  readonly final: Told & { readonly seq: number; readonly me: Me };
}

const folder = fileURLToPath(new URL("../../../tests/vectors/", import.meta.url));
const vectors = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(folder + name, "utf-8")) as { name: string; audiences: Watcher[] });

it("has lessons to fold", () => {
  expect(vectors.map((vector) => vector.name)).toEqual(expect.arrayContaining(["chat", "doubts", "polls", "roster"]));
});

describe.each(vectors)("the lesson $name", ({ audiences }) => {
  describe.each(audiences.map((watcher) => ({ ...watcher, since: watcher.welcome.seq })))(
    "as $me.name sees it from $since on",
    ({ me, welcome, packets, final }) => {
      const start = fromWelcome(welcomeTo(me, welcome));

      it("is told by a welcome without loss", () => {
        expect(canonical(told(start))).toEqual(canonical(welcome));
      });

      it("arrives where the server did, packet by packet", () => {
        const state = packets.reduce(applyEvents, start);

        expect(canonical(told(state))).toEqual(canonical(final));
        expect(state.me.name).toBe(final.me.name);
      });

      it("arrives there event by event too, and with every packet doubled", () => {
        const single = packets.flat().reduce(applyEvent, start);
        const doubled = packets.flatMap((packet) => [packet, packet]).reduce(applyEvents, start);

        expect(single).toEqual(packets.reduce(applyEvents, start));
        expect(doubled).toEqual(single);
      });

      it("changes nothing that was handed out before", () => {
        const before = structuredClone(start);

        packets.reduce(applyEvents, start);

        expect(start).toEqual(before);
      });
    },
  );
});
