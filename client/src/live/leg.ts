/// What one person on stage sends, watched by WebRTC (WHEP).

import type { Source } from "../protocol";
import { end, exchange, type Fetch, Refusal, type Session } from "./exchange";
import { FREE, held } from "./hold";

const CONNECTS_WITHIN = 4_000; // ms from the answer: how long a busy server takes for that says nothing of the network
const SILENT = 6_000; // ms without a packet of any kind
const EARLY_LOOK = 100; // ms, until something has come
const LOOK = 1_000;
const PAUSES = 4_000; // ms without a picture while something else comes; a screen that stands still sends one a second

export interface LegNews {
  /** Its tracks are there; nothing has come of them yet. */
  opened(): void;
  /** Packets come. */
  playing(): void;
  /** Nothing comes, or nothing comes any more. Said once; the leg is closed then. */
  lost(): void;
  refused(code: string): void;
}

export class Leg {
  /** What has arrived, by source. */
  readonly tracks = new Map<Source, MediaStreamTrack>();
  /** ms that what is seen and heard lies behind: half the way there and back, and what waits in the browser. */
  delay: number | null = null;
  playing = false;
  /** Pictures that are not sent for now, since the way here (or the publisher's) carries only sound. */
  paused: readonly Source[] = [];
  readonly #pc: RTCPeerConnection;
  readonly #fetch: Fetch;
  readonly #news: LegNews;
  #answeredAt = 0;
  #session: Session | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heard = 0;
  #heardAt = 0;
  #waited = { delay: 0, count: 0 };
  #counted = { lost: 0, packets: 0 };
  #hold = FREE;
  readonly #moved = new Map<Source, { frames: number; at: number }>();

  constructor(fetch: Fetch, ice: RTCIceServer[], member: string, sources: readonly Source[], news: LegNews) {
    this.#fetch = fetch;
    this.#news = news;
    this.#pc = new RTCPeerConnection({ iceServers: ice, bundlePolicy: "max-bundle" });
    for (const source of sources) {
      this.#pc.addTransceiver(kindOf(source), { direction: "recvonly" });
    }
    this.#pc.onconnectionstatechange = () => this.#pc.connectionState === "failed" && this.#lose();
    void this.#open(member);
  }

  get speaking(): boolean {
    return this.#pc.getReceivers().some((receiver) => receiver.track.kind === "audio" && (receiver.getSynchronizationSources?.()[0]?.audioLevel ?? 0) > 0.02);
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.#pc.signalingState === "closed") return;
    this.#pc.onconnectionstatechange = null;
    this.#pc.close();
    if (this.#session !== null) end(this.#fetch, this.#session);
  }

  async #open(member: string): Promise<void> {
    try {
      this.#session = await exchange(this.#fetch, `/whep?publisher=${encodeURIComponent(member)}`, this.#pc);
    } catch (error) {
      if (this.#pc.signalingState === "closed") return;
      this.close();
      return error instanceof Refusal ? this.#news.refused(error.code) : this.#news.lost();
    }
    for (const { mid, receiver } of this.#pc.getTransceivers()) {
      const source = mid === null ? undefined : this.#session.sources.get(mid);
      if (source !== undefined) this.tracks.set(source, receiver.track);
    }
    this.#answeredAt = this.#heardAt = performance.now();
    this.#news.opened();
    this.#timer = setTimeout(() => void this.#look(), EARLY_LOOK);
  }

  async #look(): Promise<void> {
    const stats = await this.#pc.getStats().catch(() => null);
    if (stats === null || this.#pc.signalingState === "closed") return;
    let packets = 0;
    let lost = 0;
    let heard = 0;
    let roundTrip: number | null = null;
    let delay = 0;
    let count = 0;
    const frames = new Map<Source, number>();
    stats.forEach((one) => {
      if (one.type === "inbound-rtp") {
        packets += one.packetsReceived ?? 0;
        lost += Math.max(0, one.packetsLost ?? 0);
        delay += one.jitterBufferDelay ?? 0;
        count += one.jitterBufferEmittedCount ?? 0;
        const source = this.#session?.sources.get(one.mid);
        if (source !== undefined && one.kind === "video") frames.set(source, one.framesDecoded ?? 0);
      }
      // Answers to checks too: a screen that stands still sends next to nothing.
      if (one.type === "candidate-pair" && one.nominated) {
        heard += (one.responsesReceived ?? 0) + (one.bytesReceived ?? 0);
        roundTrip = one.currentRoundTripTime ?? roundTrip;
      }
    });
    this.#wait({ lost, packets: packets + lost });
    const now = performance.now();
    this.#pause(frames, now);
    if (heard !== this.#heard) [this.#heard, this.#heardAt] = [heard, now];
    if (count > this.#waited.count && roundTrip !== null) {
      this.delay = (roundTrip / 2 + (delay - this.#waited.delay) / (count - this.#waited.count)) * 1_000;
    }
    this.#waited = { delay, count };
    if (!this.playing && packets > 0) {
      this.playing = true;
      this.#news.playing();
    }
    const late = !this.playing && this.#pc.connectionState !== "connected" && now - this.#answeredAt > CONNECTS_WITHIN;
    if (late || now - this.#heardAt > SILENT) return this.#lose();
    this.#timer = setTimeout(() => void this.#look(), this.playing ? LOOK : EARLY_LOOK);
  }

  /** Have the browser hold pictures and sound longer, or no longer. */
  #wait(counted: { lost: number; packets: number }): void {
    const before = this.#hold;
    this.#hold = held(before, { lost: counted.lost - this.#counted.lost, packets: counted.packets - this.#counted.packets });
    this.#counted = counted;
    if (this.#hold.ms === before.ms) return;
    for (const receiver of this.#pc.getReceivers()) receiver.jitterBufferTarget = this.#hold.ms;
  }

  #pause(frames: ReadonlyMap<Source, number>, now: number): void {
    for (const [source, count] of frames) {
      const before = this.#moved.get(source);
      // On a page that nobody looks at a browser may well draw none.
      if (before?.frames !== count || document.visibilityState === "hidden") this.#moved.set(source, { frames: count, at: now });
    }
    this.paused = [...this.#moved].filter(([, { frames: count, at }]) => count > 0 && now - at > PAUSES).map(([source]) => source);
  }

  #lose(): void {
    if (this.#pc.signalingState === "closed") return;
    this.close();
    this.#news.lost();
  }
}

export function kindOf(source: Source): "audio" | "video" {
  return source === "camera" || source === "screen" ? "video" : "audio";
}
