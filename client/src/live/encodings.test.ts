import { expect, it } from "vitest";
import { cameraEncodings, encodingsOf, needs, screenEncodings, shapeOf } from "./encodings";
import { LAYERS, SOUND_ONLY } from "./quality";

const LARGE = { lines: 720, sizes: 3 };

function sent(encodings: readonly RTCRtpEncodingParameters[]): string[] {
  return encodings.filter(({ active }) => active).map(({ rid, maxBitrate, scaleResolutionDownBy }) => `${rid ?? ""} ${maxBitrate} /${scaleResolutionDownBy}`);
}

it("sends three sizes of a large camera, fewer where the device or the camera is small", () => {
  expect(shapeOf({ width: 1280, height: 720 }, 8).sizes).toBe(3);
  expect(shapeOf({ width: 720, height: 1280 }, 8)).toEqual({ lines: 720, sizes: 3 });
  expect(shapeOf({ width: 1280, height: 720 }, 2).sizes).toBe(2);
  expect(shapeOf({ width: 640, height: 360 }, 8).sizes).toBe(2);
  expect(shapeOf({ width: 320, height: 240 }, 8).sizes).toBe(1);
  expect(shapeOf({}, 8).sizes).toBe(3);
});

it("has the best as the network lets it, and smaller ones beside it while they are much smaller", () => {
  expect(sent(cameraEncodings(0, LARGE, false))).toEqual(["q 120000 /4", "h 400000 /2", "f 1500000 /1"]);
  expect(sent(cameraEncodings(1, LARGE, false))).toEqual(["q 120000 /4", "h 700000 /1.5"]);
  expect(sent(cameraEncodings(2, LARGE, false))).toEqual(["q 120000 /4", "h 300000 /2"]);
  expect(sent(cameraEncodings(3, LARGE, false))).toEqual(["q 120000 /4"]);
  expect(sent(cameraEncodings(0, { lines: 360, sizes: 2 }, false))).toEqual(["q 120000 /2", "f 1500000 /1"]);
  expect(sent(cameraEncodings(0, { lines: 240, sizes: 1 }, false))).toEqual([" 1500000 /1"]);
});

it("names the same layers in the same order whatever is sent of them, as a connection cannot change them", () => {
  for (const sizes of [1, 2, 3]) {
    const rids = (layer: number) => cameraEncodings(layer, { lines: 720, sizes }, false).map(({ rid }) => rid);
    for (let layer = 0; layer <= SOUND_ONLY; layer++) expect(rids(layer)).toEqual(rids(0));
  }
});

it("gives a screen the larger part, in its own size, and nothing to pictures where sound goes alone", () => {
  const both = encodingsOf(0, LARGE, ["camera", "screen"]);
  expect(sent(both.get("screen") ?? [])).toEqual([" 1000000 /1"]);
  expect(sent(both.get("camera") ?? [])).toEqual(["q 120000 /4", "h 500000 /2"]);
  expect(sent(screenEncodings(0, false))).toEqual([" 1500000 /1"]);
  const none = encodingsOf(SOUND_ONLY, LARGE, ["camera", "screen"]);
  expect([...none.values()].flatMap(sent)).toEqual([]);
});

it("needs less from layer to layer", () => {
  for (const sources of [["camera"], ["screen"], ["camera", "screen"]] as const) {
    const all = needs(LARGE, sources);
    expect(all).toEqual([...all].sort((a, b) => b - a));
    expect(new Set(all).size).toBe(LAYERS.length);
  }
  expect(needs(LARGE, ["microphone"])).toEqual([0, 0, 0, 0]);
});
