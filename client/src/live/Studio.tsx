/// Before one is seen and heard: which camera, which microphone, how it looks, how loud it is; whether a screen is shared, with a
/// camera or without one. And for whom was called on stage: whether they want to.

import { Button, Group, Modal, NativeSelect } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { STAGE_MOST_LIMIT } from "../protocol";
import { type Choice, choose as keep, chosen, type DeviceFault, type Devices, faultOf, listDevices, meter, openDevices, openScreen } from "./devices";
import { IconMicrophone, IconScreenShare, IconVideo } from "./icons";
import classes from "./live.module.css";

interface Props {
  /** A student whom the staff have called. */
  readonly called: boolean;
  /** One is on the air, and changes with what. */
  readonly live: boolean;
  /** A screen is being shared already. */
  readonly sharing: boolean;
  readonly onUse: (devices: readonly MediaStreamTrack[], screen: readonly MediaStreamTrack[]) => void;
  readonly onClose: () => void;
}

const NONE = "none";

export default function Studio({ called, live, sharing, onUse, onClose }: Props) {
  const { t } = useTranslation();
  const perform = useDo();
  const [choice, setChoice] = useState<Choice>(chosen);
  const { tracks, devices, fault, opening, handOver } = usePreview(choice);
  const screen = useScreen();
  const camera = tracks.find(({ kind }) => kind === "video");
  const picture = camera ?? screen.tracks.find(({ kind }) => kind === "video");
  const microphone = tracks.find(({ kind }) => kind === "audio");

  function choose(what: keyof Choice, value: string): void {
    const id = value === NONE ? null : value;
    keep(what, id);
    setChoice({ ...choice, [what]: id });
  }

  function decline(): void {
    void perform({ type: "stage.leave" });
    onClose();
  }

  return (
    <Modal opened onClose={onClose} title={<strong>{called ? t("live.calledTitle") : t("live.studio")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      {called && <p className={classes.lead}>{t("live.calledText")}</p>}
      {/* Not what goes live: it cannot yet be pressed, and Enter may have been meant for a message that was being written. */}
      <div className={classes.preview} tabIndex={-1} data-autofocus>
        {picture ? <Preview track={picture} mine={picture === camera} /> : <p>{fault === null ? t(opening ? "live.opening" : "live.noPicture") : t(`live.fault.${fault}`)}</p>}
      </div>
      {fault !== null && (
        <p className={classes.fault} role="alert">
          {t(`live.fault.${fault}`)} {t(`live.faultHint.${fault}`)}
          <Button variant="default" size="xs" onClick={() => setChoice({ ...choice })}>
            {t("live.again")}
          </Button>
        </p>
      )}
      <Level track={microphone} />
      <NativeSelect label={t("live.camera")} leftSection={<IconVideo size={17} />} mt="sm" value={choice.camera ?? NONE} onChange={(event) => choose("camera", event.currentTarget.value)} data={options(devices.cameras, t("live.anyCamera"), t("live.noCamera"))} />
      <NativeSelect label={t("live.microphone")} leftSection={<IconMicrophone size={17} />} mt="sm" value={choice.microphone ?? NONE} onChange={(event) => choose("microphone", event.currentTarget.value)} data={options(devices.microphones, t("live.anyMicrophone"), t("live.noMicrophone"))} />
      {!sharing && <ScreenChoice {...screen} />}
      <Most />
      <Group justify="flex-end" mt="lg" gap="sm">
        <Button variant="default" onClick={called ? decline : onClose}>
          {called ? t("live.decline") : t("app.cancel")}
        </Button>
        <Button disabled={tracks.length + screen.tracks.length === 0} onClick={() => onUse(handOver(), screen.handOver())}>
          {called ? t("live.comeOn") : t(live ? "live.useThese" : "live.goLive")}
        </Button>
      </Group>
    </Modal>
  );
}

function options(devices: readonly MediaDeviceInfo[], any: string, none: string) {
  const named = devices.filter(({ deviceId, label }) => deviceId !== "" && label !== "");
  return [{ value: "", label: any }, ...named.map(({ deviceId, label }) => ({ value: deviceId, label })), { value: NONE, label: none }];
}

/** The devices of a choice, opened; let go of when the choice changes, unless they were handed over. */
function usePreview(choice: Choice) {
  const [tracks, setTracks] = useState<readonly MediaStreamTrack[]>([]);
  const [devices, setDevices] = useState<Devices>({ cameras: [], microphones: [] });
  const [fault, setFault] = useState<DeviceFault | null>(null);
  const [opening, setOpening] = useState(true);
  const handed = useRef(false);

  useEffect(() => {
    let opened: readonly MediaStreamTrack[] = [];
    let left = false;
    setTracks([]); // those before are closed
    setOpening(true);
    const open = async () => {
      try {
        opened = await openDevices(choice);
        setFault(null);
      } catch (error) {
        setFault(faultOf(error) ?? "failed");
      }
      if (left) return opened.forEach((track) => track.stop());
      setTracks(opened);
      setOpening(false);
      setDevices(await listDevices());
    };
    void open();
    const changed = () => void listDevices().then(setDevices);
    navigator.mediaDevices?.addEventListener("devicechange", changed);
    return () => {
      left = true;
      navigator.mediaDevices?.removeEventListener("devicechange", changed);
      if (!handed.current) opened.forEach((track) => track.stop());
    };
  }, [choice]);

  const handOver = () => {
    handed.current = true;
    return tracks;
  };
  return { tracks, devices, fault, opening, handOver };
}

/** A screen that is to be shared, once one has been chosen; let go of unless it was handed over. */
function useScreen() {
  const [tracks, setTracks] = useState<readonly MediaStreamTrack[]>([]);
  const open = useRef<readonly MediaStreamTrack[]>([]);
  const left = useRef(false);
  const set = (opened: readonly MediaStreamTrack[]) => {
    for (const track of open.current) track.stop();
    open.current = opened;
    for (const track of opened) track.onended = () => set([]);
    setTracks(opened);
  };
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
      for (const track of open.current) track.stop();
    };
  }, []);
  const give = (opened: readonly MediaStreamTrack[]) => {
    if (!left.current) return set(opened);
    for (const track of opened) track.stop(); // it was closed while the browser asked
  };
  return {
    tracks,
    // Closing the browser's choice leaves things as they are.
    choose: () => void openScreen().then(give, () => undefined),
    leave: () => set([]),
    handOver: () => {
      open.current = [];
      return tracks;
    },
  };
}

