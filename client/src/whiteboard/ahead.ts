/// What of the board is read from addresses that never change. The page that the class looks at is asked for as soon as its
/// address is known, while the code that shows it is still on its way.

const AHEAD = 4; // answers that wait to be used

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
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null; // no network; it is tried again
  }
}
