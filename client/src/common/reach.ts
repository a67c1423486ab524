/// Whether the server can be reached, and loading the page again only then: a reload without it ends at the browser's own
/// page, from which nothing heals by itself.

import { useEffect, useState } from "react";

const EVERY = 3_000; // ms

/** Whether the server answers just now. */
export async function reachable(): Promise<boolean> {
  try {
    return (await fetch("/", { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

/** `reload` loads the page again: now, or as soon as the server answers; meanwhile it `waits`. */
export function useReload(): { readonly waits: boolean; readonly reload: () => void } {
  const [wanted, setWanted] = useState(false);
  const [waits, setWaits] = useState(false);
  useEffect(() => {
    if (!wanted) return;
    const attempt = async (): Promise<void> => {
      if (await reachable()) location.reload();
      else setWaits(true);
    };
    void attempt();
    const timer = setInterval(attempt, EVERY);
    window.addEventListener("online", attempt);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", attempt);
    };
  }, [wanted]);
  return { waits, reload: () => setWanted(true) };
}
