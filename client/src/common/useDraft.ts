/// Text that is being written survives changing the tab, and a reload.

import { useCallback, useState } from "react";
import { recall, remember } from "../app/memory";

const tab = (): Storage => sessionStorage;

export function useDraft(key: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(() => recall(`draft.${key}`, tab) ?? "");
  const write = useCallback(
    (next: string) => {
      setText(next);
      remember(`draft.${key}`, next === "" ? null : next, tab);
    },
    [key],
  );
  return [text, write];
}
