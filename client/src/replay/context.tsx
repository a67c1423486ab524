/// The player and the class it plays, for all parts of its page.

import { createContext, type ReactNode, useContext, useSyncExternalStore } from "react";
import type { Classroom } from "../room";
import type { Marker } from "./markers";
import type { Player, PlayerState } from "./player";
import type { Replay } from "./replay";

export interface Playing {
  readonly player: Player;
  readonly replay: Replay;
  /** The room as it is today. */
  readonly live: Classroom;
  readonly markers: readonly Marker[];
  /** When doubts were answered live (class time), by id. */
  readonly answers: ReadonlyMap<number, number>;
}

const Context = createContext<Playing | null>(null);

export function PlayingProvider({ value, children }: { value: Playing; children: ReactNode }) {
  return <Context value={value}>{children}</Context>;
}

export function usePlaying(): Playing {
  const playing = useContext(Context);
  if (playing === null) throw new Error("a part of the player is used outside PlayingProvider");
  return playing;
}

/** What `pick` takes of the player's state. Renders again when that is another value. */
export function usePlayer<T>(pick: (state: PlayerState) => T): T {
  const { player } = usePlaying();
  return useSyncExternalStore(
    (listener) => player.on("state", listener),
    () => pick(player.state),
  );
}
