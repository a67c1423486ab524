/// The live part of the stage: pictures and voices of who is on it, captions, and what one does with them. Loaded when needed.

import { Suspense, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { toast } from "../app/toast";
import common from "../common/common.module.css";
import { IconPencil, IconVolume } from "../common/icons";
import { part } from "../common/part";
import { useClassroom } from "../room";
import { CaptionField, Captions, useCaptionLook } from "./Captions";
import { ControlBar } from "./ControlBar";
import { meter } from "./devices";
import { IconScreenShare } from "./icons";
import classes from "./live.module.css";
import { openStudio, useStudioOpen } from "./opening";
import { Publishing, type PublishView } from "./publishing";
import { TileView } from "./TileView";
import { type Tile, Watching } from "./watching";

const SPEAKS = 0.4; // of the meter's scale: -36 dB
const Studio = part(() => import("./Studio"), { away: "over", warm: "staff" });

/** What has the most room. */
export type Main = "board" | "screen" | "people";

interface Props {
  readonly board: boolean;
  readonly onMain: (main: Main | null) => void;
}

export default function LiveStage({ board, onMain }: Props) {
  const { t } = useTranslation();
  const { watching, publishing, watch, mine } = useLive();
  const [sound, setSound] = useState(true);
  const [blocked, setBlocked] = useState(false);
  const [boardFirst, setBoardFirst] = useState(false);
  const [look, setLook] = useCaptionLook();
  const [writing, setWriting] = useState(false);
  const over = useRoom((room) => room.roster.phase === "ended");
  const root = useRef<HTMLDivElement>(null);

  const own = useOwnTile(mine);
  const speaking = useSpeaking(mine);
  const screen = watch.tiles.find(({ what }) => what === "screen");
  const main: Main | null = screen && !(board && boardFirst) ? "screen" : board ? "board" : watch.tiles.length > 0 || own ? "people" : null;
  useEffect(() => onMain(main), [main, onMain]);
  useEffect(() => () => onMain(null), [onMain]);

  const others = watch.tiles.filter((tile) => tile !== screen || main !== "screen");
  const block = useCallback(() => setBlocked(true), []);
  const audible = sound && !blocked;
  const phase = watch.course.phase;
  const view = (tile: Tile, large: boolean) => (
    <TileView key={tile.key} tile={tile} large={large} speaking={watch.speaking.includes(tile.member) && tile.what !== "screen"} sound={audible} onBlocked={block} />
  );

  return (
    <div ref={root} className={classes.live} data-main={main ?? undefined}>
      {screen && main === "screen" && <div className={classes.screen}>{view(screen, true)}</div>}
      {(others.length > 0 || own) && (
        <div className={classes.tiles} data-count={others.length + (own ? 1 : 0)}>
          {others.map((tile) => view(tile, main === "people"))}
          {own && <TileView tile={own} mine speaking={speaking} sound={false} large={main === "people"} />}
        </div>
      )}
      {phase !== "off" && phase !== "playing" && (
        <p className={classes.state} role="status" data-phase={phase}>
          {t(`live.phase.${phase}`)}
          {watch.course.why !== null && phase !== "behind" && ` ${t(`live.why.${watch.course.why}`)}`}
          {(phase === "failed" || phase === "behind") && (
            <button type="button" className={common.outlined} onClick={() => watching.again()}>
              {t("live.again")}
            </button>
          )}
        </p>
      )}
      {mine.phase !== "off" && mine.phase !== "live" && (
        <p className={classes.state} role="status">
          {t(`live.mine.${mine.phase}`)}
        </p>
      )}
      {blocked && (
        <button
          type="button"
          className={classes.unblock}
          onClick={() => {
            setBlocked(false);
            setSound(true);
          }}
        >
          <IconVolume size={20} /> {t("live.unblock")}
        </button>
      )}
      <Captions look={look} />
      {writing && !over && <CaptionField />}
      <ControlBar
        watch={watch}
        sound={audible}
        onSound={(on) => {
          setBlocked(false);
          setSound(on);
        }}
        onSoundOnly={(on) => watching.setSoundOnly(on)}
        captions={look}
        onCaptions={setLook}
        writing={writing}
        onWriting={setWriting}
        picture={() => root.current?.querySelector<HTMLVideoElement>("figure[data-large] video") ?? root.current?.querySelector("video") ?? null}
        publishing={publishing}
        mine={mine}
        offersBoard={!board && main !== null}
      >
        {screen && board && (
          <button type="button" className={classes.swap} aria-pressed={boardFirst} onClick={() => setBoardFirst(!boardFirst)}>
            {boardFirst ? <IconScreenShare size={18} /> : <IconPencil size={18} />}
            <span>{boardFirst ? t("live.showScreen") : t("live.showBoard")}</span>
          </button>
        )}
      </ControlBar>
      <Entrance publishing={publishing} mine={mine} />
    </div>
  );
}

function useLive() {
  const classroom = useClassroom();
  const parts = useMemo(() => ({ watching: new Watching(classroom), publishing: new Publishing(classroom) }), [classroom]);
  const { watching, publishing } = parts;
  useEffect(() => {
    watching.start();
    publishing.start();
    return () => {
      watching.stop();
      publishing.close();
    };
  }, [watching, publishing]);
  const watch = useSyncExternalStore(
    useCallback((listener) => watching.on("view", listener), [watching]),
    () => watching.view,
  );
  const mine = useSyncExternalStore(
    useCallback((listener) => publishing.on("view", listener), [publishing]),
    () => publishing.view,
  );
  useFaults(publishing, mine);
  return { watching, publishing, watch, mine };
}

/** What went wrong with one's own publication is said once. */
function useFaults(publishing: Publishing, { fault, message }: PublishView): void {
  const { t, i18n } = useTranslation();
  useEffect(() => {
    if (fault === null) return;
    const key = `live.fault.${fault}`;
    toast(i18n.exists(key) ? t(key as "live.fault.denied") : message || t("refused.unavailable"), "bad");
    publishing.clearFault();
  }, [fault, message, publishing, t, i18n]);
}

function useOwnTile({ tracks, phase, microphoneOff }: PublishView): Tile | null {
  const { id, name } = useMyPart();
  const muted = useRoom((room) => room.stage.people.find((one) => one.id === id)?.muted.includes("microphone") ?? false);
  const camera = tracks.get("camera");
  return useMemo(() => {
    if (phase === "off") return null;
    const attach = (video: HTMLVideoElement) => {
      video.srcObject = camera ? new MediaStream([camera]) : null;
      return () => undefined;
    };
    return { key: "me", what: camera ? "camera" : "voice", member: id, name, hasPicture: camera !== undefined, muted: muted || microphoneOff, waiting: false, paused: false, silent: true, attach };
  }, [phase, camera, id, name, muted, microphoneOff]);
}

/** Whether one is loud enough to be heard: who speaks to a class that cannot hear them should see it. */
function useSpeaking({ tracks, phase, microphoneOff }: PublishView): boolean {
  const microphone = tracks.get("microphone");
  const listens = microphone !== undefined && phase === "live" && !microphoneOff;
  const [speaking, setSpeaking] = useState(false);
  useEffect(() => {
    setSpeaking(false);
    return listens ? meter(microphone, (level) => setSpeaking(level > SPEAKS)) : undefined;
  }, [microphone, listens]);
  return speaking;
}

/** The way onto the stage: opened by the staff themselves, offered to a student who has been called. */
function Entrance({ publishing, mine }: { publishing: Publishing; mine: PublishView }) {
  const { id, staff } = useMyPart();
  const perform = useDo();
  const open = useStudioOpen();
  const onStage = useRoom((room) => room.stage.people.some((one) => one.id === id));
  const called = onStage && !staff && mine.phase === "off";
  const [asked, setAsked] = useState(false);
  useEffect(() => {
    if (!onStage) setAsked(false);
    else if (!staff && !asked) {
      setAsked(true);
      if (publishing.view.phase === "off") openStudio();
    }
    if (!onStage && !staff) openStudio(false);
  }, [onStage, staff, asked, publishing]);
  useEffect(() => () => openStudio(false), []);
  // Gone for good, rather than waited for by those who watch.
  useEffect(() => publishing.onStop(() => void perform({ type: "stage.leave" })), [publishing, perform]);
  if (!open || !(staff || onStage)) return null;
  return (
    <Suspense>
      <Studio
        called={called}
        live={mine.phase !== "off"}
        sharing={mine.tracks.has("screen")}
        onClose={() => openStudio(false)}
        onUse={(devices, chosenScreen) => {
          publishing.use(devices, chosenScreen);
          openStudio(false);
        }}
      />
    </Suspense>
  );
}
