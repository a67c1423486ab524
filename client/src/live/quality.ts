/// How good a picture is sent, by what the network lets through: sound first, then the picture's size. Pure.
///
/// What always holds: it goes down after two bad looks in a row, and up only after a calm while that gets longer each time
/// going up was a mistake.

export interface Layer {
  /** Bits per second of the picture. */
  readonly bits: number;
  /** Each side of the picture is so many times smaller than the camera's. */
  readonly scale: number;
  readonly fps: number;
}

/** From the best to the least; below it the picture is held back, and sound goes on alone. */
export const LAYERS: readonly Layer[] = [
  { bits: 1_500_000, scale: 1, fps: 30 },
  { bits: 700_000, scale: 1.5, fps: 24 },
  { bits: 300_000, scale: 2, fps: 15 },
  { bits: 120_000, scale: 4, fps: 10 },
];
export const SOUND_ONLY = LAYERS.length;

/** One look at the connection. `available`: bits per second that may be sent, as the browser reckons; `lost`: 0 to 1; `busy`: the
 * device cannot encode as much as it should; `needs`: what all pictures take at each layer, where that is not what `LAYERS` says. */
export interface Look {
  readonly available: number | null;
  readonly lost: number | null;
  readonly busy?: boolean;
  readonly needs?: readonly number[];
}

export interface Quality {
  /** Index into `LAYERS`, or `SOUND_ONLY`. */
  readonly layer: number;
  readonly bad: number;
  readonly calm: number;
  /** Calm looks that going up needs. */
  readonly patience: number;
  /** Whether the last change was upwards. */
  readonly raised: boolean;
  readonly network: "good" | "weak" | "bad";
  /** It is the device that is too slow, not the network. */
  readonly busy: boolean;
}

export const BEST: Quality = { layer: 0, bad: 0, calm: 0, patience: 4, raised: false, network: "good", busy: false };

const SOUND_BITS = 50_000;
// An estimate of so many times what is sent says nothing of a limit: browsers reckon no further than that from what gets through.
const ENOUGH = 1.5;
const MOST_PATIENCE = 32;

export function judge(before: Quality, { available, lost, busy = false, needs = LAYERS.map(({ bits }) => bits) }: Look): Quality {
  const { layer } = before;
  const bits = needs[layer] ?? 0;
  const starved = available !== null && layer < SOUND_ONLY && available < bits * 0.6 + SOUND_BITS;
  const losing = lost !== null && lost > 0.1;
  const trouble = starved || losing;
  // Why less is sent is remembered for as long as less is sent.
  const quality = { ...before, busy: trouble ? false : busy || (before.busy && layer > 0) };
  if (trouble || (busy && layer < LAYERS.length - 1)) {
    const bad = quality.bad + 1;
    if (bad < 2 || layer === SOUND_ONLY) return seen({ ...quality, bad: Math.min(bad, 2), calm: 0 });
    const patience = quality.raised ? Math.min(quality.patience * 2, MOST_PATIENCE) : quality.patience;
    return seen({ ...quality, layer: layer + 1, bad: 0, calm: 0, patience, raised: false });
  }
  const above = needs[layer - 1];
  // While sound goes alone nothing tells how much more would get through: now and then it is tried.
  const known = Math.min((above ?? 0) * 0.9 + SOUND_BITS, ENOUGH * (bits + SOUND_BITS));
  const room = layer === SOUND_ONLY || available === null || available >= known;
  const calm = !busy && (lost ?? 0) < 0.03 && (above === undefined || room) ? quality.calm + 1 : 0;
  if (above !== undefined && calm >= quality.patience) return seen({ ...quality, layer: layer - 1, bad: 0, calm: 0, raised: true });
  return seen({ ...quality, bad: 0, calm: Math.min(calm, MOST_PATIENCE) });
}

function seen(quality: Quality): Quality {
  const network = quality.layer >= 3 || (quality.layer > 0 && quality.bad > 0) ? "bad" : quality.layer > 0 || quality.bad > 0 ? "weak" : "good";
  return { ...quality, network };
}