function ScreenChoice({ tracks, choose, leave }: ReturnType<typeof useScreen>) {
  const { t } = useTranslation();
  if (navigator.mediaDevices?.getDisplayMedia === undefined) return null;
  if (tracks.length === 0) {
    return (
      <Button variant="default" fullWidth mt="md" leftSection={<IconScreenShare size={18} />} onClick={choose}>
        {t("live.screenToo")}
      </Button>
    );
  }
  return (
    <p className={classes.chosen} role="status">
      <IconScreenShare size={18} /> <span>{t("live.screenChosen")}</span>
      <Button variant="subtle" size="compact-sm" onClick={leave}>
        {t("live.screenNot")}
      </Button>
    </p>
  );
}

function Preview({ track, mine }: { track: MediaStreamTrack; mine: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current) video.current.srcObject = new MediaStream([track]);
  }, [track]);
  return <video ref={video} autoPlay playsInline muted data-mine={mine || undefined} aria-hidden />;
}

function Level({ track }: { track: MediaStreamTrack | undefined }) {
  const { t } = useTranslation();
  const [level, setLevel] = useState(0);
  useEffect(() => {
    setLevel(0);
    return track && meter(track, setLevel);
  }, [track]);
  return (
    <div className={classes.level}>
      <IconMicrophone size={17} />
      <meter min={0} max={1} value={level} aria-label={t("live.level")} />
    </div>
  );
}

/** How many may be on stage: the instructor's to say. */
function Most() {
  const { t } = useTranslation();
  const { instructor } = useMyPart();
  const perform = useDo();
  const most = useRoom((room) => room.stage.most);
  if (!instructor) return null;
  const data = Array.from({ length: STAGE_MOST_LIMIT }, (_, place) => String(place + 1));
  return <NativeSelect label={t("live.most")} mt="sm" data={data} value={String(most)} onChange={(event) => void perform({ type: "stage.limit", most: Number(event.currentTarget.value) })} />;
}
