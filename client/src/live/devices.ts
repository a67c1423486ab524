/// Cameras, microphones and screens, and why they cannot be had.

import { recall, remember } from "../app/memory";

export type DeviceFault = "denied" | "missing" | "busy" | "insecure" | "failed";

export interface Choice {
  /** A device's id, "" for whichever the browser takes; null: none. */
  readonly camera: string | null;
  readonly microphone: string | null;
}

const NONE = "none";

/** The camera and microphone that were chosen here last. */
export function chosen(): Choice {
  const of = (what: keyof Choice) => {
    const id = recall(`live.${what}`);
    return id === NONE ? null : (id ?? "");
  };
  return { camera: of("camera"), microphone: of("microphone") };
}

export function choose(what: keyof Choice, id: string | null): void {
  remember(`live.${what}`, id ?? NONE);
}

/** Why `getUserMedia` failed, by the name of its error. Null: the person has thought better of it. */
export function faultOf(error: unknown, what: "device" | "screen" = "device"): DeviceFault | null {
  const name = error instanceof Error ? error.name : "";
  if (navigator.mediaDevices === undefined) return "insecure";
  // Closing the browser's choice of screens is said in the same way as a refusal.
  if (name === "NotAllowedError" || name === "SecurityError") return what === "screen" ? null : "denied";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "missing";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "failed";
}

export async function openDevices({ camera, microphone }: Choice): Promise<MediaStreamTrack[]> {
  if (camera === null && microphone === null) return [];
  const exact = (id: string) => (id === "" ? {} : { deviceId: { exact: id } });
  const media = await navigator.mediaDevices.getUserMedia({
    video: camera === null ? false : { ...exact(camera), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } },
    audio: microphone === null ? false : { ...exact(microphone), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  for (const track of media.getVideoTracks()) track.contentHint = "motion";
  return media.getTracks();
}

/** A screen, a window or a tab, with its sound where the browser offers that. */
export async function openScreen(): Promise<MediaStreamTrack[]> {
  const media = await navigator.mediaDevices.getDisplayMedia({
    video: { frameRate: { ideal: 15, max: 30 } },
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  for (const track of media.getVideoTracks()) track.contentHint = "detail"; // text stays sharp, rather than smooth
  return media.getTracks();
}

export interface Devices {
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind);
  return { cameras: of("videoinput"), microphones: of("audioinput") };
}

/** Calls `tell` with how loud a track is, 0 to 1, some times a second. Call what is returned to stop. */
export function meter(track: MediaStreamTrack, tell: (level: number) => void): () => void {
  const context = new AudioContext();
  void context.resume().catch(() => undefined);
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  const source = context.createMediaStreamSource(new MediaStream([track]));
  source.connect(analyser);
  const wave = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(wave);
    const power = wave.reduce((sum, each) => sum + each * each, 0) / wave.length;
    // From -60 dB to 0.
    tell(power === 0 ? 0 : Math.min(1, Math.max(0, 1 + Math.log10(power) / 6)));
  }, 100);
  return () => {
    clearInterval(timer);
    source.disconnect();
    void context.close().catch(() => undefined);
  };
}
