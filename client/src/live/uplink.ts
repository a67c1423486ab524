/// What a publication's connection carries: how well it goes, and in which sizes pictures are sent over it.

import type { Source } from "../protocol";
import { encodingsOf, needs, type Shape, shapeOf } from "./encodings";
import { BEST, judge, type Look, type Quality } from "./quality";

type Tracks = ReadonlyMap<Source, MediaStreamTrack>;

export class Uplink {
  quality: Quality = BEST;
  /** Whether to offer several sizes at once: not to a server that has refused them. */
  layered = true;
  #counted = { packets: 0, lost: 0 };

  /** Add what is to be sent to a new connection, in this order. */
  add(pc: RTCPeerConnection, tracks: Tracks, sources: readonly Source[]): void {
    const stream = new MediaStream();
    const wanted = encodingsOf(this.quality.layer, this.#shape(tracks), sources);
    for (const source of sources) {
      const track = tracks.get(source);
      if (track === undefined) continue;
      const init: RTCRtpTransceiverInit = { direction: "sendonly", streams: [stream] };
      try {
        pc.addTransceiver(track, wanted.has(source) ? { ...init, sendEncodings: wanted.get(source) } : init);
      } catch {
        pc.addTransceiver(track, init); // a browser that knows no layers
      }
    }
  }

  /** A connection has come up: count from here. */
  begin(pc: RTCPeerConnection, tracks: Tracks): void {
    this.#counted = { packets: 0, lost: 0 };
    this.apply(pc, tracks);
  }

  /** See how it goes, and send more or less. What has come of it, or null where nothing is known. */
  async look(pc: RTCPeerConnection, tracks: Tracks): Promise<Quality | null> {
    const stats = await pc.getStats().catch(() => null);
    if (stats === null) return null;
    const before = this.quality;
    this.quality = judge(before, { ...this.#read(stats, tracks), needs: needs(this.#shape(tracks), [...tracks.keys()]) });
    if (this.quality.layer !== before.layer) this.apply(pc, tracks);
    return this.quality;
  }

  /** Have pictures sent as the quality says. Where a server took one size of several, the whole picture is sent in it. */
  apply(pc: RTCPeerConnection, tracks: Tracks): void {
    const sources = [...tracks.keys()];
    const shape = this.#shape(tracks);
    for (const sender of pc.getSenders()) {
      const source = sources.find((one) => tracks.get(one) === sender.track);
      if (source === undefined || sender.track?.kind !== "video") continue;
      const parameters = sender.getParameters();
      const sizes = Math.min(shape.sizes, parameters.encodings.length);
      const wanted = encodingsOf(this.quality.layer, { ...shape, sizes }, sources).get(source);
      for (const [place, encoding] of parameters.encodings.entries()) {
        const { rid: _, ...changed } = wanted?.[place] ?? { active: false };
        Object.assign(encoding, changed);
      }
      void sender.setParameters(parameters).catch(() => undefined);
    }
  }

  #shape(tracks: Tracks): Shape {
    const shape = shapeOf(tracks.get("camera")?.getSettings() ?? {}, navigator.hardwareConcurrency ?? 4);
    return this.layered ? shape : { ...shape, sizes: 1 };
  }

  #read(stats: RTCStatsReport, tracks: Tracks): Omit<Look, "needs"> {
    let available: number | null = null;
    let [packets, lost] = [0, 0];
    let busy = false;
    stats.forEach((one) => {
      if (one.type === "candidate-pair" && one.nominated) available = one.availableOutgoingBitrate ?? available;
      if (one.type === "outbound-rtp") {
        packets += one.packetsSent ?? 0;
        busy ||= one.qualityLimitationReason === "cpu";
      }
      if (one.type === "remote-inbound-rtp") lost += Math.max(0, one.packetsLost ?? 0);
    });
    const sent = packets - this.#counted.packets;
    const share = sent > 50 ? Math.min(1, Math.max(0, lost - this.#counted.lost) / sent) : null;
    this.#counted = { packets, lost };
    const hasPicture = tracks.has("camera") || tracks.has("screen");
    return { available: hasPicture ? available : null, lost: share, busy };
  }
}
