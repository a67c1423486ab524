/// Where we are: `/`, `/r/<room>` or `/r/<room>/recording`. Nothing else is routed.

import { useSyncExternalStore } from "react";

const ROOM = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const MOVED = "classroom:moved";

export type Place = { readonly page: "home" } | { readonly page: "room" | "recording"; readonly room: string };

export function isRoomName(text: string): boolean {
  return ROOM.test(text);
}

/** The place that a path names; what it does not know is the home page. */
export function placeOf(path: string): Place {
  const [, room, after] = /^\/r\/([^/]+?)(\/recording)?\/?$/.exec(path) ?? [];
  if (room === undefined || !isRoomName(room)) return { page: "home" };
  return { page: after === undefined ? "room" : "recording", room };
}

/** What someone typed or pasted, as a room's name: the name itself, or a link to the room. */
export function roomFrom(text: string): string | null {
  const typed = text.trim();
  const name = /\/r\/([^/?#\s]+)/.exec(typed)?.[1] ?? typed.replace(/\s+/g, "-");
  return isRoomName(name) ? name : null;
}

export function go(path: string): void {
  history.pushState(null, "", path);
  window.dispatchEvent(new Event(MOVED));
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("popstate", listener);
  window.addEventListener(MOVED, listener);
  return () => {
    window.removeEventListener("popstate", listener);
    window.removeEventListener(MOVED, listener);
  };
}

export function usePlace(): Place {
  return placeOf(useSyncExternalStore(subscribe, () => location.pathname));
}
