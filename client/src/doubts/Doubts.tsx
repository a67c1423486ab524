/// The doubts: the place to ask, the filters, the list; for the staff, the work on them.

import { NativeSelect, TextInput } from "@mantine/core";
import { Suspense, useCallback, useDeferredValue, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMyPart, useRoom } from "../app/live";
import { recall, remember } from "../app/memory";
import { useVoice } from "../chat/useVoice";
import common from "../common/common.module.css";
import { IconButton } from "../common/IconButton";
import { IconHourglass, IconLock, IconQuestionMark, IconSearch } from "../common/icons";
import { part } from "../common/part";
import { Count, Empty } from "../common/small";
import type { DoubtView } from "../protocol";
import { countDoubts, type DoubtFilter, type DoubtSort } from "../room";
import { useArranged } from "./arrange";
import { AskBox } from "./AskBox";
import { DoubtCard } from "./DoubtCard";
import { DoubtList } from "./DoubtList";
import classes from "./doubts.module.css";
import { PendingDoubts } from "./PendingDoubts";
import { Withdraw } from "./Withdraw";

const Moderation = part(() => import("./moderation/Moderation"), { warm: "staff" });
const DoubtSettings = part(() => import("./moderation/DoubtSettings"), { away: "not", warm: "staff" });

const FOR_STUDENTS: readonly DoubtFilter[] = ["all", "open", "answered", "mine"];
const FOR_STAFF: readonly DoubtFilter[] = ["pending", "open", "answered", "dismissed", "all"];
const SORTS = { votes: "doubts.byVotes", newest: "doubts.byNewest", oldest: "doubts.byOldest" } as const;

export function Doubts() {
  const { t } = useTranslation();
  const { staff } = useMyPart();
  const doubts = useRoom((room) => room.doubts);
  const counts = useMemo(() => countDoubts(doubts), [doubts]);
  const [filter, setFilter] = useState<DoubtFilter>(() => firstFilter(staff, counts.pending));
  const [sort, setSort] = useState<DoubtSort>(() => (recall("doubts.sort") as DoubtSort | null) ?? "votes");
  const [searching, setSearching] = useState(false);
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(searching ? typed : "");
  const query = useMemo(() => ({ filter, sort: filter === "pending" ? "oldest" : sort, search }) as const, [filter, sort, search]);
  const listed = useArranged(doubts, query);
  const what = `${query.filter} ${query.sort} ${query.search}`;
  const filters = staff ? FOR_STAFF : FOR_STUDENTS;

  /** What was just asked is shown, whatever was looked for before. */
  function showMine(): void {
    setFilter("mine");
    setSearching(false);
    setTyped("");
  }

  const head = (
    <>
      <div className={classes.filters} role="group" aria-label={t("doubts.filter")}>
        {filters.map((each) => (
          <button key={each} type="button" className={common.pill} aria-pressed={each === filter} onClick={() => setFilter(each)}>
            {t(`doubts.${each as "all"}`)}
            {(each === "pending" || each === "mine") && <Count value={counts[each]} quiet={each === "mine"} exact />}
          </button>
        ))}
      </div>
      {!staff && (filter === "mine" || filter === "all") && <PendingDoubts />}
    </>
  );

  return (
    <section className={common.panel} aria-labelledby="doubts-title">
      <header className={common.panelHead}>
        <h2 id="doubts-title">{t("doubts.title")}</h2>
        {filter !== "pending" && (
          <NativeSelect
            size="xs"
            aria-label={t("doubts.sort")}
            value={sort}
            data={Object.entries(SORTS).map(([value, label]) => ({ value, label: t(label) }))}
            onChange={(event) => {
              setSort(event.currentTarget.value as DoubtSort);
              remember("doubts.sort", event.currentTarget.value);
            }}
            classNames={{ input: classes.sort }}
          />
        )}
        <IconButton icon={IconSearch} label={t("doubts.search")} aria-pressed={searching} onClick={() => setSearching(!searching)} />
        {staff && (
          <Suspense>
            <DoubtSettings />
          </Suspense>
        )}
      </header>
      {searching && (
        <TextInput
          className={classes.search}
          aria-label={t("doubts.search")}
          placeholder={t("doubts.search")}
          leftSection={<IconSearch size={17} />}
          value={typed}
          autoFocus
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      {staff ? (
        <Suspense>
          <Moderation doubts={listed} what={what} filter={filter} head={head} empty={<Nothing filter={filter} />} />
        </Suspense>
      ) : (
        <>
          <Voice onAsked={showMine} />
          <StudentList doubts={listed} what={what} head={head} filter={filter} />
        </>
      )}
    </section>
  );
}

function firstFilter(staff: boolean, pending: number): DoubtFilter {
  if (!staff) return "all";
  return pending > 0 ? "pending" : "open";
}

function StudentList({ doubts, what, head, filter }: { doubts: readonly DoubtView[]; what: string; head: React.ReactNode; filter: DoubtFilter }) {
  const asked = useRoom((room) => room.doubts.asked);
  const draw = useCallback(
    (doubt: DoubtView) => (
      <DoubtCard doubt={doubt} own={asked.has(doubt.id)}>
        {asked.has(doubt.id) && (doubt.state === "pending" || doubt.state === "open") && <Withdraw id={doubt.id} />}
      </DoubtCard>
    ),
    [asked],
  );
  return <DoubtList doubts={doubts} what={what} head={head} empty={<Nothing filter={filter} />} draw={draw} />;
}

function Nothing({ filter }: { filter: DoubtFilter }) {
  const { t } = useTranslation();
  return filter === "pending" ? (
    <Empty icon={IconHourglass} title={t("doubts.emptyPending")} text={t("doubts.emptyPendingText")} />
  ) : (
    <Empty icon={IconQuestionMark} title={t("doubts.empty")} text={t("doubts.emptyText")} />
  );
}

function Voice({ onAsked }: { onAsked: () => void }) {
  const voice = useVoice("doubts");
  if (voice.kind !== "none") return <AskBox onAsked={onAsked} />;
  return (
    <div className={common.bar} role="note" style={{ borderTop: 0 }}>
      <IconLock size={19} />
      {voice.text}
    </div>
  );
}
