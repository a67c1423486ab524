/// Text that is being written survives changing the tab, and a reload.

import { useCallback, useEffect, useRef, useState } from "react";
import { recall, remember } from "../app/memory";
import type { RoomState } from "../room";

const tab = (): Storage => sessionStorage;

/** Fields on the page, by what is written there: puts a text after what stands in it. */
const fields = new Map<string, (text: string) => void>();

/** Names what is written in a room by this member: who comes next in this tab does not go on with it. */
export function whose(room: RoomState | null): string {
  return room === null ? "" : `${room.room.id}.${room.me.id}`;
}

function keep(key: string, text: string): void {
  remember(`draft.${key}`, text === "" ? null : text, tab);
}

export function useDraft(key: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(() => recall(`draft.${key}`, tab) ?? "");
  const write = useCallback(
    (next: string) => {
      setText(next);
      keep(key, next);
    },
    [key],
  );
  const latest = useRef(text);
  latest.current = text;
  useEffect(() => {
    fields.set(key, (more) => write(joined(latest.current, more)));
    return () => void fields.delete(key);
  }, [key, write]);
  return [text, write];
}

/** Put a text where it is written, after what stands there. */
export function addToDraft(key: string, text: string): void {
  const add = fields.get(key);
  if (add === undefined) keep(key, joined(recall(`draft.${key}`, tab) ?? "", text));
  else add(text);
}

/** One text after the other, each on lines of its own. */
export function joined(before: string, more: string): string {
  return before.trim() === "" ? more : `${before}\n${more}`;
}
