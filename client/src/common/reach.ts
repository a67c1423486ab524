/// Whether the server can be reached, and loading the page again only then: a reload without it ends at the browser's own
/// page, from which nothing heals by itself.

import { useEffect, useState } from "react";

const EVERY = 3_000; // ms
const OURS = 'id="root"'; // in the page that the server gives

/** Whether the server answers just now. A network that wants one to log in answers everything, with a page of its own. */
export async function reachable(): Promise<boolean> {
  try {
    const answer = await fetch("/", { cache: "no-store" });
    return answer.ok && (await answer.text()).includes(OURS);
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
