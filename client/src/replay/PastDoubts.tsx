/// The doubts of the class. Those that were answered, with the way to the answer; those that are open, for who comes after;
/// and, as the others panels, all of them as they were at the moment that is played.

import { Button } from "@mantine/core";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useRoom } from "../app/live";
import common from "../common/common.module.css";
import { IconPlayerPlay, IconQuestionMark } from "../common/icons";
import { Empty } from "../common/small";
import { DoubtCard } from "../doubts/DoubtCard";
import { DoubtList } from "../doubts/DoubtList";
import doubts from "../doubts/doubts.module.css";
import { clock } from "../i18n/format";
import type { DoubtView } from "../protocol";
import { ClassroomProvider, selectDoubts } from "../room";
import { usePlaying } from "./context";

const FILTERS = ["answered", "open", "then"] as const;
type Filter = (typeof FILTERS)[number];

export function PastDoubts() {
  const { t } = useTranslation();
  const { live } = usePlaying();
  const [filter, setFilter] = useState<Filter>("answered");
  const head = (
    <div className={doubts.filters} role="group" aria-label={t("doubts.filter")}>
      {FILTERS.map((each) => (
        <button key={each} type="button" className={common.pill} aria-pressed={each === filter} onClick={() => setFilter(each)}>
          {t(`replay.doubts.${each}`)}
        </button>
      ))}
    </div>
  );
  return (
    <section className={common.panel} aria-labelledby="doubts-title">
      <header className={common.panelHead}>
        <h2 id="doubts-title">{t("doubts.title")}</h2>
      </header>
      {filter === "then" ? (
        <Listed key={filter} filter={filter} head={head} />
      ) : (
        // What became of them, which may have been after the class.
        <ClassroomProvider connection={live}>
          <Listed key={filter} filter={filter} head={head} />
        </ClassroomProvider>
      )}
    </section>
  );
}

function Listed({ filter, head }: { filter: Filter; head: React.ReactNode }) {
  const { t } = useTranslation();
  const { answers } = usePlaying();
  const state = useRoom((room) => room.doubts);
  const listed = useMemo(() => {
    if (filter === "then") return selectDoubts(state, { filter: "all", sort: "votes" });
    if (filter === "open") return [...selectDoubts(state, { filter: "answering", sort: "votes" }), ...selectDoubts(state, { filter: "open", sort: "votes" })];
    const when = ({ id, at }: DoubtView): number => answers.get(id) ?? at;
    return [...selectDoubts(state, { filter: "answered", sort: "oldest" })].sort((one, other) => when(one) - when(other));
  }, [state, filter, answers]);
  const draw = useCallback(
    (doubt: DoubtView) => (
      <DoubtCard doubt={doubt} own={false} stateless={filter !== "then"}>
        <Jump doubt={doubt} />
      </DoubtCard>
    ),
    [filter],
  );
  return <DoubtList doubts={listed} what={filter} head={head} empty={<Empty icon={IconQuestionMark} title={t(`replay.noDoubts.${filter}`)} />} draw={draw} />;
}

/** To where it was answered; where it was not answered live, to where it was asked. */
function Jump({ doubt }: { doubt: DoubtView }) {
  const { t } = useTranslation();
  const { player, answers } = usePlaying();
  const answered = answers.get(doubt.id);
  const position = player.timeline.toPosition(answered ?? doubt.at);
  return (
    <Button
      size="compact-sm"
      variant="light"
      mt={6}
      mih={32}
      leftSection={<IconPlayerPlay size={15} />}
      onClick={() => player.seek(position)}
    >
      {t(answered === undefined ? "replay.asked" : "replay.answer", { time: clock(position) })}
    </Button>
  );
}
