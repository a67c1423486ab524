/// What the outbox keeps on the device for one command.

import type { ClientCommand, Refused } from "../protocol";

const TOO_OLD = 24 * 3_600_000; // ms: what was meant for yesterday's class is not said in today's

export interface Kept {
  readonly cid: string;
  readonly command: ClientCommand;
  readonly at: number;
  /** Why it was refused; missing: it was not. */
  readonly reason?: Refused | null;
}

/** As it will be on the wire: fields that are undefined are missing. */
export function plain(command: ClientCommand): ClientCommand {
  return JSON.parse(JSON.stringify(command)) as ClientCommand;
}

/** What was kept; null when it cannot be read or is too old. */
export function parse(text: string | null): Kept | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return isKept(value) ? value : null;
  } catch {
    return null;
  }
}

function isKept(value: unknown): value is Kept {
  const { cid, command, at } = (value ?? {}) as Partial<Kept>;
  return typeof cid === "string" && typeof command?.type === "string" && typeof at === "number" && Date.now() - at < TOO_OLD;
}
