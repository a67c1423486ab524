/// One person in a list.

import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useServerNow } from "../app/live";
import { Avatar } from "../common/Avatar";
import { IconBan, IconVolumeOff } from "../common/icons";
import { RoleTag, Tag } from "../common/small";
import { useFormat } from "../i18n/format";
import type { PersonView } from "../protocol";
import classes from "./people.module.css";

interface Props {
  readonly person: PersonView;
  /** In the order of raised hands. */
  readonly place?: number;
  readonly tools?: ReactNode;
  readonly as?: "li" | "div";
}

export function PersonRow({ person, place, tools, as: Row = "li" }: Props) {
  const { t } = useTranslation();
  const me = useMyPart();
  const format = useFormat();
  const now = useServerNow(null);
  const muted = person.muted_until ?? 0;
  // Whose hand is up is here, whatever the list of who came says so far.
  const away = me.staff && !person.present && place === undefined;
  return (
    <Row className={classes.person}>
      {place !== undefined && (
        <span className={classes.place}>
          <span aria-hidden>{format.number(place)}</span>
          <span className="hidden-but-read">{t("people.number", { n: place })}</span>
        </span>
      )}
      <span className={classes.face} data-away={away || undefined}>
        <Avatar id={person.id} name={person.name} size={34} />
      </span>
      <span className={classes.who}>
        <span className={classes.name}>
          <span dir="auto">{person.name}</span>
          {person.id === me.id && <span className="soft">({t("app.you")})</span>}
          <RoleTag role={person.role} />
        </span>
        {away && !person.banned && muted <= now && <small className="soft">{t("people.away")}</small>}
        {muted > now && (
          <Tag tone="bad" icon={IconVolumeOff}>
            {t("people.muted", { time: format.time(muted) })}
          </Tag>
        )}
        {person.banned && (
          <Tag tone="bad" icon={IconBan}>
            {t("people.banned")}
          </Tag>
        )}
      </span>
      {tools}
    </Row>
  );
}
