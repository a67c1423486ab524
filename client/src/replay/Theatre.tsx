/// What is looked at: the recording's pictures, the board, and below them the line to move along.

import { Button, Loader } from "@mantine/core";
import { Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorBoundary } from "../app/ErrorBoundary";
import common from "../common/common.module.css";
import { IconMicrophone, IconRefreshAlert } from "../common/icons";
import { part } from "../common/part";
import { captionAt, captionsOf } from "./captions";
import { usePlayer, usePlaying } from "./context";
import { Controls } from "./Controls";
import { IconMovieOff } from "./icons";
import classes from "./replay.module.css";
import type { Track } from "./timeline";

const PastBoard = part(() => import("./PastBoard"));

const VIEWS = ["both", "video", "board"] as const;
type View = (typeof VIEWS)[number];
const ROOMY = 900; // pixels

export function Theatre() {
  const { t } = useTranslation();
  const { player, replay } = usePlaying();
  const drawn = useMemo(() => replay.past.events.some((event) => event.type === "board.drawn" || event.type === "board.page_added"), [replay]);
  const { recorded } = player.timeline;
  const [chosen, setChosen] = useState<View>(() => (window.innerWidth < ROOMY ? "video" : "both"));
  const view: View = drawn && recorded ? chosen : drawn ? "board" : "video";
  const theatre = useRef<HTMLElement>(null);
  return (
    <section ref={theatre} className={classes.theatre} aria-label={t("replay.theatre")}>
      {drawn && recorded && (
        <div className={classes.views} role="group" aria-label={t("replay.views")}>
          {VIEWS.map((each) => (
            <button key={each} type="button" className={common.pill} aria-pressed={each === view} onClick={() => setChosen(each)}>
              {t(`replay.view.${each}`)}
            </button>
          ))}
        </div>
      )}
      <div className={classes.pictures} data-view={view}>
        <Videos hidden={view === "board"} />
        {view !== "video" && (
          <div className={classes.board}>
            <ErrorBoundary>
              <Suspense>
                <PastBoard />
              </Suspense>
            </ErrorBoundary>
          </div>
        )}
        <Caption />
      </div>
      <Controls theatre={theatre} />
    </section>
  );
}

function Videos({ hidden }: { hidden: boolean }) {
  const { t } = useTranslation();
  const main = usePlayer((state) => state.main);
  const screen = usePlayer((state) => state.screen);
  const loading = usePlayer((state) => state.loading);
  const muted = usePlayer((state) => state.muted);
  const camera = main?.kind === "camera";
  return (
    <div className={classes.videos} hidden={hidden} data-both={(camera && screen !== null) || undefined}>
      <Video track="screen" shown={screen !== null} muted label={t("replay.screen")} />
      <Video track="main" shown={camera} muted={muted} label={t("replay.camera")} />
      {main?.kind === "sound" && screen === null && <Instead icon={IconMicrophone} text={t("replay.soundOnly")} />}
      {main === null && screen === null && <Missing />}
      {loading && <Loader className={classes.loading} role="status" aria-label={t("replay.buffering")} />}
    </div>
  );
}

function Video({ track, shown, muted, label }: { track: Track; shown: boolean; muted: boolean; label: string }) {
  const { player } = usePlaying();
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => (element.current === null ? undefined : player.attach(track, element.current)), [player, track]);
  return <video ref={element} className={classes.video} data-track={track} hidden={!shown} muted={muted} playsInline preload="auto" aria-label={label} />;
}

/** Nothing to be seen here: nothing was recorded, now or at all, or it cannot be played. */
function Missing() {
  const { t } = useTranslation();
  const { player } = usePlaying();
  const broken = usePlayer((state) => state.broken);
  const position = usePlayer((state) => state.position);
  const hole = useMemo(() => player.timeline.holes(), [player]).find(({ from, to }) => from <= position && position < to);
  if (broken) {
    return (
      <Instead icon={IconRefreshAlert} text={t("replay.broken")}>
        <Button variant="default" onClick={() => player.retry()}>
          {t("replay.again")}
        </Button>
      </Instead>
    );
  }
  if (!player.timeline.recorded) return <Instead icon={IconMovieOff} text={t("replay.unrecorded")} />;
  return (
    <Instead icon={IconMovieOff} text={t("replay.hole")}>
      {hole !== undefined && hole.to < player.timeline.length && (
        <Button variant="default" onClick={() => player.seek(hole.to)}>
          {t("replay.skipHole")}
        </Button>
      )}
    </Instead>
  );
}

function Instead({ icon: Icon, text, children }: { icon: typeof IconMicrophone; text: string; children?: React.ReactNode }) {
  return (
    <div className={classes.instead}>
      <Icon size={34} stroke={1.5} />
      <p>{text}</p>
      {children}
    </div>
  );
}

function Caption() {
  const { player, replay } = usePlaying();
  const captions = useMemo(() => captionsOf(replay.past.events), [replay]);
  const text = usePlayer(({ position }) => captionAt(captions, player.timeline.toClass(position)));
  if (text === null) return null;
  return (
    <p className={classes.caption} dir="auto">
      {text}
    </p>
  );
}
