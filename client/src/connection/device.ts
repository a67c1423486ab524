/// What the browser tells of the device: its network, and whether anybody looks.

export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}

/**
 * Tell when the device has a network again or is looked at again, when it has lost its network, and when another of its tabs
 * does not keep something any more.
 */
export function listenToDevice({ back, away, gone }: { back: () => void; away: () => void; gone: (key: string) => void }): () => void {
  if (typeof window === "undefined") return () => undefined;
  const stored = ({ key, newValue }: StorageEvent) => key !== null && newValue === null && gone(key);
  const seen = () => document.visibilityState === "visible" && back();
  window.addEventListener("online", back);
  window.addEventListener("offline", away);
  window.addEventListener("pageshow", back);
  window.addEventListener("storage", stored);
  document.addEventListener("visibilitychange", seen);
  return () => {
    window.removeEventListener("online", back);
    window.removeEventListener("offline", away);
    window.removeEventListener("pageshow", back);
    window.removeEventListener("storage", stored);
    document.removeEventListener("visibilitychange", seen);
  };
}
