/// React's side of the room: hooks that read the replica and the connection, each re-rendering for what it reads alone.

import { createContext, type ReactNode, useCallback, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import type { ClassroomConnection } from "../connection/connection";
import type { Pending, Send, Status } from "../connection/types";
import type { Me, SignalIn } from "../protocol";
import type { RoomState } from "./state";

/** What the parts of the page need of a connection; a class that is over and played again has it too. */
export type Classroom = Pick<
  ClassroomConnection,
  | "room" | "status" | "pending" | "clockOffset" | "pass" | "key"
  | "on" | "send" | "signal" | "fetch" | "address" | "dismiss" | "retry" | "retryNow" | "start" | "stop" | "prependMessages"
> & {
  /** Whether it is only looked at: nothing can be done in what is past. */
  readonly replaying?: boolean;
};

const Context = createContext<Classroom | null>(null);

/** Makes `connection` known to the hooks below it. Starting and stopping it is the caller's. */
export function ClassroomProvider({ connection, children }: { connection: Classroom; children: ReactNode }) {
  return <Context value={connection}>{children}</Context>;
}

/** The connection itself: `retryNow()`, `stop()`, `fetch()`, `prependMessages()`, `dismiss(cid)`, `retry(cid)`, `on(…)`. */
export function useClassroom(): Classroom {
  const connection = useContext(Context);
  if (connection === null) throw new Error("a hook of the classroom is used outside ClassroomProvider");
  return connection;
}

type Equal<T> = (one: T, other: T) => boolean;

/**
 * What `selector` picks from the room; null before the first welcome. Renders again when what is picked is another
 * object (or, with `equal`, differs). The state is immutable: pick sub-objects freely, compute from them in `useMemo`.
 */
export function useRoomState<T>(selector: (state: RoomState) => T, equal: Equal<T> = Object.is): T | null {
  const connection = useClassroom();
  const last = useRef<{ readonly value: T } | null>(null);
  const snapshot = useCallback((): T | null => {
    const state = connection.room;
    if (state === null) return null;
    const value = selector(state);
    if (last.current === null || !equal(last.current.value, value)) last.current = { value };
    return last.current.value;
  }, [connection, selector, equal]);
  return useSyncExternalStore(
    useCallback((listener) => connection.on("room", listener), [connection]),
    snapshot,
  );
}

/** How the connection stands; `clockOffset`: add it to `Date.now()` for the server's clock. */
export function useConnection(): Status & { readonly clockOffset: number } {
  const connection = useClassroom();
  const status = useSyncExternalStore(
    useCallback((listener) => connection.on("status", listener), [connection]),
    () => connection.status,
  );
  return { ...status, clockOffset: connection.clockOffset };
}

/** Sends a command. The promise is answered exactly once, when the server has; until then it is in `usePending()`. */
export function useSend(): Send {
  return useClassroom().send;
}

/** Commands that wait, in order: queued, sending, or refused and not yet dismissed. */
export function usePending(): readonly Pending[] {
  const connection = useClassroom();
  return useSyncExternalStore(
    useCallback((listener) => connection.on("pending", listener), [connection]),
    () => connection.pending,
  );
}

/** Sends a signal, if connected; it is gone otherwise. */
export function useSignal(): (signal: SignalIn) => void {
  return useClassroom().signal;
}

const pickMe = (state: RoomState): Me => state.me;

/** Who I am; null before the first welcome. */
export function useMe(): Me | null {
  return useRoomState(pickMe);
}

/** Calls `listener` for each burst of emoji from the class. */
export function useReactions(listener: (counts: Readonly<Record<string, number>>) => void): void {
  const connection = useClassroom();
  useEffect(
    () => connection.on("signal", (signal) => signal.type === "reactions" && listener(signal.counts)),
    [connection, listener],
  );
}
