/// Whether so many write just now that the room is shown a sample.

import { useRoom, useServerNow } from "../app/live";
import type { MessageView } from "../protocol";
import type { RoomState } from "../room";

const FADES = 60_000; // ms
const FAR = 300; // messages: more than a minute's worth of what the room is shown by default

/** When a message was last left out (ms since 1970, the server's clock), as far as the reader can tell; 0: not lately. */
export function sampledAt(messages: readonly MessageView[]): number {
  const end = Math.max(0, messages.length - FAR);
  for (let at = messages.length - 1; at >= end; at -= 1) {
    const message = messages[at] as MessageView;
    if (message.crowd || (message.skipped ?? 0) > 0) return message.at;
  }
  return 0;
}

const pick = (room: RoomState) => sampledAt(room.chat.messages);

/** Whether that was within the last minute. */
export function useBusy(): boolean {
  const at = useRoom(pick);
  const now = useServerNow(at > 0 ? 5_000 : null);
  return at > now - FADES;
}
