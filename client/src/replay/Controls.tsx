/// Play, move along the line, speed, sound.

import { NativeSelect } from "@mantine/core";
import { type KeyboardEvent, memo, type RefObject, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { IconButton } from "../common/IconButton";
import { IconPlayerPlay, IconVolume, IconVolumeOff } from "../common/icons";
import { clock, useFormat } from "../i18n/format";
import { usePlayer, usePlaying } from "./context";
import { IconMaximize, IconPlayerPause, IconRewindBackward10, IconRewindForward10 } from "./icons";
import { clustered, type Cluster } from "./markers";
import { RATES } from "./player";
import classes from "./replay.module.css";
import { skip, toggle } from "./useKeys";

const STEP = 10_000; // ms

export function Controls({ theatre }: { theatre: RefObject<HTMLElement | null> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { player } = usePlaying();
  const playing = usePlayer((state) => state.playing);
  const rate = usePlayer((state) => state.rate);
  const muted = usePlayer((state) => state.muted);
  const full = document.fullscreenEnabled;
  return (
    <div className={classes.controls} role="group" aria-label={t("replay.controls")}>
      <Line />
      <div className={classes.buttons}>
        <IconButton
          icon={playing ? IconPlayerPause : IconPlayerPlay}
          label={playing ? t("replay.pause") : t("replay.play")}
          variant="filled"
          color="pine"
          onClick={() => toggle(player)}
        />
        <IconButton icon={IconRewindBackward10} label={t("replay.backward")} onClick={() => skip(player, -STEP)} />
        <IconButton icon={IconRewindForward10} label={t("replay.forward")} onClick={() => skip(player, STEP)} />
        <Time />
        <span className={classes.space} />
        <NativeSelect
          aria-label={t("replay.speed")}
          value={rate}
          data={RATES.map((each) => ({ value: String(each), label: `${format.number(each)}×` }))}
          onChange={(event) => player.setRate(Number(event.currentTarget.value))}
          classNames={{ input: classes.speed }}
        />
        <IconButton
          icon={muted ? IconVolumeOff : IconVolume}
          label={muted ? t("replay.unmute") : t("replay.mute")}
          onClick={() => player.setMuted(!muted)}
        />
        {full && (
          <IconButton
            className={classes.fullscreen}
            icon={IconMaximize}
            label={t("replay.fullscreen")}
            onClick={() => void (document.fullscreenElement ? document.exitFullscreen() : theatre.current?.requestFullscreen())}
          />
        )}
      </div>
    </div>
  );
}

function Time() {
  const { player } = usePlaying();
  const second = usePlayer(({ position }) => Math.floor(position / 1_000));
  return (
    <span className={`numbers ${classes.time}`}>
      {clock(second * 1_000)} <span className="soft">/ {clock(player.timeline.length)}</span>
    </span>
  );
}

function Line() {
  const { t } = useTranslation();
  const { player } = usePlaying();
  const { length } = player.timeline;
  const position = usePlayer((state) => state.position);
  function onKeyDown(event: KeyboardEvent): void {
    // The arrows move by as much as they do everywhere on the page.
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      skip(player, event.key === "ArrowUp" ? STEP : -STEP);
    }
  }
  return (
    <div className={classes.line} style={{ "--done": length > 0 ? position / length : 0 } as React.CSSProperties}>
      <div className={classes.rail} aria-hidden>
        <Marks />
      </div>
      <input
        type="range"
        min={0}
        max={length}
        step={100}
        value={position}
        aria-label={t("replay.seek")}
        aria-valuetext={t("replay.at", { time: clock(position), length: clock(length) })}
        onChange={(event) => player.seek(Number(event.currentTarget.value))}
        onKeyDown={onKeyDown}
      />
      <Flags />
    </div>
  );
}

/** Holes and polls, which last. */
const Marks = memo(function Marks() {
  const { player, markers } = usePlaying();
  const { length } = player.timeline;
  const holes = useMemo(() => player.timeline.holes(), [player]);
  const polls = markers.filter(({ kind }) => kind === "poll");
  return (
    <>
      <i className={classes.done} />
      {holes.map(({ from, to }) => (
        <i key={from} className={classes.holeMark} style={stretch(from, to, length)} />
      ))}
      {polls.map(({ from, to }) => (
        <i key={from} className={classes.pollMark} style={stretch(from, to, length)} />
      ))}
    </>
  );
});

/**
 * Moments to go to by pointer. By keyboard and screen reader there are the lists beside, which say more; hence hidden from
 * them here.
 */
const Flags = memo(function Flags() {
  const { t } = useTranslation();
  const { player, markers } = usePlaying();
  const { length } = player.timeline;
  const flags = useMemo(() => clustered(markers, length), [markers, length]);
  const said = ({ first, count }: Cluster): string => {
    const text = `${clock(first.from)} · ${t(`replay.marker.${first.kind}`)}: ${first.text}`;
    return count > 1 ? `${text} · ${t("replay.moreMarkers", { count: count - 1 })}` : text;
  };
  return (
    <div className={classes.flags} aria-hidden>
      {flags.map((flag) => (
        <span
          key={flag.first.from}
          className={classes.flag}
          data-kind={flag.first.kind}
          style={{ left: `${(flag.first.from / length) * 100}%` }}
          title={said(flag)}
          onClick={() => player.seek(flag.first.from)}
        />
      ))}
    </div>
  );
});

function stretch(from: number, to: number, length: number): React.CSSProperties {
  return { left: `${(from / length) * 100}%`, width: `${((to - from) / length) * 100}%` };
}
