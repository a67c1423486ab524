import { expect, it } from "vitest";
import { BEST, judge, LAYERS, type Look, type Quality, SOUND_ONLY } from "./quality";

function after(look: Look, times: number, from: Quality = BEST): Quality {
  let quality = from;
  for (let each = 0; each < times; each++) quality = judge(quality, look);
  return quality;
}

const plenty: Look = { available: 3_000_000, lost: 0 };

it("stays at the best while there is room", () => {
  expect(after(plenty, 50)).toMatchObject({ layer: 0, network: "good" });
});

it("bears one bad look, and goes down at the second", () => {
  const low = { available: 200_000, lost: 0 };
  expect(after(low, 1)).toMatchObject({ layer: 0, network: "weak" });
  expect(after(low, 2).layer).toBe(1);
});

it("goes down as far as the network needs, and no further", () => {
  const narrow = after({ available: 300_000, lost: 0 }, 40);
  expect(LAYERS[narrow.layer]?.bits).toBe(300_000);
});

it("sends sound alone where nothing else gets through, and tries a picture more and more rarely", () => {
  let quality = BEST;
  const alone: boolean[] = [];
  for (let each = 0; each < 120; each++) {
    quality = judge(quality, { available: 60_000, lost: 0 });
    alone.push(quality.layer === SOUND_ONLY);
  }
  const share = (part: boolean[]) => part.filter(Boolean).length / part.length;
  expect(quality.network).toBe("bad");
  expect(share(alone.slice(80))).toBeGreaterThan(share(alone.slice(8, 40)));
  expect(share(alone.slice(80))).toBeGreaterThan(0.85);
});

it("goes down for loss too, whatever the browser reckons", () => {
  expect(after({ available: 3_000_000, lost: 0.2 }, 2).layer).toBe(1);
});

it("comes back to the best when the network does", () => {
  const low = after({ available: 200_000, lost: 0 }, 6);
  expect(after(plenty, 200, low)).toMatchObject({ layer: 0, network: "good" });
});

it("goes up later each time that going up was a mistake", () => {
  const bad = { available: 3_000_000, lost: 0.3 };
  const once = after(bad, 2);
  const twice = after(bad, 2, after(plenty, once.patience, once));
  expect(twice.layer).toBe(1);
  expect(twice.patience).toBeGreaterThan(once.patience);
});

it("is not moved by looks that say nothing", () => {
  expect(after({ available: null, lost: null }, 20).layer).toBe(0);
});

it("sends less where the device is too slow, but never nothing, and says that it is the device", () => {
  const slow = after({ ...plenty, busy: true }, 40);
  expect(slow).toMatchObject({ layer: LAYERS.length - 1, busy: true });
  expect(after(plenty, 200, slow)).toMatchObject({ layer: 0, busy: false });
  expect(after({ available: 200_000, lost: 0 }, 2)).toMatchObject({ layer: 1, busy: false });
});

it("counts all the sizes that are sent at once", () => {
  const look = { available: 1_100_000, lost: 0 };
  expect(after(look, 10).layer).toBe(0);
  expect(after({ ...look, needs: [2_020_000, 820_000, 420_000, 120_000] }, 10).layer).toBe(1);
});

it("comes back where an estimate is never more than twice what is sent, and goes no further than the network lets it", () => {
  const needs = [1_620_000, 820_000, 420_000, 120_000];
  const healed = (network: number) => {
    let quality = after({ available: 60_000, lost: 0 }, 10);
    expect(quality.layer).toBe(SOUND_ONLY);
    for (let each = 0; each < 200; each++) {
      const sent = (needs[quality.layer] ?? 0) + 50_000;
      quality = judge(quality, { available: Math.min(network, 2 * sent), lost: 0, needs });
    }
    return quality.layer;
  };
  expect(healed(3_000_000)).toBe(0);
  expect(healed(1_000_000)).toBe(1);
  expect(healed(500_000)).toBe(2);
});
