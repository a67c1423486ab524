/// The stage: the place for whiteboard and video, and over it what everybody should look at now.
///
/// The whiteboard and the live pictures share it: a shared screen takes the most room, else the board, else the people. Without
/// any it says where the class stands. On a phone the stage shrinks to one line about what is going on, which unfolds.

import { type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@mantine/core";
import { ErrorBoundary } from "../app/ErrorBoundary";
import { useMyPart, useRoom } from "../app/live";
import type { Main } from "../live/LiveStage";
import { openStudio, useLiveWanted } from "../live/opening";
import { openBoard, useBoardAhead, useBoardOpen } from "../whiteboard/opening";
import { IconChevronDown, IconChevronUp, IconHourglass, IconPencil, IconPresentation, IconRosette, IconVideo } from "../common/icons";
import { part } from "../common/part";
import classes from "./classroom.module.css";
import { ReactionBar } from "./ReactionBar";
import { lookOf, type Spot, Spotlight, useSpotlight } from "./Spotlight";
import type { Tab } from "./tabs";

const Whiteboard = part(() => import("../whiteboard/Whiteboard"));
const LiveStage = part(() => import("../live/LiveStage"));

interface Props {
  readonly tab: Tab;
}

export function Stage({ tab }: Props) {
  const { t } = useTranslation();
  const lit = useSpotlight();
  const key = lit.map(({ key }) => key).join(" ");
  // On a phone: unfolded as long as it is about the same.
  const [unfolded, setUnfolded] = useState<string | null>(null);
  const folded = unfolded !== key;
  const board = useBoardOpen();
  useBoardAhead();
  const live = useLiveWanted();
  const [main, setMain] = useState<Main | null>(null);
  const filled = board || main !== null;
  return (
    <section
      className={classes.stage}
      aria-label={t("stage.label")}
      data-lit={lit.length > 0 || undefined}
      data-filled={filled || undefined}
      data-folded={folded || undefined}
      data-live={live || undefined}
      data-tab={tab}
    >
      <div className={classes.canvas} data-main={main ?? undefined}>
        {board && (
          <div className={classes.board} data-away={main === "screen" || undefined}>
            <Board />
          </div>
        )}
        {!filled && lit.length === 0 && <Idle />}
        {live && (
          <ErrorBoundary>
            <Suspense>
              <LiveStage board={board} onMain={setMain} />
            </Suspense>
          </ErrorBoundary>
        )}
      </div>
      {lit.length > 0 && (
        <Fold lit={lit} folded={folded} onFold={() => setUnfolded(folded ? key : null)} />
      )}
      {lit.length > 0 && (
        <Spots>
          {lit.map((spot) => (
            <Spotlight key={spot.key} spot={spot} />
          ))}
        </Spots>
      )}
      <ReactionBar />
    </section>
  );
}

/** Where there is more than can be seen, the keyboard scrolls it, though nothing in it may be pressed. */
function Spots({ children }: { children: ReactNode }) {
  const { t } = useTranslation();
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setScrolls(element.scrollHeight > element.clientHeight));
    for (const each of [element, ...element.children]) watch.observe(each);
    return () => watch.disconnect();
  }, [children]);
  return (
    <div ref={box} className={classes.spots} {...(scrolls && { tabIndex: 0, role: "region", "aria-label": t("stage.now") })}>
      {children}
    </div>
  );
}

function Board() {
  return (
    <ErrorBoundary>
      <Suspense>
        <Whiteboard />
      </Suspense>
    </ErrorBoundary>
  );
}

function Fold({ lit, folded, onFold }: { lit: readonly Spot[]; folded: boolean; onFold: () => void }) {
  const { t } = useTranslation();
  const spot = lit[0];
  if (spot === undefined) return null;
  const { icon: Icon, label } = lookOf(spot);
  return (
    <button type="button" className={classes.fold} data-now={"doubt" in spot || undefined} aria-expanded={!folded} onClick={onFold}>
      <Icon size={20} />
      <span>
        <b>
          {t(label)}
          {lit.length > 1 && ` · ${t("stage.more", { count: lit.length - 1 })}`}
        </b>
        {folded && <span dir="auto">{spot.title}</span>}
      </span>
      {folded ? <IconChevronDown size={20} /> : <IconChevronUp size={20} />}
    </button>
  );
}

const ICONS = { waiting: IconHourglass, live: IconPresentation, ended: IconRosette } as const;

function Idle() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const phase = useRoom((room) => room.roster.phase);
  const Icon = ICONS[phase];
  return (
    <div className={classes.idle} data-phase={phase}>
      <span className={classes.medal}>
        <Icon size={40} stroke={1.4} />
      </span>
      <h2>{t(`stage.${phase}Title`)}</h2>
      <p>{phase === "waiting" && staff ? t("stage.waitingStaff") : t(`stage.${phase}Text`)}</p>
      {staff && phase !== "ended" && (
        <div className={classes.begin}>
          <Button variant="default" leftSection={<IconPencil size={18} />} onClick={openBoard}>
            {t("board.openIt")}
          </Button>
          <Button variant="default" leftSection={<IconVideo size={18} />} onClick={() => openStudio()}>
            {t("live.publish")}
          </Button>
        </div>
      )}
    </div>
  );
}
