/// How long a playlist is waited for.

import { afterEach, expect, it, vi } from "vitest";
import { playHls } from "./hls";

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("a playlist that is never answered is given up like one that does not appear", async () => {
  vi.useFakeTimers();
  const unanswered = (_: string, { signal }: RequestInit = {}) =>
    new Promise((_, refuse) => signal?.addEventListener("abort", () => refuse(new DOMException("", "AbortError"))));
  vi.stubGlobal("fetch", unanswered);
  let lost = 0;
  const news = { playing: () => undefined, behind: () => undefined, delay: () => undefined, lost: () => (lost += 1) };
  playHls({} as HTMLVideoElement, "/live/index.m3u8", Date.now, news);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lost).toBe(1);
});
