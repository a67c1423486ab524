/// The staff's list of doubts: one key or one press per action. Loaded for the staff alone.
///
/// What each row draws is plain HTML: rows come and go by the dozen while one scrolls.

import { Button, Checkbox, Menu } from "@mantine/core";
import { type ReactNode, useCallback, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../../app/live";
import { announce, toast } from "../../app/toast";
import { AnchoredMenu } from "../../common/AnchoredMenu";
import { IconButton } from "../../common/IconButton";
import { IconChecks, IconDots, IconKeyboard } from "../../common/icons";
import { useFormat } from "../../i18n/format";
import type { ClientCommand, DoubtView } from "../../protocol";
import { type DoubtFilter, find, useClassroom } from "../../room";
import { DoubtCard } from "../DoubtCard";
import { DoubtList } from "../DoubtList";
import classes from "../doubts.module.css";
import { type Action, ACTIONS, actionFor, possible, prompt } from "./actions";
import { AnswerDialog } from "./AnswerDialog";
import { doToAll, stop, useProgress } from "./bulk";
import { DismissDialog } from "./DismissDialog";
import { KeysDialog } from "./KeysDialog";
import { MergeDialog } from "./MergeDialog";

interface Props {
  readonly doubts: readonly DoubtView[];
  /** What is listed, in words. */
  readonly what: string;
  readonly filter: DoubtFilter;
  readonly head: ReactNode;
  readonly empty: ReactNode;
}

type Dialog = { readonly what: "dismiss" | "answer" | "merge"; readonly doubt: DoubtView } | { readonly what: "keys" };

export default function Moderation({ doubts, what, filter, head, empty }: Props) {
  const { t } = useTranslation();
  const perform = useDo();
  const asked = useRoom((room) => room.doubts.asked);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [menu, setMenu] = useState<{ doubt: DoubtView; anchor: HTMLElement } | null>(null);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [mine] = useState(() => new Map<number, number>());

  /** Something is sent about these: what that does to the list is no surprise. */
  const touch = useCallback((...ids: number[]) => ids.forEach((id) => mine.set(id, performance.now())), [mine]);

  const act = useCallback(
    (action: Action, doubt: DoubtView) => {
      if (action === "dismiss" || action === "answer" || action === "merge") setDialog({ what: action, doubt });
      else {
        touch(doubt.id);
        void perform(commandFor(action, doubt));
      }
    },
    [perform, touch],
  );

  const choose = useCallback((id: number, on: boolean) => {
    setChosen((before) => {
      const after = new Set(before);
      if (on) after.add(id);
      else after.delete(id);
      return after;
    });
  }, []);

  const draw = useCallback(
    (doubt: DoubtView) => (
      <DoubtCard
        doubt={doubt}
        own={asked.has(doubt.id)}
        stateless={filter === doubt.state}
        lead={
          doubt.state === "pending" && (
            <input
              type="checkbox"
              className={classes.check}
              aria-label={t("moderation.select")}
              checked={chosen.has(doubt.id)}
              onChange={(event) => choose(doubt.id, event.currentTarget.checked)}
            />
          )
        }
      >
        <Buttons doubt={doubt} onAct={act} onMenu={(anchor) => setMenu({ doubt, anchor })} />
      </DoubtCard>
    ),
    [asked, filter, chosen, choose, act, t],
  );

  function onKey(key: string, doubt: DoubtView): boolean {
    if (key === "?") setDialog({ what: "keys" });
    if (key === "x" && doubt.state === "pending") choose(doubt.id, !chosen.has(doubt.id));
    const action = actionFor(key, doubt.state);
    if (action !== undefined) act(action, doubt);
    return action !== undefined || key === "?" || key === "x";
  }

  return (
    <>
      <DoubtList
        doubts={doubts}
        what={what}
        mine={mine}
        empty={empty}
        draw={draw}
        onKey={onKey}
        head={
          <>
            {head}
            <div className={classes.tools}>
              {filter === "pending" && <Bulk doubts={doubts} chosen={chosen} onChoose={setChosen} onTouch={touch} />}
              <IconButton icon={IconKeyboard} label={t("moderation.keysTitle")} onClick={() => setDialog({ what: "keys" })} ml="auto" visibleFrom="sm" />
            </div>
          </>
        }
      />
      <AnchoredMenu anchor={menu?.anchor ?? null} label={t("doubts.actions")} onClose={() => setMenu(null)}>
        {menu && <Items doubt={menu.doubt} onAct={act} />}
      </AnchoredMenu>
      {dialog?.what === "dismiss" && <DismissDialog doubt={dialog.doubt} onSend={touch} onClose={() => setDialog(null)} />}
      {dialog?.what === "answer" && <AnswerDialog doubt={dialog.doubt} onSend={touch} onClose={() => setDialog(null)} />}
      {dialog?.what === "merge" && <MergeDialog doubt={dialog.doubt} onSend={touch} onClose={() => setDialog(null)} />}
      {dialog?.what === "keys" && <KeysDialog onClose={() => setDialog(null)} />}
    </>
  );
}

function commandFor(action: "approve" | "start" | "finish" | "pin" | "reopen", { id, pinned }: DoubtView): ClientCommand {
  return action === "pin" ? { type: "doubt.pin", id, on: !(pinned ?? false) } : { type: `doubt.${action}`, id };
}

interface ActProps {
  readonly doubt: DoubtView;
  readonly onAct: (action: Action, doubt: DoubtView) => void;
}

function Buttons({ doubt, onAct, onMenu }: ActProps & { onMenu: (anchor: HTMLElement) => void }) {
  const { t } = useTranslation();
  return (
    <div className={classes.buttons}>
      {prompt(doubt.state).map((action, index) => {
        const { icon: Icon, key } = ACTIONS[action];
        return (
          <button
            key={action}
            type="button"
            className={classes.act}
            data-first={index === 0 || undefined}
            title={`${t(`moderation.${action}`)} · ${key}`}
            onClick={() => onAct(action, doubt)}
          >
            <Icon size={16} />
            {t(`moderation.${action}`)}
          </button>
        );
      })}
      {possible(doubt.state).length > prompt(doubt.state).length && (
        <button
          type="button"
          className={classes.act}
          aria-label={t("doubts.actions")}
          title={t("doubts.actions")}
          aria-haspopup="menu"
          onClick={(event) => onMenu(event.currentTarget)}
        >
          <IconDots size={18} />
        </button>
      )}
    </div>
  );
}

function Items({ doubt, onAct }: ActProps) {
  const { t } = useTranslation();
  return possible(doubt.state).map((action) => {
    const { icon: Icon, key } = ACTIONS[action];
    const label = action === "pin" && doubt.pinned ? "unpin" : action;
    return (
      <Menu.Item
        key={action}
        leftSection={<Icon size={17} />}
        rightSection={<kbd className={classes.key}>{key}</kbd>}
        {...(action === "dismiss" && { color: "var(--danger)" })}
        onClick={() => onAct(action, doubt)}
      >
        {t(`moderation.${label}`)}
      </Menu.Item>
    );
  });
}

interface BulkProps {
  readonly doubts: readonly DoubtView[];
  readonly chosen: ReadonlySet<number>;
  readonly onChoose: (ids: ReadonlySet<number>) => void;
  readonly onTouch: (id: number) => void;
}

function Bulk({ doubts, chosen, onChoose, onTouch }: BulkProps) {
  const { t } = useTranslation();
  const perform = useDo();
  const classroom = useClassroom();
  const format = useFormat();
  const progress = useProgress();
  const ids = doubts.filter(({ id, state }) => state === "pending" && chosen.has(id)).map(({ id }) => id);
  async function approve(): Promise<void> {
    onChoose(new Set());
    announce(t("moderation.approvingMany", { count: ids.length }));
    const kept = await doToAll(ids, async (id) => {
      const { room, status, pending } = classroom;
      // Who has left the class, or is not of its staff any more, has nothing more to say in it.
      if (status.phase === "closed" || room?.me.role === "student") {
        stop();
        return false;
      }
      // Others of the staff may have been sooner, or this person in a run that was stopped.
      if (find(room?.doubts.doubts ?? [], id)?.state !== "pending") return false;
      if (pending.some(({ command }) => command.type === "doubt.approve" && command.id === id)) return false;
      onTouch(id);
      return perform({ type: "doubt.approve", id });
    });
    const done = t("moderation.bulkDone", { count: kept });
    if (kept > 0) toast(done, "good");
    else if (classroom.status.phase !== "closed") announce(done);
  }
  if (progress !== null) {
    const { done, of } = progress;
    const told = t("moderation.approving", { done: format.number(done), of: format.number(of) });
    return (
      <>
        {/* Not a status: what changes ten times a second would be read without an end. */}
        <span
          role="progressbar"
          aria-label={t("moderation.approvingMany", { count: of })}
          aria-valuemin={0}
          aria-valuenow={done}
          aria-valuemax={of}
          aria-valuetext={told}
        >
          {told}
        </span>
        <Button size="compact-sm" mih="var(--touch)" variant="default" onClick={stop}>
          {t("moderation.stop")}
        </Button>
      </>
    );
  }
  if (doubts.length === 0) return null;
  return (
    <>
      <Checkbox
        label={t("moderation.selectAll")}
        checked={ids.length === doubts.length}
        indeterminate={ids.length > 0 && ids.length < doubts.length}
        onChange={(event) => onChoose(new Set(event.currentTarget.checked ? doubts.map(({ id }) => id) : []))}
      />
      {ids.length > 0 && (
        <Button size="compact-sm" mih="var(--touch)" leftSection={<IconChecks size={17} />} onClick={approve}>
          {t("moderation.approveAll", { count: ids.length })}
        </Button>
      )}
    </>
  );
}
