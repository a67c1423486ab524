/// "Me too": a vote for a doubt, and how many there are. What I did shows at once; the count is the server's.

import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../app/live";
import { IconChevronUp } from "../common/icons";
import { useFormat } from "../i18n/format";
import type { DoubtView } from "../protocol";
import { isPublic, useClassroom, usePending } from "../room";
import classes from "./doubts.module.css";

export function MeToo({ doubt, onVoted }: { doubt: DoubtView; onVoted?: () => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const perform = useDo();
  const { replaying = false } = useClassroom();
  const voted = useRoom((room) => room.doubts.voted.has(doubt.id));
  const asked = useRoom((room) => room.doubts.asked.has(doubt.id));
  const over = useRoom((room) => room.roster.phase === "ended" && room.me.role === "student");
  const waiting = usePending().findLast(({ command }) => command.type === "doubt.vote" && command.id === doubt.id);
  const wanted = waiting?.command.type === "doubt.vote" ? (waiting.command.on ?? true) : voted;
  const count = doubt.votes + Number(wanted) - Number(voted);
  const fixed = asked || over || replaying || !isPublic(doubt.state);
  const said = t("doubts.votes", { count, formatted: format.number(count) });
  return (
    <button
      type="button"
      className={classes.meToo}
      aria-pressed={wanted}
      aria-label={`${asked ? t("doubts.own") : wanted ? t("doubts.meTooOn") : t("doubts.meToo")}, ${said}`}
      title={asked ? t("doubts.own") : wanted ? t("doubts.meTooOn") : t("doubts.meToo")}
      disabled={fixed}
      onClick={() => {
        void perform({ type: "doubt.vote", id: doubt.id, on: !wanted });
        if (!wanted) onVoted?.();
      }}
    >
      <IconChevronUp size={18} stroke={2.4} />
      <span className="numbers">{format.number(count)}</span>
    </button>
  );
}
