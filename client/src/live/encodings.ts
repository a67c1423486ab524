/// In which sizes pictures are sent: a camera in several at once (simulcast), so that each viewer can be given what their network
/// carries; a screen in one, since its text has to be read. Pure.
///
/// What always holds: the best that is sent is what `LAYERS` says for the layer; smaller sizes beside it are sent only where they
/// are much smaller; a device that is weak, or a camera that is small, sends fewer of them.

import type { Source } from "../protocol";
import { LAYERS, type Layer } from "./quality";

/** What is sent of a camera at once. `lines`: of its picture, the shorter side; `sizes`: how many. */
export interface Shape {
  readonly lines: number;
  readonly sizes: number;
}

const RIDS: readonly (readonly string[])[] = [[], [""], ["q", "f"], ["q", "h", "f"]];
const MIDDLE: Layer = { bits: 400_000, scale: 2, fps: 24 };
const SMALL = { bits: 120_000, fps: 15 };
const LARGE_CAMERA = 540; // lines
const SMALL_CAMERA = 270;
const FEW_CORES = 2;
const SCREEN_FPS = 15;
const SCREEN_SHARE = 2 / 3; // of the bits, beside a camera, which is then a small picture on every page

/** How many sizes of a camera's picture to send. `cores`: what the device has. */
export function shapeOf({ width = 1280, height = 720 }: MediaTrackSettings, cores: number): Shape {
  const lines = Math.min(width, height);
  if (lines < SMALL_CAMERA) return { lines, sizes: 1 };
  return { lines, sizes: lines < LARGE_CAMERA || cores <= FEW_CORES ? 2 : 3 };
}

/** The encodings of a camera, the smallest first, as `addTransceiver` and `setParameters` take them. `layer`: index into `LAYERS`, or
 * `SOUND_ONLY`; `beside`: whether a screen is sent too. */
export function cameraEncodings(layer: number, { lines, sizes }: Shape, beside: boolean): RTCRtpEncodingParameters[] {
  const best = LAYERS[layer];
  const rids = RIDS[sizes] ?? [];
  if (best === undefined) return rids.map((rid) => off(rid));
  const shared = beside ? { ...best, bits: Math.round(best.bits * (1 - SCREEN_SHARE)), scale: best.scale * 2 } : best;
  if (sizes < 2) return [on("", shared)];
  const small = { ...SMALL, scale: lines < LARGE_CAMERA ? 2 : 4 };
  if (shared.bits < 2 * small.bits) {
    const [least, ...others] = rids;
    return [on(least ?? "", { ...shared, scale: Math.min(shared.scale, small.scale) }), ...others.map((rid) => off(rid))];
  }
  const low = on("q", small);
  if (sizes === 2) return [low, on("f", shared)];
  return shared.scale < MIDDLE.scale && shared.bits > 2 * MIDDLE.bits ? [low, on("h", MIDDLE), on("f", shared)] : [low, on("h", shared), off("f")];
}

/** The one encoding of a screen. `beside`: whether a camera is sent too. */
export function screenEncodings(layer: number, beside: boolean): RTCRtpEncodingParameters[] {
  const wanted = LAYERS[layer];
  if (wanted === undefined) return [off("")];
  const bits = Math.round(wanted.bits * (beside ? SCREEN_SHARE : 1));
  return [on("", { bits, scale: 1, fps: Math.min(wanted.fps, SCREEN_FPS) })];
}

/** The encodings of each picture that is sent. */
export function encodingsOf(layer: number, shape: Shape, sources: readonly Source[]): ReadonlyMap<Source, RTCRtpEncodingParameters[]> {
  const camera = sources.includes("camera");
  const screen = sources.includes("screen");
  const found = new Map<Source, RTCRtpEncodingParameters[]>();
  if (camera) found.set("camera", cameraEncodings(layer, shape, screen));
  if (screen) found.set("screen", screenEncodings(layer, camera));
  return found;
}

/** Bits a second that all pictures take at each layer, the best first. */
export function needs(shape: Shape, sources: readonly Source[]): number[] {
  return LAYERS.map((_, layer) => {
    const all = [...encodingsOf(layer, shape, sources).values()].flat();
    return all.reduce((sum, { active, maxBitrate }) => sum + (active ? (maxBitrate ?? 0) : 0), 0);
  });
}

function on(rid: string, { bits, scale, fps }: Layer): RTCRtpEncodingParameters {
  return { ...(rid === "" ? {} : { rid }), active: true, maxBitrate: bits, maxFramerate: fps, scaleResolutionDownBy: scale };
}

function off(rid: string): RTCRtpEncodingParameters {
  return { ...(rid === "" ? {} : { rid }), active: false };
}
