/// The people: raised hands first, then the staff; for the staff everybody, with a search.

import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import common from "../common/common.module.css";
import { IconUsersGroup } from "../common/icons";
import { part } from "../common/part";
import { useFormat } from "../i18n/format";
import { Hands } from "./Hands";
import classes from "./people.module.css";
import { PersonRow } from "./PersonRow";

const StaffPeople = part(() => import("./StaffPeople"), { warm: "staff" });

export function People() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const present = useRoom((room) => room.passing.present);
  const format = useFormat();
  return (
    <section className={common.panel} aria-labelledby="people-title">
      <header className={common.panelHead}>
        <h2 id="people-title">{t("people.title")}</h2>
      </header>
      {present !== null && (
        <p className={classes.present}>
          <IconUsersGroup size={18} /> {t("people.students", { count: present, formatted: format.number(present) })}
        </p>
      )}
      {staff ? (
        <Suspense>
          <StaffPeople />
        </Suspense>
      ) : (
        <ForStudents />
      )}
    </section>
  );
}

function ForStudents() {
  const { t } = useTranslation();
  const people = useRoom((room) => room.roster.people);
  const here = people.filter((person) => person.role !== "student" && person.present);
  return (
    <div className={common.scroll}>
      <Hands />
      {here.length > 0 && (
        <>
          <h3 className={classes.heading}>{t("people.staff")}</h3>
          <ul className={classes.list}>
            {here.map((person) => (
              <PersonRow key={person.id} person={person} />
            ))}
          </ul>
        </>
      )}
      <p className={classes.note}>{t("people.namesPrivate")}</p>
    </div>
  );
}
