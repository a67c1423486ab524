/// Between asking to enter and being in: connecting, waiting for a room that is not there yet, or refused.

import { Button, Loader } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRefusal } from "../app/live";
import { go } from "../app/router";
import { IconBan, IconHourglass, IconSchool, IconWifiOff } from "../common/icons";
import { Notice } from "../common/Notice";
import { useClassroom, useConnection } from "../room";

/** Refusals that mean: the room will be there once its instructor has come. */
const NOT_YET = new Set(["room_not_found", "not_found"]);

interface Props {
  readonly room: string;
  readonly named: boolean;
  readonly onForget: () => void;
}

export function Entering({ room, named, onForget }: Props) {
  const { t } = useTranslation();
  const { phase, reason, retryAt, attempt, waiting } = useConnection();
  const classroom = useClassroom();
  const explain = useRefusal();
  // The connection asks again by itself; while it does, the reason stays, and so does the page.
  const notYet = reason !== null && NOT_YET.has(reason.code);
  const again = useSecondsUntil(retryAt ?? 0);

  useEffect(() => {
    document.title = `${room} · ${t("app.name")}`;
  }, [room, t]);

  if (notYet) {
    return (
      <Notice icon={IconHourglass} title={t("lobby.waitingTitle")} text={t("lobby.waitingText", { seconds: again })}>
        <Button onClick={() => classroom.retryNow()}>{t("lobby.retryNow")}</Button>
        <Button variant="default" onClick={() => go("/")}>
          {t("lobby.otherRoom")}
        </Button>
      </Notice>
    );
  }
  if (phase === "refused" && reason !== null) {
    const nameIsBad = reason.code === "empty" || reason.code === "too_long";
    return (
      <Notice icon={IconBan} title={t("lobby.refusedTitle")} text={explain(reason)} alert>
        <Button variant="default" onClick={() => go("/")}>
          {t("lobby.otherRoom")}
        </Button>
        <Button variant={nameIsBad ? "filled" : "default"} onClick={onForget}>
          {named ? t("lobby.otherName") : t("lobby.asGuest")}
        </Button>
      </Notice>
    );
  }
  if (waiting !== undefined) return <InLine place={waiting.place} until={waiting.until} />;
  if (attempt > 0 && retryAt !== null) {
    return <Unreachable retryAt={retryAt} />;
  }
  return (
    <Notice icon={IconSchool} title={room} text={t("lobby.joining")}>
      <Loader size="sm" aria-label={t("lobby.joining")} role="progressbar" />
    </Notice>
  );
}

/** So many come at once that they are let in one after the other. */
function InLine({ place, until }: { place: number; until: number }) {
  const { t } = useTranslation();
  const seconds = useSecondsUntil(until);
  return (
    <Notice icon={IconHourglass} title={t("lobby.lineTitle")} text={t("lobby.lineText", { place, seconds })}>
      <Loader size="sm" aria-label={t("lobby.joining")} role="progressbar" />
    </Notice>
  );
}

function Unreachable({ retryAt }: { retryAt: number }) {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const { phase, reason } = useConnection();
  const explain = useRefusal();
  const seconds = useSecondsUntil(retryAt);
  const said = reason !== null && reason.message !== "" ? `${explain(reason)} ` : "";
  const why = phase === "offline" ? `${t("refused.offline")} ` : said;
  return (
    <Notice icon={IconWifiOff} title={t("lobby.retryTitle")} text={why + t("lobby.retryIn", { seconds })}>
      <Button onClick={() => classroom.retryNow()}>{t("lobby.retryNow")}</Button>
    </Notice>
  );
}

/** Whole seconds until `at` (ms since 1970, this device's clock), never below 0. */
export function useSecondsUntil(at: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, [at]);
  return Math.max(0, Math.ceil((at - now) / 1_000));
}
