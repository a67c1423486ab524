/// How long a browser is to hold what it watches by WebRTC before it shows it: longer where packets are lost, so that what is asked for
/// again comes in time and pictures do not stand still. Pure.
///
/// What always holds: on a network that loses next to nothing a browser holds things as it likes, since each tenth of a second is one
/// more that the class is behind.

/** One look: packets that were lost since the last one, of so many. */
export interface Lost {
  readonly lost: number;
  readonly packets: number;
}

export interface Hold {
  /** ms; null: as the browser likes. */
  readonly ms: number | null;
  /** Looks in a row in which next to nothing was lost. */
  readonly calm: number;
}

export const FREE: Hold = { ms: null, calm: 0 };

const HELD = 250; // ms: asked for, sent again, and once more
const LOSSY = 0.02;
const CLEAN = 0.005;
const FEW = 30; // packets: of fewer one alone would be a share
const CALM = 20; // looks

export function held(before: Hold, { lost, packets }: Lost): Hold {
  if (packets < FEW) return before;
  const share = lost / packets;
  if (share >= LOSSY) return { ms: HELD, calm: 0 };
  if (before.ms === null) return before;
  const calm = share < CLEAN ? before.calm + 1 : 0;
  return calm < CALM ? { ...before, calm } : FREE;
}
