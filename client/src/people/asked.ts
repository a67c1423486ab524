/// Which dialog about a person is open. It outlives the menu that asked for it.

import { useSyncExternalStore } from "react";
import type { PersonView } from "../protocol";

export interface Asked {
  readonly what: "rename" | "remove" | "ban";
  readonly person: PersonView;
}

let asked: Asked | null = null;
const listeners = new Set<() => void>();

export function askAbout(next: Asked | null): void {
  asked = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useAsked(): Asked | null {
  return useSyncExternalStore(subscribe, () => asked);
}
