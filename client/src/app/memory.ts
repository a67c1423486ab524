/// What the device remembers. Storage may be missing or full (private windows, kiosks): then nothing is remembered,
/// and nothing breaks.

const PREFIX = "classroom.";

export function recall(key: string, storage: () => Storage = () => localStorage): string | null {
  try {
    return storage().getItem(PREFIX + key);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null, storage: () => Storage = () => localStorage): void {
  try {
    if (value === null) storage().removeItem(PREFIX + key);
    else storage().setItem(PREFIX + key, value);
  } catch {
    // Nothing is remembered.
  }
}
