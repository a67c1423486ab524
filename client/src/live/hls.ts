/// Plays an LL-HLS playlist in a video element: by hls.js, loaded when it is needed, or by Apple's own player.
///
/// What always holds: the player waits until there is something to play, catches up by itself when it is behind, and says
/// `lost` once, when it has given up.

import { Behind } from "./behind";

export interface HlsNews {
  playing(): void;
  behind(): void;
  lost(): void;
  /** ms behind the class's clock. */
  delay(ms: number): void;
}

const APPEARS_WITHIN = 8_000; // ms
const ASK_EVERY = 300;
const LOOK = 500;
const FAR = 6_000; // ms behind
const STUCK = 5_000; // ms without going on

/** `now`: the class's clock, ms since 1970. Call what is returned to stop. */
export function playHls(video: HTMLVideoElement, url: string, now: () => number, news: HlsNews): () => void {
  let stopped = false;
  let close = (): void => undefined;
  let date = (): number | null => null;
  let timer: ReturnType<typeof setInterval> | undefined;

  const stop = (): void => {
    stopped = true;
    clearInterval(timer);
    close();
  };
  const lose = (): void => {
    if (stopped) return;
    stop();
    news.lost();
  };

  function watch(): void {
    let place = -1;
    let movedAt = performance.now();
    timer = setInterval(() => {
      const moved = video.currentTime !== place;
      if (moved) [place, movedAt] = [video.currentTime, performance.now()];
      // Where sound may not start by itself, or on a page that nobody looks at, standing still is no failure. One that has not begun,
      // since what it meant to begin with never came, stands still for ever beside what did come.
      const astray = video.readyState < 2 && video.buffered.length > 0;
      if ((video.paused && !astray) || document.visibilityState === "hidden") movedAt = performance.now();
      if (performance.now() - movedAt > STUCK) return lose();
      const shown = date();
      if (video.readyState < 3 || shown === null) return;
      const delay = now() - shown;
      news.delay(delay);
      if (delay > FAR) news.behind();
      else if (moved) news.playing();
    }, LOOK);
  }

  void (async () => {
    if (!(await appears(url, () => stopped))) return lose();
    if (isApple(video)) {
      video.src = url;
      video.onerror = lose;
      video.onended = lose;
      const start = () => (video as HTMLVideoElement & { getStartDate?(): Date }).getStartDate?.().getTime() ?? Number.NaN;
      date = () => (Number.isNaN(start()) ? null : start() + video.currentTime * 1_000);
      close = () => {
        video.onerror = video.onended = null;
        video.removeAttribute("src");
        video.load();
      };
      return watch();
    }
    // The light build cannot play sound that has a playlist of its own.
    const { default: Hls } = await import("hls.js");
    if (stopped) return;
    if (!Hls.isSupported()) return lose();
    const { Events } = Hls;
    const hls = new Hls({ enableWorker: false, lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.5, backBufferLength: Number.POSITIVE_INFINITY });
    close = () => hls.destroy();
    date = () => hls.playingDate?.getTime() ?? null;
    const behind = new Behind();
    hls.on(Events.FRAG_LOADING, (_, { frag: { type, sn }, part }) => {
      if (sn !== "initSegment") behind.asked(type, sn, part?.index ?? null);
    });
    hls.on(Events.FRAG_BUFFERED, (_, { frag: { type, sn }, part }) => {
      if (sn !== "initSegment") behind.came(type, sn, part?.index ?? null);
      const endOffset = video.buffered.length > 0 ? behind.end(video.buffered.start(0), video.currentTime) : null;
      if (endOffset !== null) hls.trigger(Events.BUFFER_FLUSHING, { startOffset: 0, endOffset, type: null });
    });
    hls.on(Events.ERROR, (_, { fatal, type }) => {
      if (!fatal) return;
      if (type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
      else lose();
    });
    video.onended = lose;
    hls.loadSource(url);
    hls.attachMedia(video);
    watch();
  })().catch(lose);
  return stop;
}

/** Wait for the playlist: it is there a moment after somebody has begun to publish. */
async function appears(url: string, stopped: () => boolean): Promise<boolean> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), APPEARS_WITHIN);
  try {
    while (!stopped() && !deadline.signal.aborted) {
      const answer = await fetch(url, { signal: deadline.signal }).catch(() => null);
      if (answer?.ok) return true;
      if (answer?.status === 404) return false;
      await new Promise((go) => setTimeout(go, ASK_EVERY));
    }
    return false;
  } finally {
    clearTimeout(timer);
  }
}

function isApple(video: HTMLVideoElement): boolean {
  return navigator.vendor.startsWith("Apple") && video.canPlayType("application/vnd.apple.mpegurl") !== "";
}
