/// What the device keeps: an id of its own, and texts that must survive a reload.
///
/// What always holds: nothing here throws. Where the browser keeps nothing (private windows, storage switched off or
/// full), what is written is kept as long as the page lives.

export interface KeyValue {
  get(key: string): string | null;
  set(key: string, value: string): void;
  delete(key: string): void;
  keys(): string[];
}

/** `storage` made safe, or memory alone where there is none. */
export function safe(storage: () => Storage | null | undefined): KeyValue {
  const memory = new Map<string, string>();
  const attempt = <T>(action: (storage: Storage) => T, otherwise: T): T => {
    try {
      const found = storage();
      return found ? action(found) : otherwise;
    } catch {
      return otherwise;
    }
  };
  return {
    get: (key) => memory.get(key) ?? attempt((kept) => kept.getItem(key), null),
    set(key, value) {
      const kept = attempt((storage) => (storage.setItem(key, value), true), false);
      if (kept) memory.delete(key);
      else memory.set(key, value);
    },
    delete(key) {
      memory.delete(key);
      attempt((kept) => kept.removeItem(key), undefined);
    },
    keys() {
      const kept = attempt((storage) => Array.from({ length: storage.length }, (_, place) => storage.key(place)), []);
      return [...new Set([...memory.keys(), ...kept.filter((key) => key !== null)])];
    },
  };
}

export function deviceStorage(): KeyValue {
  return safe(() => globalThis.localStorage);
}

/** 128 random bits, in hexadecimal. Does not need a secure context, as `crypto.randomUUID` does. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The id kept under `key`, made at the first call. */
export function keptId(storage: KeyValue, key: string): string {
  const known = storage.get(key);
  if (known !== null && /^[0-9a-f]{32}$/.test(known)) return known;
  const made = randomId();
  storage.set(key, made);
  return made;
}
