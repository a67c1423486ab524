/// How long to wait before trying again.

/**
 * Full jitter: anywhere between nothing and a bound that doubles with each failure, so that a class that was cut off
 * together does not come back together. `attempt` counts from 0; milliseconds in, milliseconds out.
 */
export function backoff(attempt: number, base: number, cap: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(cap, base * 2 ** Math.min(attempt, 30)));
}
