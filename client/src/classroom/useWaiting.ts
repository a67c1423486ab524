/// What waits for the staff, said by screen readers: how many hands are up, how many doubts are to be approved.
///
/// What always holds: it is said when it has become more, and then not again for a while.

import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { announce } from "../app/toast";

const SETTLES = 1_500; // ms
const BUSY = 20_000; // ms

export function useWaiting(hands: number, doubts: number): void {
  const { t } = useTranslation();
  const known = useRef({ hands, doubts });
  const due = useRef(0);
  const notBefore = useRef(0);
  useEffect(() => {
    // What has become less and then more again is new.
    known.current = { hands: Math.min(known.current.hands, hands), doubts: Math.min(known.current.doubts, doubts) };
    const more = { hands: hands > known.current.hands, doubts: doubts > known.current.doubts };
    if (!more.hands && !more.doubts) {
      due.current = 0;
      return;
    }
    const now = performance.now();
    due.current ||= Math.max(now + SETTLES, notBefore.current);
    const timer = setTimeout(() => {
      known.current = { hands, doubts };
      due.current = 0;
      notBefore.current = performance.now() + BUSY;
      if (more.hands) announce(t("class.hands", { count: hands }));
      if (more.doubts) announce(t("say.toApprove", { count: doubts }));
    }, due.current - now);
    return () => clearTimeout(timer);
  }, [hands, doubts, t]);
}
