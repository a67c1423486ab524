/// `/`: which room?

import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { go, roomFrom } from "../app/router";
import { IconSchool } from "../common/icons";
import { Notice } from "../common/Notice";
import classes from "../common/notice.module.css";

export function Home() {
  const { t } = useTranslation();
  const [room, setRoom] = useState("");
  const [bad, setBad] = useState(false);

  useEffect(() => {
    document.title = t("app.name");
  }, [t]);

  function enter(event: FormEvent): void {
    event.preventDefault();
    const name = roomFrom(room);
    if (name === null) setBad(true);
    else go(`/r/${name}`);
  }

  return (
    <Notice icon={IconSchool} title={t("home.title")} text={t("home.lead")}>
      <form className={classes.form} style={{ marginTop: 0, width: "100%" }} onSubmit={enter} noValidate>
        <TextInput
          label={t("home.room")}
          placeholder={t("home.roomHint")}
          value={room}
          error={bad && t("home.roomBad")}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => {
            setRoom(event.currentTarget.value);
            setBad(false);
          }}
        />
        <Button type="submit" size="md">
          {t("home.go")}
        </Button>
      </form>
    </Notice>
  );
}
