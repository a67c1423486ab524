/// Older messages, a page at a time.

import { useCallback, useState } from "react";
import { useApi } from "../app/live";
import type { MessageView } from "../protocol";
import { useClassroom } from "../room";

interface Page {
  readonly messages: readonly MessageView[];
  /** Where the page before this one ends; null: there is none. */
  readonly before: number | null;
}

const PAGE = 100;

export type Older = { readonly state: "idle" | "loading" | "failed"; readonly load: () => void };

export function useOlder(): Older {
  const classroom = useClassroom();
  const api = useApi();
  const [state, setState] = useState<Older["state"]>("idle");
  const load = useCallback(() => {
    const chat = classroom.room?.chat;
    if (chat === undefined || !chat.more || state === "loading") return;
    setState("loading");
    nonEmptyPage(api, chat.messages[0]?.id)
      .then(({ messages, before }) => {
        classroom.prependMessages(messages, before !== null);
        setState("idle");
      })
      .catch(() => setState("failed"));
  }, [api, classroom, state]);
  return { state, load };
}

/** Deleted messages leave holes: a page may be empty though there are older ones. */
async function nonEmptyPage(api: <T>(path: string) => Promise<T>, before: number | undefined): Promise<Page> {
  for (let from = before; ; ) {
    const page = await api<Page>(`/history?limit=${PAGE}${from === undefined ? "" : `&before=${from}`}`);
    if (page.messages.length > 0 || page.before === null) return page;
    from = page.before;
  }
}
