/// Raised hands, in the order in which they went up.

import { Button } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import { IconHandStop } from "../common/icons";
import type { PersonView } from "../protocol";
import classes from "./people.module.css";
import { PersonRow } from "./PersonRow";

const SHOWN = 20; // at first: what stands below is not to be far away
const MORE = 100;

interface Props {
  readonly tools?: (person: PersonView) => ReactNode;
  readonly head?: ReactNode;
}

export function Hands({ tools, head }: Props) {
  const { t } = useTranslation();
  const hands = useRoom((room) => room.roster.hands);
  const [shown, setShown] = useState(SHOWN);
  return (
    <>
      <div className={classes.headLine}>
        <h3 className={classes.heading}>
          <IconHandStop size={17} /> {hands.length === 0 ? t("people.hands") : t("class.hands", { count: hands.length })}
        </h3>
        {hands.length > 0 && head}
      </div>
      {hands.length === 0 && <p className={classes.note}>{t("people.noHands")}</p>}
      <ol className={classes.list}>
        {hands.slice(0, shown).map((person, index) => (
          <PersonRow key={person.id} person={person} place={index + 1} tools={tools?.(person)} />
        ))}
      </ol>
      {hands.length > shown && (
        <Button variant="subtle" c="var(--accent)" size="compact-sm" mih="var(--touch)" ml={10} onClick={() => setShown(shown + MORE)}>
          {t("people.moreHands", { count: hands.length - shown })}
        </Button>
      )}
    </>
  );
}
