/// The class: header, stage, and beside it (on a phone: below it) chat, doubts, polls and people.

import { Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { part, wakeParts, warmParts } from "../common/part";
import { askAbout, useAsked } from "../people/asked";
import { useConnection } from "../room";
import { Banner } from "./Banner";
import classes from "./classroom.module.css";
import { Header } from "./Header";
import { Over } from "./Over";
import { SidePanel } from "./SidePanel";
import { Stage } from "./Stage";
import type { Tab } from "./tabs";
import { useAloud } from "./useAloud";
import { useNews } from "./useNews";
import { useUnread } from "./useUnread";
import { useWaiting } from "./useWaiting";
import { useWidth } from "./useWidth";

const WARM_AFTER = 4_000; // ms

const PersonDialogs = part(() => import("../people/PersonDialogs"), { away: "over", warm: "all", close: () => askAbout(null) });

export function Classroom() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const title = useRoom((room) => room.room.title || room.room.id);
  const [tab, setTab] = useState<Tab>("chat");
  const unread = useUnread(tab);
  const width = useWidth();
  const asked = useAsked() !== null;
  useNews();
  useAloud(tab === "chat");
  useWaiting(staff ? unread.people.count : 0, staff ? unread.doubts.count : 0);
  useWarmth(staff);

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

/** Once all is quiet, fetch what a press may need; and after each outage what could not be fetched in it. */
function useWarmth(staff: boolean): void {
  const { phase } = useConnection();
  const connected = phase === "live" || phase === "degraded";
  useEffect(() => {
    if (!connected) return;
    wakeParts();
    const left = new AbortController();
    const timer = setTimeout(() => void warmParts(staff, left.signal), WARM_AFTER);
    return () => {
      left.abort();
      clearTimeout(timer);
    };
  }, [connected, staff]);
}

export default Classroom;
