/// What is written in a dialog survives its closing, and a reload: opened again, the dialog goes on with it.
///
/// What always holds: it is kept in this tab alone, and only where it differs from what the dialog begins with.

import { useCallback, useState } from "react";
import { recall, remember } from "../app/memory";

const tab = (): Storage => sessionStorage;

/** How it is kept as a text; the same text says that nothing has changed. */
export interface Form<T> {
  readonly pack: (value: T) => string;
  readonly unpack: (text: string) => T;
}

export interface Kept<T> {
  readonly value: T;
  readonly write: (value: T) => void;
  /** Whether there is something that would be lost. */
  readonly touched: boolean;
  /** Whether it began with what was kept from before. */
  readonly restored: boolean;
  /** Begin without what was kept. */
  readonly startAnew: () => void;
  /** It is on its way: do not offer it again. `keep` takes that back. */
  readonly forget: () => void;
  readonly keep: () => void;
}

export function useKept<T>(key: string, begin: () => T, { pack, unpack }: Form<T>): Kept<T> {
  const place = `kept.${key}`;
  const [base] = useState(begin);
  const [found] = useState(() => read(place, unpack));
  const [restored, setRestored] = useState(found !== null && pack(found) !== pack(base));
  const [value, setValue] = useState(found ?? base);
  const touched = pack(value) !== pack(base);

  const store = useCallback(
    (next: T) => remember(place, pack(next) === pack(base) ? null : pack(next), tab),
    [place, base, pack],
  );
  const write = useCallback(
    (next: T) => {
      setValue(next);
      store(next);
    },
    [store],
  );

  return {
    value,
    write,
    touched,
    restored,
    startAnew: () => {
      write(base);
      setRestored(false);
    },
    forget: () => remember(place, null, tab),
    keep: () => store(value),
  };
}

function read<T>(place: string, unpack: (text: string) => T): T | null {
  const text = recall(place, tab);
  try {
    return text === null ? null : unpack(text);
  } catch {
    return null;
  }
}
