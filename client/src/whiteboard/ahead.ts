/// What of the board is there before the code that shows it. What is read from addresses that never change: the page that the
/// class looks at is asked for as soon as its address is known. And the ink that comes meanwhile, which nobody sends again.

import type { BoardInkBy } from "../protocol";
import type { Classroom } from "../room";

const AHEAD = 4; // answers that wait to be used
const ANSWERS_WITHIN = 20_000; // ms: over a network that is gone a browser waits for minutes
const PIECES = 2_000; // of ink that wait: a minute of a pen

const inks = new WeakMap<Classroom, BoardInkBy[]>();

/** Keep the ink of strokes that are being drawn until it is taken; `heard` is told of each piece. Returns what to call to listen
 *  no more. */
export function keepInk(classroom: Classroom, heard: () => void): () => void {
  inks.set(classroom, []);
  const unlisten = [
    classroom.on("signal", (signal) => {
      if (signal.type !== "board.ink_by") return;
      const kept = inks.get(classroom);
      if (kept !== undefined && kept.length < PIECES) kept.push(signal);
      heard();
    }),
    classroom.on("event", (event) => {
      const kept = inks.get(classroom);
      if (kept === undefined || event.type !== "board.drawn") return;
      // They are on the page, which is yet to be fetched: nothing would ever end them a second time.
      const done = new Set(event.changes.map(({ id }) => id));
      inks.set(classroom, kept.filter(({ id }) => !done.has(id)));
    }),
  ];
  return () => {
    for (const off of unlisten) off();
  };
}

/** What was kept, for the one who hears all that comes from now on. */
export function takeInk(classroom: Classroom): readonly BoardInkBy[] {
  const kept = inks.get(classroom) ?? [];
  inks.delete(classroom);
  return kept;
}

const answers = new Map<string, Promise<unknown>>();

/** Ask for it now; whoever reads it later gets this answer. */
export function readAhead(address: string): void {
  if (answers.has(address) || answers.size >= AHEAD) return;
  answers.set(address, ask(address));
}

/** JSON from an address; null where it is not to be had. */
export function read<T>(address: string): Promise<T | null> {
  const answer = answers.get(address) ?? ask(address);
  answers.delete(address);
  return answer as Promise<T | null>;
}

async function ask(address: string): Promise<unknown> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ANSWERS_WITHIN);
  try {
    const answer = await fetch(address, { signal: deadline.signal });
    clearTimeout(timer); // what has begun to come may take its time
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // no network; it is tried again
  } finally {
    clearTimeout(timer);
  }
}
