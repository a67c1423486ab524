// @vitest-environment happy-dom
/// When a player of LL-HLS is given up.

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type HlsNews, playHls } from "./hls";

vi.mock("hls.js", () => ({
  default: class {
    static readonly Events = {};
    static readonly isSupported = () => true;
    readonly on = () => undefined;
    readonly loadSource = () => undefined;
    readonly attachMedia = () => undefined;
    readonly destroy = () => undefined;
  },
}));

const news = { playing: vi.fn(), behind: vi.fn(), lost: vi.fn(), delay: vi.fn() } satisfies HlsNews;
let stop: () => void;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async () => new Response("#EXTM3U"));
});

afterEach(() => {
  stop();
  vi.resetAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A player that stands still, `paused`, at 20 s, with this in its buffer. */
async function stands(readyState: number, ...buffered: readonly [number, number][]): Promise<void> {
  const ranges = { length: buffered.length, start: (place: number) => buffered[place]?.[0], end: (place: number) => buffered[place]?.[1] };
  const video = { paused: true, readyState, currentTime: 20, buffered: ranges, canPlayType: () => "" };
  stop = playHls(video as unknown as HTMLVideoElement, "/live/key/index.m3u8", Date.now, news);
  await vi.dynamicImportSettled();
  await vi.advanceTimersByTimeAsync(8_000);
}

it("waits where sound may not start by itself", async () => {
  await stands(4, [19, 50]);
  expect(news.lost).not.toHaveBeenCalled();
});

it("waits for the first part, however slow the network", async () => {
  await stands(1);
  expect(news.lost).not.toHaveBeenCalled();
});

it("is given up where it stands before all that has come", async () => {
  await stands(1, [21, 50]);
  expect(news.lost).toHaveBeenCalledOnce();
});

it("is given up when its playlist is never answered, like one that does not appear", async () => {
  const unanswered = (_: string, { signal }: RequestInit = {}) =>
    new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(new DOMException("", "AbortError"))));
  vi.stubGlobal("fetch", unanswered);
  stop = playHls({} as HTMLVideoElement, "/live/key/index.m3u8", Date.now, news);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(news.lost).toHaveBeenCalledOnce();
});
