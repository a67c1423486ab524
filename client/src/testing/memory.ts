/// A device's storage that a test can look into, and that outlives the page.

import { type KeyValue, safe } from "../connection/storage";

export function memory(): KeyValue {
  return safe(() => null);
}
