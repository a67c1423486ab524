/// Everybody, for the staff: hands first, then all by search, with what can be done about each. For the staff alone.

import { Button, TextInput } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useDeferredValue, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi, useDo, useMyPart, useRoom } from "../app/live";
import { AnchoredMenu } from "../common/AnchoredMenu";
import common from "../common/common.module.css";
import { IconButton } from "../common/IconButton";
import { IconArrowDown, IconDotsVertical, IconSearch, IconUserMinus, IconVideo } from "../common/icons";
import type { Performer, PersonView, Role, RoomEvent } from "../protocol";
import { useClassroom } from "../room";
import { LINGERS } from "../room/stage";
import { Hands } from "./Hands";
import classes from "./people.module.css";
import PersonItems from "./PersonItems";
import { PersonRow } from "./PersonRow";

const SETTLES = 250; // ms after the last key until the server is asked

export default function StaffPeople() {
  const { t } = useTranslation();
  const perform = useDo();
  const [search, setSearch] = useState("");
  const [menu, setMenu] = useState<{ person: PersonView; anchor: HTMLElement } | null>(null);
  const { people, hint } = useFound(useDeferredValue(search));
  const box = useRef<HTMLDivElement>(null);
  const head = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);

  useEffect(() => {
    const element = head.current;
    if (element === null) return;
    const watch = new ResizeObserver(() => setMargin(element.offsetHeight));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  const list = useVirtualizer({
    count: people.length,
    getScrollElement: () => box.current,
    estimateSize: () => 54,
    getItemKey: useCallback((index: number) => people[index]?.id ?? index, [people]),
    overscan: 8,
    scrollMargin: margin,
    paddingEnd: 12,
  });

  const tools = (person: PersonView, lower: boolean) => (
    <>
      {lower && <IconButton icon={IconVideo} label={t("live.call")} onClick={() => perform({ type: "stage.call", member: person.id })} />}
      {lower && (
        <IconButton icon={IconArrowDown} label={t("people.lowerHand")} onClick={() => perform({ type: "roster.lower_hand", member: person.id })} />
      )}
      <More person={person} onOpen={(anchor) => setMenu({ person, anchor })} />
    </>
  );

  return (
    <div ref={box} className={common.scroll} tabIndex={-1}>
      <div ref={head}>
        <Hands
          tools={(person) => tools(person, true)}
          head={
            <Button variant="subtle" c="var(--accent)" size="compact-sm" mih="var(--touch)" onClick={() => perform({ type: "roster.lower_hand" })}>
              {t("people.lowerAll")}
            </Button>
          }
        />
        <Called />
        <h3 className={classes.heading}>{t("people.everybody")}</h3>
        <TextInput
          className={classes.search}
          aria-label={t("people.search")}
          placeholder={t("people.search")}
          leftSection={<IconSearch size={17} />}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {hint !== null && <p className={classes.note}>{hint}</p>}
      </div>
      <div role="list" aria-label={t("people.everybody")} style={{ height: list.getTotalSize(), position: "relative" }}>
        {list.getVirtualItems().map(({ index, key, start }) => {
          const person = people[index] as PersonView;
          return (
            <div
              key={key}
              role="listitem"
              data-index={index}
              ref={list.measureElement}
              aria-posinset={index + 1}
              aria-setsize={people.length}
              className={classes.virtual}
              style={{ transform: `translateY(${start - margin}px)` }}
            >
              <PersonRow as="div" person={person} tools={tools(person, false)} />
            </div>
          );
        })}
      </div>
      <AnchoredMenu anchor={menu?.anchor ?? null} label={t("people.actions", { name: menu?.person.name ?? "" })} onClose={() => setMenu(null)}>
        {menu && <PersonItems person={people.find(({ id }) => id === menu.person.id) ?? menu.person} />}
      </AnchoredMenu>
    </div>
  );
}

/** Who has a place on stage and is not seen there: whoever waits for them, or for the place, should know. */
function Called() {
  const { t } = useTranslation();
  const perform = useDo();
  const called = useMissing();
  if (called.length === 0) return null;
  return (
    <>
      <h3 className={classes.heading}>
        <IconVideo size={17} /> {t("people.called")}
      </h3>
      <ul className={classes.list} aria-label={t("people.called")}>
        {called.map(({ id, name, role }) => (
          <PersonRow
            key={id}
            person={{ id, name, role, present: true }}
            tools={<IconButton icon={IconUserMinus} label={t("live.sendOff")} onClick={() => perform({ type: "stage.leave", member: id })} />}
          />
        ))}
      </ul>
    </>
  );
}

/** Students with a place on stage who send nothing: who was cut off just then is waited for, as on the stage itself. */
function useMissing(): readonly Performer[] {
  const onStage = useRoom((room) => room.stage.people);
  const there = useRef<ReadonlySet<string>>(new Set());
  const broken = useRef<ReadonlyMap<string, number>>(new Map());
  const [, look] = useReducer((looks: number) => looks + 1, 0);
  const now = performance.now();
  const away = onStage.filter(({ role, live }) => role === "student" && live.length === 0);
  broken.current = new Map(away.map(({ id }) => [id, there.current.has(id) ? now : (broken.current.get(id) ?? Number.NEGATIVE_INFINITY)]));
  there.current = new Set(onStage.filter(({ live }) => live.length > 0).map(({ id }) => id));
  const left = ({ id }: Performer): number => (broken.current.get(id) ?? 0) + LINGERS - now;
  const soonest = Math.min(...away.map(left).filter((wait) => wait > 0));
  useEffect(() => {
    if (soonest === Number.POSITIVE_INFINITY) return;
    const timer = setTimeout(look, soonest);
    return () => clearTimeout(timer);
  }, [soonest]);
  return away.filter((person) => left(person) <= 0);
}

function More({ person, onOpen }: { person: PersonView; onOpen: (anchor: HTMLElement) => void }) {
  const { t } = useTranslation();
  const me = useMyPart();
  const mayAct = person.role === "student" || (me.instructor && person.role === "assistant");
  if (!mayAct || person.id === me.id) return null;
  return (
    <IconButton
      icon={IconDotsVertical}
      label={t("people.actions", { name: person.name })}
      aria-haspopup="menu"
      onClick={(event) => onOpen(event.currentTarget)}
    />
  );
}

const RANK: Readonly<Record<Role, number>> = { instructor: 0, assistant: 1, student: 2, system: 3 };

/** Who matches: out of the room's own list, or asked of the server where there are too many to have a list. */
function useFound(search: string): { readonly people: readonly PersonView[]; readonly hint: string | null } {
  const { t } = useTranslation();
  const listed = useRoom((room) => room.roster.listed);
  const known = useRoom((room) => room.roster.people);
  const asked = useAsked(listed ? null : search);
  return useMemo(() => {
    const wanted = search.trim().toLocaleLowerCase();
    const pool = listed ? known : asked.people;
    const people = pool
      .filter(({ name }) => !listed || name.toLocaleLowerCase().includes(wanted))
      .sort(
        (one, other) =>
          RANK[one.role] - RANK[other.role] ||
          Number(other.present ?? false) - Number(one.present ?? false) ||
          one.name.localeCompare(other.name),
      );
    const none = people.length === 0 ? t("people.none") : null;
    const hint = asked.failed ? t("people.searchFailed") : !listed && asked.total > people.length ? t("people.many") : none;
    return { people, hint };
  }, [search, listed, known, asked, t]);
}

interface Found {
  readonly people: readonly PersonView[];
  /** How many match: the server tells of some. */
  readonly total: number;
}

function useAsked(search: string | null): Found & { readonly failed: boolean } {
  const api = useApi();
  const classroom = useClassroom();
  const [found, setFound] = useState<Found & { failed: boolean }>({ people: [], total: 0, failed: false });
  // What the server answered is how they were then.
  useEffect(
    () =>
      classroom.on("event", (event) => {
        setFound((before) => {
          const people = before.people.map((person) => {
            const change = changeOf(person.id, event);
            return change === null ? person : { ...person, ...change };
          });
          return people.every((person, index) => person === before.people[index]) ? before : { ...before, people };
        });
      }),
    [classroom],
  );
  useEffect(() => {
    if (search === null) return;
    const gone = new AbortController();
    const timer = setTimeout(() => {
      api<Found>(`/people?q=${encodeURIComponent(search.trim())}&limit=100`, gone.signal)
        .then(({ people, total }) => setFound({ people, total, failed: false }))
        .catch(() => !gone.signal.aborted && setFound({ people: [], total: 0, failed: true }));
    }, SETTLES);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [api, search]);
  return found;
}

/** What an event changes about the person with that id. */
function changeOf(id: string, event: RoomEvent): Partial<PersonView> | null {
  switch (event.type) {
    case "roster.muted":
      return event.member === id ? { muted_until: event.until } : null;
    case "roster.banned":
      return event.member === id ? { banned: event.on ?? true } : null;
    case "roster.renamed":
      return event.member === id ? { name: event.name } : null;
    case "roster.appointed":
      return event.member === id ? { role: event.role } : null;
    case "roster.attended": {
      if (event.came?.some(([who]) => who === id)) return { present: true };
      return event.went?.includes(id) ? { present: false } : null;
    }
    default:
      return null;
  }
}
