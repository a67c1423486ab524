/// The staff's polls: prepare, open, close, look. Loaded for the staff alone.

import { Button } from "@mantine/core";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../app/live";
import common from "../common/common.module.css";
import { Confirm } from "../common/Confirm";
import { IconButton } from "../common/IconButton";
import { IconChartBar, IconCopy, IconPencil, IconPlayerPlay, IconPlayerStop, IconPlus, IconTrash, IconUsers } from "../common/icons";
import { part } from "../common/part";
import { Empty } from "../common/small";
import type { PollView, Spec } from "../protocol";
import { PollCard } from "./PollCard";
import { PollGroups } from "./Polls";
import classes from "./polls.module.css";

const PollEditor = part(() => import("./PollEditor"), { away: "over", warm: "staff" });
const WhoVoted = part(() => import("./WhoVoted"), { away: "over", warm: "staff" });

/** What is being written: a new poll, perhaps from an older one's text, or a prepared one. */
export interface Editing {
  readonly id: number | null;
  readonly spec: Spec | null;
}

type Asking = { readonly what: "close" | "discard"; readonly poll: PollView };

export default function StaffPolls() {
  const { t } = useTranslation();
  const perform = useDo();
  const polls = useRoom((room) => room.polls.polls);
  const [editing, setEditing] = useState<Editing | null>(null);
  const [asking, setAsking] = useState<Asking | null>(null);
  const [who, setWho] = useState<PollView | null>(null);
  return (
    <section className={common.panel} aria-labelledby="polls-title">
      <header className={common.panelHead}>
        <h2 id="polls-title">{t("polls.title")}</h2>
        <Button size="compact-sm" mih="var(--touch)" leftSection={<IconPlus size={17} />} onClick={() => setEditing({ id: null, spec: null })}>
          {t("polls.new")}
        </Button>
      </header>
      <div className={common.scroll}>
        {polls.length === 0 && <Empty icon={IconChartBar} title={t("polls.empty")} text={t("polls.emptyStaff")} />}
        <PollGroups
          polls={polls}
          draw={(poll) => (
            <article id={`poll-${poll.id}`} className={classes.withTools} aria-label={poll.spec.question}>
              <PollCard poll={poll} />
              <Tools poll={poll} onEdit={setEditing} onAsk={setAsking} onWho={setWho} />
            </article>
          )}
        />
      </div>
      <Suspense>
        {editing && <PollEditor editing={editing} onClose={() => setEditing(null)} />}
        {who && <WhoVoted poll={who} onClose={() => setWho(null)} />}
      </Suspense>
      {asking && (
        <Confirm
          open
          title={t(asking.what === "close" ? "polls.closeSure" : "polls.discardSure")}
          text={t(asking.what === "close" ? "polls.closeText" : "polls.discardText")}
          action={t(asking.what === "close" ? "polls.close" : "polls.discard")}
          dangerous={asking.what === "discard"}
          onClose={() => setAsking(null)}
          onConfirm={() => perform({ type: `poll.${asking.what}`, id: asking.poll.id })}
        />
      )}
    </section>
  );
}

interface ToolsProps {
  readonly poll: PollView;
  readonly onEdit: (editing: Editing) => void;
  readonly onAsk: (asking: Asking) => void;
  readonly onWho: (poll: PollView) => void;
}

function Tools({ poll, onEdit, onAsk, onWho }: ToolsProps) {
  const { t } = useTranslation();
  const perform = useDo();
  const named = !(poll.spec.secret ?? true);
  return (
    <div className={classes.tools}>
      {poll.state === "prepared" && (
        <Button size="compact-sm" mih="var(--touch)" leftSection={<IconPlayerPlay size={16} />} onClick={() => perform({ type: "poll.open", id: poll.id })}>
          {t("polls.open")}
        </Button>
      )}
      {poll.state === "open" && (
        <Button
          size="compact-sm"
          mih="var(--touch)"
          variant="light"
          c="var(--accent)"
          leftSection={<IconPlayerStop size={16} />}
          onClick={() => onAsk({ what: "close", poll })}
        >
          {t("polls.close")}
        </Button>
      )}
      <span style={{ flex: 1 }} />
      {poll.state !== "prepared" && named && <IconButton icon={IconUsers} label={t("polls.who")} onClick={() => onWho(poll)} />}
      {poll.state === "prepared" && (
        <IconButton icon={IconPencil} label={t("polls.edit")} onClick={() => onEdit({ id: poll.id, spec: poll.spec })} />
      )}
      <IconButton icon={IconCopy} label={t("polls.duplicate")} onClick={() => onEdit({ id: null, spec: poll.spec })} />
      {poll.state === "prepared" && (
        <IconButton icon={IconTrash} label={t("polls.discard")} onClick={() => onAsk({ what: "discard", poll })} />
      )}
    </div>
  );
}
