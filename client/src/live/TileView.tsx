/// One picture of the stage, or one voice: its video element, its name, and what the staff can do about it.

import { Menu } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom } from "../app/live";
import { Avatar } from "../common/Avatar";
import { IconButton } from "../common/IconButton";
import { IconDotsVertical, IconUserMinus } from "../common/icons";
import { IconMicrophone, IconMicrophoneOff, IconVideo, IconVideoOff } from "./icons";
import classes from "./live.module.css";
import type { Tile } from "./watching";

interface Props {
  readonly tile: Tile;
  readonly large?: boolean;
  readonly mine?: boolean;
  readonly speaking?: boolean;
  /** Whether its sound may be heard. */
  readonly sound: boolean;
  /** The browser does not let it start with sound. */
  readonly onBlocked?: () => void;
}

export function TileView({ tile, large = false, mine = false, speaking = false, sound, onBlocked }: Props) {
  const { t } = useTranslation();
  const video = useRef<HTMLVideoElement>(null);
  const { attach, hasPicture, muted, waiting, paused } = tile;
  const quiet = !sound || tile.silent || mine;

  useEffect(() => {
    if (video.current) video.current.muted = quiet;
  }, [quiet]);
  useEffect(() => (video.current === null ? undefined : attach(video.current)), [attach]);

  function play(): void {
    const element = video.current;
    element?.play().catch((error: unknown) => {
      if (!(error instanceof Error) || error.name !== "NotAllowedError" || element.muted) return;
      element.muted = true;
      void element.play().catch(() => undefined);
      onBlocked?.();
    });
  }

  const name = mine ? t("live.me") : tile.name || t("live.everybody");
  const label = t(tile.what === "screen" ? "live.screenOf" : hasPicture ? "live.cameraOf" : "live.voiceOf", { name });
  return (
    <figure className={classes.tile} data-large={large || undefined} data-what={tile.what} data-speaking={speaking || undefined} data-waiting={waiting || paused || undefined} aria-label={label}>
      <video
        ref={video}
        playsInline
        autoPlay
        muted={quiet}
        data-mine={mine || undefined}
        data-hidden={!hasPicture || undefined}
        aria-hidden
        tabIndex={-1}
        onLoadedData={() => performance.mark("live first frame")}
        onCanPlay={play}
      />
      {!hasPicture && (
        <span className={classes.face}>
          <Avatar id={tile.member || "stage"} name={name} size={large ? 88 : 52} />
        </span>
      )}
      {waiting && <p className={classes.waiting}>{t("live.comingBack", { name })}</p>}
      {paused && <p className={classes.waiting}>{t("live.paused")}</p>}
      <figcaption>
        {muted && <IconMicrophoneOff size={15} aria-label={t("live.mutedByStaff")} role="img" aria-hidden={false} />}
        {speaking && <IconMicrophone size={15} aria-label={t("live.speaking")} role="img" aria-hidden={false} />}
        <span dir="auto">{tile.what === "screen" ? label : name}</span>
      </figcaption>
      {!mine && tile.member !== "" && <Tools id={tile.member} name={name} />}
    </figure>
  );
}

function Tools({ id, name }: { id: string; name: string }) {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const perform = useDo();
  const person = useRoom((room) => room.stage.people.find((one) => one.id === id));
  if (!staff || person === undefined || person.role === "instructor") return null;
  const muted = person.muted.includes("microphone");
  const hidden = person.muted.includes("camera");
  return (
    <span className={classes.tools}>
      <Menu>
        <Menu.Target>
          <IconButton icon={IconDotsVertical} variant="filled" color="dark" label={t("live.actions", { name })} />
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={muted ? <IconMicrophone size={17} /> : <IconMicrophoneOff size={17} />} onClick={() => perform({ type: "stage.mute", member: id, source: "microphone", on: !muted })}>
            {muted ? t("live.unmuteThem") : t("live.muteThem")}
          </Menu.Item>
          <Menu.Item leftSection={hidden ? <IconVideo size={17} /> : <IconVideoOff size={17} />} onClick={() => perform({ type: "stage.mute", member: id, source: "camera", on: !hidden })}>
            {hidden ? t("live.showThem") : t("live.hideThem")}
          </Menu.Item>
          <Menu.Item color="var(--danger)" leftSection={<IconUserMinus size={17} />} onClick={() => perform({ type: "stage.leave", member: id })}>
            {t("live.sendOff")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}
