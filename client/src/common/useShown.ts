/// Whether a part is still on the page: an answer of the server may come after it has gone.

import { useEffect, useRef } from "react";

export function useShown(): { readonly current: boolean } {
  const shown = useRef(true);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);
  return shown;
}
