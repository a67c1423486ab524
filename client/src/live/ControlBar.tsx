/// Under the stage: sound, captions, picture in picture for who watches; microphone, camera and screen for who is on it.

import { Menu } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import { IconButton } from "../common/IconButton";
import { IconCheck, IconPencil, IconPlayerStop, IconSettings, IconVolume, IconVolumeOff } from "../common/icons";
import { openBoard } from "../whiteboard/opening";
import { type CaptionLook, SIZES } from "./Captions";
import { IconAntennaBars, IconBadgeCc, IconHeadphones, IconMaximize, IconMicrophone, IconMicrophoneOff, IconPictureInPicture, IconScreenShare, IconScreenShareOff, IconVideo, IconVideoOff } from "./icons";
import classes from "./live.module.css";
import { openStudio } from "./opening";
import type { Publishing, PublishView } from "./publishing";
import type { WatchView } from "./watching";

const LEAST = 100; // ms behind: nothing is seen at once

interface Props {
  readonly watch: WatchView;
  readonly sound: boolean;
  readonly onSound: (on: boolean) => void;
  readonly onSoundOnly: (on: boolean) => void;
  readonly captions: CaptionLook;
  readonly onCaptions: (change: Partial<CaptionLook>) => void;
  readonly writing: boolean;
  readonly onWriting: (on: boolean) => void;
  /** The largest picture, for what is done with it alone. */
  readonly picture: () => HTMLVideoElement | null;
  readonly children?: ReactNode;
  readonly publishing: Publishing;
  readonly mine: PublishView;
  /** The whiteboard is not on the stage, and nothing else there offers it. */
  readonly offersBoard: boolean;
}

export function ControlBar(props: Props) {
  const { t } = useTranslation();
  const { staff, id } = useMyPart();
  const onStage = useRoom((room) => room.stage.people.some((one) => one.id === id));
  const over = useRoom((room) => room.roster.phase === "ended");
  const { watch, sound, picture, mine } = props;
  const watching = watch.course.phase !== "off";
  const pictures = watch.tiles.some(({ hasPicture }) => hasPicture);
  return (
    <div className={classes.bar} role="toolbar" aria-label={t("live.tools")}>
      {watching && (
        <>
          <IconButton icon={sound ? IconVolume : IconVolumeOff} label={sound ? t("live.soundOff") : t("live.soundOn")} onClick={() => props.onSound(!sound)} />
          <IconButton icon={IconHeadphones} label={t("live.soundOnly")} aria-pressed={watch.soundOnly} onClick={() => props.onSoundOnly(!watch.soundOnly)} />
          {pictures && document.pictureInPictureEnabled && (
            <IconButton icon={IconPictureInPicture} label={t("live.pip")} onClick={() => void turnPip(picture())} />
          )}
          {pictures && <IconButton icon={IconMaximize} label={t("live.full")} onClick={() => void picture()?.closest("figure")?.requestFullscreen?.().catch(() => undefined)} />}
        </>
      )}
      <CaptionMenu {...props} writes={staff && !over} />
      {staff && !over && props.offersBoard && <IconButton icon={IconPencil} label={t("board.openIt")} onClick={openBoard} />}
      {props.children}
      {watching && <Delay watch={watch} />}
      <span className={classes.gap} />
      {mine.phase !== "off" ? <OnAir {...props} staff={staff} /> : (staff || onStage) && !over && (
        <button type="button" className={classes.go} onClick={() => openStudio()}>
          <IconVideo size={18} /> {t("live.publish")}
        </button>
      )}
    </div>
  );
}

async function turnPip(video: HTMLVideoElement | null): Promise<void> {
  // Where the device does not let it, the picture stays where it is.
  await (document.pictureInPictureElement ? document.exitPictureInPicture() : video?.requestPictureInPicture())?.catch(() => undefined);
}

function Delay({ watch: { course, delay } }: { watch: WatchView }) {
  const { t } = useTranslation();
  const by = course.way === "webrtc" ? "WebRTC" : "LL-HLS";
  return (
    <span className={classes.delay} data-way={course.way} title={t("live.by", { way: by })}>
      {delay === null ? by : t("live.delay", { seconds: (Math.max(LEAST, delay) / 1_000).toFixed(1) })}
      <span className="hidden-but-read">{by}</span>
    </span>
  );
}

function CaptionMenu({ captions, onCaptions, writing, onWriting, writes }: Props & { readonly writes: boolean }) {
  const { t } = useTranslation();
  const check = (on: boolean) => (on ? <IconCheck size={16} /> : <span className={classes.blank} />);
  return (
    <Menu closeOnItemClick={false}>
      <Menu.Target>
        <IconButton icon={IconBadgeCc} label={t("live.captions")} />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.CheckboxItem checked={captions.on} checkIcon={<IconCheck size={16} />} onChange={(on) => onCaptions({ on })}>
          {t("live.showCaptions")}
        </Menu.CheckboxItem>
        <Menu.CheckboxItem checked={captions.aloud} checkIcon={<IconCheck size={16} />} onChange={(aloud) => onCaptions({ aloud })}>
          {t("live.readCaptions")}
        </Menu.CheckboxItem>
        <Menu.Label>{t("live.captionSize")}</Menu.Label>
        {SIZES.map((size) => (
          <Menu.RadioItem key={size} value={size} checked={captions.size === size} checkIcon={<IconCheck size={16} />} onChange={() => onCaptions({ size })}>
            {t(`live.size.${size}`)}
          </Menu.RadioItem>
        ))}
        {writes && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={check(writing)} closeMenuOnClick onClick={() => onWriting(!writing)}>
              {t("live.typeCaptions")}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function OnAir({ publishing, mine, staff }: Props & { readonly staff: boolean }) {
  const { t } = useTranslation();
  const { tracks, microphoneOff, quality, phase } = mine;
  const screen = tracks.has("screen");
  const camera = tracks.has("camera");
  const network = phase === "live" ? quality.network : "bad";
  const told = t(`live.network.${phase === "live" && quality.busy ? "device" : network}`);
  return (
    <>
      <span className={classes.network} data-network={network} role="img" aria-label={told} title={told}>
        <IconAntennaBars size={20} />
      </span>
      {tracks.has("microphone") && (
        <IconButton icon={microphoneOff ? IconMicrophoneOff : IconMicrophone} label={microphoneOff ? t("live.micOn") : t("live.micOff")} color={microphoneOff ? "red" : "gray"} onClick={() => publishing.setMicrophoneOff(!microphoneOff)} />
      )}
      <IconButton icon={camera ? IconVideo : IconVideoOff} label={camera ? t("live.cameraOff") : t("live.cameraOn")} onClick={() => (camera ? publishing.drop("camera") : void publishing.addCamera())} />
      <IconButton icon={screen ? IconScreenShareOff : IconScreenShare} label={screen ? t("live.screenOff") : t("live.screenOn")} onClick={() => (screen ? publishing.drop("screen", "screen_audio") : void publishing.shareScreen())} />
      <IconButton icon={IconSettings} label={t("live.devices")} onClick={() => openStudio()} />
      <IconButton icon={IconPlayerStop} variant="filled" color="red.8" label={staff ? t("live.stop") : t("live.leave")} onClick={() => publishing.stop()} />
    </>
  );
}
