/// What the class shall call you. The name is remembered on the device.

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { go } from "../app/router";
import { IconLock, IconSchool } from "../common/icons";
import { Notice } from "../common/Notice";
import classes from "../common/notice.module.css";
import { ROSTER_NAME_LIMIT } from "../protocol";
import { lastName } from "./credentials";

/** What the server tells of a room before anybody comes in. */
interface RoomSign {
  readonly title: string;
  /** Whether a name suffices. */
  readonly open: boolean;
  readonly exists: boolean;
}

/** Null while it is not known: the form works without, and the server has the last word anyway. */
function useSign(room: string): RoomSign | null {
  const [sign, setSign] = useState<RoomSign | null>(null);
  useEffect(() => {
    const gone = new AbortController();
    fetch(`/api/rooms/${room}`, { signal: gone.signal })
      .then((answer) => (answer.ok ? (answer.json() as Promise<RoomSign>) : null))
      .then(setSign)
      .catch(() => undefined);
    return () => gone.abort();
  }, [room]);
  return sign;
}

export function JoinForm({ room, onJoin }: { room: string; onJoin: (name: string) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(lastName);
  const [error, setError] = useState<string | null>(null);
  const sign = useSign(room);
  const title = sign?.title ?? room;

  useEffect(() => {
    document.title = `${title} · ${t("app.name")}`;
  }, [title, t]);

  function join(event: FormEvent): void {
    event.preventDefault();
    const typed = name.trim();
    if (typed === "") setError(t("lobby.nameMissing"));
    else if ([...typed].length > ROSTER_NAME_LIMIT) setError(t("lobby.nameLong", { limit: ROSTER_NAME_LIMIT }));
    else onJoin(typed);
  }

  if (sign !== null && sign.exists && !sign.open) {
    return (
      <Notice icon={IconLock} title={title} text={t("refused.token_missing")}>
        <Button variant="default" onClick={() => go("/")}>
          {t("lobby.otherRoom")}
        </Button>
      </Notice>
    );
  }
  return (
    <Notice icon={IconSchool} title={title} kicker={t("lobby.kicker")}>
      <form className={classes.form} style={{ marginTop: 0, width: "100%" }} onSubmit={join} noValidate>
        <TextInput
          label={t("lobby.name")}
          description={t("lobby.nameHint")}
          value={name}
          error={error}
          autoComplete="name"
          // The one thing to do on this page.
          autoFocus
          onChange={(event) => {
            setName(event.currentTarget.value);
            setError(null);
          }}
        />
        <Button type="submit" size="md">
          {t("lobby.join")}
        </Button>
      </form>
    </Notice>
  );
}
