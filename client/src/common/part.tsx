/// Parts of the page that are fetched when they are needed, as `React.lazy` does, which keeps a failure for ever.
///
/// What always holds: a part that cannot be fetched says so in its place, and heals by itself once the network is back; a part
/// of a version that the server no longer has offers to load the page again.

import { type ComponentType, use, useSyncExternalStore } from "react";
import { Fetched } from "./fetched";
import { Missing } from "./Missing";

interface Options {
  /**
   * How it says that it waits for the network: `here`, in its place; `over` the page, for what opens there, with a way to
   * leave it (`onClose`, or `close`); `not`, where nothing is missed without it or what `Suspense` shows is enough.
   */
  readonly away?: "here" | "over" | "not";
  /** Who may need it, so that it is fetched when all is quiet. Missing: it is only fetched when it is needed. */
  readonly warm?: "all" | "staff";
  readonly close?: () => void;
}

const parts = new Set<{ readonly fetched: Fetched<unknown>; readonly warm: Options["warm"] }>();

/** A component that `load` fetches. While it is on its way the nearest `Suspense` shows what it has for that. */
export function part<P extends object>(load: () => Promise<{ default: ComponentType<P> }>, { away = "here", warm, close }: Options = {}): ComponentType<P> {
  const fetched = new Fetched(async () => (await load()).default);
  parts.add({ fetched, warm });
  return function Part(props: P) {
    const stage = useSyncExternalStore(fetched.listen, () => fetched.stage);
    const Whole = fetched.value;
    if (Whole !== null) return <Whole {...props} />;
    fetched.want();
    if (stage === "coming") return <Wait until={fetched.told} />;
    if (away === "not" && stage === "away") return <Wait until={fetched.over} />;
    const { open = true, onClose = close } = props as { open?: boolean; onClose?: () => void };
    return open && <Missing gone={stage === "gone"} over={away === "over"} onClose={onClose} />;
  };
}

/** Has the nearest `Suspense` show what it has for that. */
function Wait({ until }: { until: Promise<void> }) {
  use(until);
  return null;
}

/** The network is back: what is wanted is fetched now. */
export function wakeParts(): void {
  for (const { fetched } of parts) fetched.again();
}

/**
 * Fetch, one after the other and while nothing else is to be done, what this member may need: it must be there in an outage
 * too, and after a new version has been installed. Ends with the first that cannot be fetched.
 */
export async function warmParts(staff: boolean, stop: AbortSignal): Promise<void> {
  // Those that come with a part are met later in this same loop.
  for (const { fetched, warm } of parts) {
    if (warm === undefined || (warm === "staff" && !staff)) continue;
    await quiet();
    if (stop.aborted || !(await fetched.warm())) return;
  }
}

function quiet(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof requestIdleCallback === "function") requestIdleCallback(() => resolve(), { timeout: 2_000 });
    else setTimeout(resolve, 100);
  });
}

if (typeof window !== "undefined") window.addEventListener("online", wakeParts);
