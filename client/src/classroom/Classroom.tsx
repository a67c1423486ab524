/// The class: header, stage, and beside it (on a phone: below it) chat, doubts, polls and people.

import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { warmConfirm } from "../common/Confirm";
import { useAsked } from "../people/asked";
import { Banner } from "./Banner";
import classes from "./classroom.module.css";
import { Header } from "./Header";
import { Over } from "./Over";
import { SidePanel } from "./SidePanel";
import { Stage } from "./Stage";
import type { Tab } from "./tabs";
import { useNews } from "./useNews";
import { useUnread } from "./useUnread";
import { useWidth } from "./useWidth";

const WARM_AFTER = 8_000; // ms

const PersonDialogs = lazy(() => import("../people/PersonDialogs"));

export function Classroom() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const title = useRoom((room) => room.room.title || room.room.id);
  const [tab, setTab] = useState<Tab>("chat");
  const unread = useUnread(tab);
  const width = useWidth();
  const asked = useAsked() !== null;
  useNews();
  useWarmth();

  const waiting = unread.chat.count + (staff ? unread.doubts.count : 0);
  useEffect(() => {
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title} · ${t("app.name")}`;
  }, [title, waiting, t]);

  return (
    <div className={classes.page} style={{ "--side": `${width.value}px` } as React.CSSProperties}>
      <a className={classes.skip} href="#side">
        {t("app.skip")}
      </a>
      <Header onTab={setTab} />
      <Banner />
      <Over />
      <main className={classes.room} aria-label={t("class.landmark")}>
        <ErrorBoundary>
          <Stage tab={tab} />
        </ErrorBoundary>
        <div className={classes.handle} {...width.handle} aria-label={t("tabs.resize")} />
        <SidePanel tab={tab} unread={unread} onTab={setTab} />
      </main>
      {asked && (
        <Suspense>
          <PersonDialogs />
        </Suspense>
      )}
    </div>
  );
}

/**
 * Once all is quiet, fetch what a press may need: it must work offline too, and after a new version has been installed.
 */
function useWarmth(): void {
  useEffect(() => {
    const timer = setTimeout(() => {
      const parts = [import("../chat/MessageMenu"), import("../chat/EmojiMenu"), import("../people/PersonDialogs"), warmConfirm()];
      // Not now, then when it is needed.
      void Promise.allSettled(parts);
    }, WARM_AFTER);
    return () => clearTimeout(timer);
  }, []);
}

export default Classroom;
