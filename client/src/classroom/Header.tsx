/// The class at a glance: its title, where it stands and for how long, who is here, how I am connected; and what I can
/// do anywhere: raise my hand, leave, choose language and colours; for instructors, start and end it.

import { Button, Menu } from "@mantine/core";
import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom, useServerNow } from "../app/live";
import { toast } from "../app/toast";
import { go } from "../app/router";
import { IconButton } from "../common/IconButton";
import { IconDotsVertical, IconDoorExit, IconHandStop, IconLink, IconPencil, IconPlayerPlay, IconPresentation, IconUsers, IconVideo } from "../common/icons";
import { part } from "../common/part";
import { LanguageItems, SchemeItems } from "../common/Preferences";
import { clock, useFormat } from "../i18n/format";
import { openStudio } from "../live/opening";
import { forgetName } from "../lobby/credentials";
import { askAbout } from "../people/asked";
import { useClassroom, useConnection, usePending } from "../room";
import { openBoard, useBoardOpen } from "../whiteboard/opening";
import classes from "./classroom.module.css";
import type { Tab } from "./tabs";

const ClassControls = part(() => import("./ClassControls"), { away: "not", warm: "staff" });

export function Header({ onTab }: { onTab: (tab: Tab) => void }) {
  const { t } = useTranslation();
  const { staff, instructor } = useMyPart();
  const title = useRoom((room) => room.room.title || room.room.id);
  return (
    <header className={classes.header} aria-label={t("class.header")}>
      <div className={classes.titles}>
        <h1 dir="auto" tabIndex={-1}>
          {title}
        </h1>
        <div className={classes.facts}>
          <PhaseTag />
          <Present onOpen={() => onTab("people")} />
          <Link />
        </div>
      </div>
      <div className={classes.actions}>
        {instructor && (
          <Suspense>
            <ClassControls />
          </Suspense>
        )}
        {!staff && <RaiseHand />}
        <HeaderMenu />
      </div>
    </header>
  );
}

function PhaseTag() {
  const { t } = useTranslation();
  const phase = useRoom((room) => room.roster.phase);
  const started = useRoom((room) => room.roster.started_at);
  const ended = useRoom((room) => room.roster.ended_at);
  const now = useServerNow(phase === "live" ? 1_000 : null);
  const time = phase === "live" ? now - started : phase === "ended" && started > 0 ? ended - started : null;
  return (
    <span className={classes.phase} data-phase={phase}>
      <i aria-hidden />
      {t(`class.${phase}`)}
      {time !== null && (
        <span className="numbers" role="timer" aria-label={t("class.clock")}>
          {clock(time)}
        </span>
      )}
    </span>
  );
}

function Present({ onOpen }: { onOpen: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const present = useRoom((room) => room.passing.present);
  if (present === null) return null;
  const label = t("class.present", { count: present, formatted: format.number(present) });
  return (
    <button type="button" className={classes.present} title={label} aria-label={label} onClick={onOpen}>
      <IconUsers size={15} /> <span className="numbers">{format.number(present)}</span>
    </button>
  );
}

function Link() {
  const { t } = useTranslation();
  const { phase } = useConnection();
  const label =
    phase === "live"
      ? t("connection.live")
      : phase === "degraded"
        ? t("connection.slow")
        : phase === "offline"
          ? t("connection.offline")
          : t("connection.reconnecting");
  return (
    <span className={classes.link} data-phase={phase} title={label}>
      <i aria-hidden />
      <span className={classes.linkText}>{label}</span>
    </span>
  );
}

function RaiseHand() {
  const { t } = useTranslation();
  const { id } = useMyPart();
  const perform = useDo();
  const raised = useRoom((room) => room.roster.hands.some((hand) => hand.id === id));
  const over = useRoom((room) => room.roster.phase === "ended");
  const waiting = usePending().findLast(({ command }) => command.type === "roster.raise_hand");
  const up = waiting?.command.type === "roster.raise_hand" ? (waiting.command.on ?? true) : raised;
  return (
    <Button
      className={classes.hand}
      variant={up ? "filled" : "default"}
      color={up ? "marigold.4" : undefined}
      disabled={over && !up}
      leftSection={<IconHandStop size={19} />}
      aria-label={up ? t("class.lower") : t("class.raise")}
      onClick={() => perform({ type: "roster.raise_hand", on: !up })}
    >
      <span className={classes.handText}>{up ? t("class.lower") : t("class.raise")}</span>
    </Button>
  );
}

function HeaderMenu() {
  const { t } = useTranslation();
  const me = useMyPart();
  const classroom = useClassroom();
  const room = useRoom((state) => state.room.id);
  const ended = useRoom((state) => state.roster.ended_at > 0);
  const onStage = useRoom(({ stage }) => stage.people.some(({ id }) => id === me.id));
  const over = useRoom((state) => state.roster.phase === "ended");
  const board = useBoardOpen();
  const link = `${location.origin}/r/${room}`;

  function copy(): void {
    const failed = (): void => toast(t("class.copyFailed", { link }), "bad");
    if (navigator.clipboard === undefined) return failed();
    navigator.clipboard.writeText(link).then(() => toast(t("class.copied"), "good"), failed);
  }

  function leave(): void {
    forgetName(room);
    classroom.stop();
  }

  return (
    <Menu>
      <Menu.Target>
        <IconButton icon={IconDotsVertical} label={t("app.settings")} />
      </Menu.Target>
      <Menu.Dropdown mah="85vh" style={{ overflow: "auto" }}>
        <Menu.Label>
          {me.name} · {t(`role.${me.role}`)}
        </Menu.Label>
        {ended && (
          <Menu.Item leftSection={<IconPlayerPlay size={17} />} onClick={() => go(`/r/${room}/recording`)}>
            {t("replay.watch")}
          </Menu.Item>
        )}
        {me.staff && (
          <Menu.Item leftSection={<IconLink size={17} />} onClick={copy}>
            {t("class.copyLink")}
          </Menu.Item>
        )}
        {me.staff && !over && !board && (
          <Menu.Item leftSection={<IconPresentation size={17} />} onClick={openBoard}>
            {t("board.openIt")}
          </Menu.Item>
        )}
        {(me.staff || onStage) && !over && (
          <Menu.Item leftSection={<IconVideo size={17} />} onClick={() => openStudio()}>
            {t("live.publish")}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconPencil size={17} />} onClick={() => askAbout({ what: "rename", person: me })}>
          {t("class.rename")}
        </Menu.Item>
        <Menu.Divider />
        <LanguageItems />
        <Menu.Divider />
        <SchemeItems />
        <Menu.Divider />
        <Menu.Item color="var(--danger)" leftSection={<IconDoorExit size={17} />} onClick={leave}>
          {t("class.leave")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
