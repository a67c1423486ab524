/// Fetches the log of a class that is over, page by page, several at once.

import type { Me, RoomOwn, RoomView, Stamped, Welcome } from "../protocol";
import { fromWelcome, type RoomState } from "../room/state";

const PAGE = 2_000; // places, as PROTOCOL.md has it
const AT_ONCE = 4;
const TRIES = 4;
const RETRY = 600; // ms, doubled each time

interface Page {
  readonly events: readonly Stamped[];
  readonly next: number | null;
  readonly end: number;
  readonly state: RoomView | null;
  readonly own: RoomOwn | null;
}

export interface Log {
  readonly events: readonly Stamped[];
  readonly state: RoomView;
  readonly own: RoomOwn;
}

/** The server's refusal, or that it cannot be reached (`code` "unreachable"). */
export class LogRefused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

/** All of it. `heard` is told the share that is here (0 to 1). Rejects with `LogRefused`, or when `signal` says so. */
export async function fetchLog(fetch: Fetch, heard: (share: number) => void, signal: AbortSignal): Promise<Log> {
  const first = await fetchPage(fetch, 0, signal);
  const { state, own, end, next } = first;
  if (state === null || own === null) throw new LogRefused("unreachable", "");
  const pages: Page[] = [first];
  const starts: number[] = [];
  for (let after = next; after !== null && after < end; after += PAGE) starts.push(after);
  let waiting = 0;
  heard(1 / (starts.length + 1));
  const work = async (): Promise<void> => {
    for (let mine = waiting++; mine < starts.length; mine = waiting++) {
      pages[mine + 1] = await fetchPage(fetch, starts[mine] as number, signal);
      heard(pages.filter(Boolean).length / (starts.length + 1));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { events: pages.flatMap((page) => page.events), state, own };
}

async function fetchPage(fetch: Fetch, after: number, signal: AbortSignal): Promise<Page> {
  for (let tried = 1; ; tried += 1) {
    try {
      const answer = await fetch(`/log?after=${after}`, { signal });
      if (answer.ok) return (await answer.json()) as Page;
      const { code, message, temporary } = (await answer.json()) as { code: string; message: string; temporary: boolean };
      if (!temporary || code === "not_over" || tried === TRIES) throw new LogRefused(code, message);
    } catch (error) {
      if (error instanceof LogRefused || signal.aborted) throw error;
      if (tried === TRIES) throw new LogRefused("unreachable", "");
    }
    await new Promise((resume) => setTimeout(resume, RETRY * 2 ** (tried - 1)));
  }
}

/** The room before anything had happened in it, as `me` would have been told it. All messages are kept: they are all here. */
export function emptyRoom(room: Welcome["room"], me: Me, { state, own }: Pick<Log, "state" | "own">): RoomState {
  const empty = fromWelcome({ room, me, epoch: "", pass: "", key: "", seq: 0, now: 0, state, own });
  return { ...empty, chat: { ...empty.chat, keep: Infinity } };
}
