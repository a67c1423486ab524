/// `/r/<room>/recording`: the class after its end. Its recording, and beside it chat, doubts, polls and board in step.
///
/// What always holds: a class that was not recorded is played from its log alone; one that has not ended says so.

import { Button, Progress } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRefusal, useRoom } from "../app/live";
import { go } from "../app/router";
import classroom from "../classroom/classroom.module.css";
import { useWidth } from "../classroom/useWidth";
import common from "../common/common.module.css";
import { IconHourglass, IconPlayerPlay, IconRefreshAlert } from "../common/icons";
import { IconButton } from "../common/IconButton";
import { Notice } from "../common/Notice";
import { Preferences } from "../common/Preferences";
import { Tag } from "../common/small";
import { ClassroomProvider, useClassroom } from "../room";
import { type Playing, PlayingProvider } from "./context";
import { IconArrowLeft } from "./icons";
import { load } from "./load";
import { LogRefused } from "./log";
import classes from "./replay.module.css";
import { Side } from "./Side";
import { Theatre } from "./Theatre";
import { useKeys } from "./useKeys";

function ReplayPage() {
  const { t } = useTranslation();
  const title = useRoom((room) => room.room.title || room.room.id);
  const room = useRoom((state) => state.room.id);
  const [turn, setTurn] = useState(0);
  const { playing, share, refused } = useLoaded(turn);
  const explain = useRefusal();
  useEffect(() => {
    document.title = `${t("replay.title")} · ${title} · ${t("app.name")}`;
  }, [title, t]);

  if (playing !== null) return <Watching playing={playing} title={title} />;
  const back = (
    <Button variant="default" onClick={() => go(`/r/${room}`)}>
      {t("replay.back")}
    </Button>
  );
  if (refused === null) {
    return (
      <Notice icon={IconPlayerPlay} title={title} text={t("replay.loading")}>
        <Progress value={share * 100} w="100%" size="lg" aria-label={t("replay.loading")} />
      </Notice>
    );
  }
  if (refused.code === "not_over") {
    return (
      <Notice icon={IconHourglass} title={t("replay.notOver")} text={t("replay.notOverText")} alert>
        {back}
      </Notice>
    );
  }
  return (
    <Notice icon={IconRefreshAlert} title={t("replay.failed")} text={explain(refused)} alert>
      <Button onClick={() => setTurn(turn + 1)}>{t("replay.again")}</Button>
      {back}
    </Notice>
  );
}

function useLoaded(turn: number) {
  const live = useClassroom();
  const [playing, setPlaying] = useState<Playing | null>(null);
  const [share, setShare] = useState(0);
  const [refused, setRefused] = useState<LogRefused | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    let made: Playing | null = null;
    setRefused(null);
    load(live, setShare, abort.signal).then(
      (loaded) => {
        if (abort.signal.aborted) return loaded.player.close();
        made = loaded;
        const from = Number(new URLSearchParams(location.search).get("t"));
        if (from > 0) loaded.player.seek(from * 1_000);
        setPlaying(loaded);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setRefused(error instanceof LogRefused ? error : new LogRefused("unreachable", ""));
        if (!(error instanceof LogRefused)) throw error; // ours to mend: it is to be seen in the console
      },
    );
    return () => {
      abort.abort();
      made?.player.close();
      setPlaying(null);
    };
  }, [live, turn]);
  return { playing, share, refused };
}

function Watching({ playing, title }: { playing: Playing; title: string }) {
  const { t } = useTranslation();
  const live = useRoom((state) => state.roster.phase === "live");
  const room = useRoom((state) => state.room.id);
  const width = useWidth();
  useKeys(playing.player);
  return (
    <PlayingProvider value={playing}>
      <ClassroomProvider connection={playing.replay}>
        <div className={classroom.page} style={{ "--side": `${width.value}px` } as React.CSSProperties}>
          <header className={classes.header} aria-label={t("class.header")}>
            <IconButton icon={IconArrowLeft} label={t("replay.back")} onClick={() => go(`/r/${room}`)} />
            <h1 dir="auto" tabIndex={-1}>
              {title}
            </h1>
            <span className={classes.tag}>
              <Tag>{t("replay.title")}</Tag>
            </span>
            <span className={classes.space} />
            <Preferences />
          </header>
          {live && (
            <div className={classroom.banner} role="region" aria-label={t("replay.live")}>
              <span>{t("replay.live")}</span>
              <button type="button" className={common.outlined} onClick={() => go(`/r/${room}`)}>
                {t("replay.back")}
              </button>
            </div>
          )}
          <main className={classes.room} aria-label={t("replay.landmark")}>
            <Theatre />
            <div className={`${classroom.handle} ${classes.handle}`} {...width.handle} aria-label={t("tabs.resize")} />
            <Side />
          </main>
        </div>
      </ClassroomProvider>
    </PlayingProvider>
  );
}

export default ReplayPage;
