/// Choose the doubt that another one is the same as. The likest are offered first.

import { Button, Modal, TextInput } from "@mantine/core";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRoom } from "../../app/live";
import { IconSearch } from "../../common/icons";
import { useFormat } from "../../i18n/format";
import type { DoubtState, DoubtView } from "../../protocol";
import { selectDoubts } from "../../room";
import classes from "../doubts.module.css";
import { similar } from "../similar";
import { StateTag } from "../StateTag";
import { type DialogProps, Meanwhile, useMeanwhile } from "./Meanwhile";

const SHOWN = 30;

/** What the server takes: a doubt that students see goes only into one that they see too. */
export function mergeTargets(doubts: readonly DoubtView[], from: DoubtView): readonly DoubtView[] {
  const states: readonly DoubtState[] = ["open", "answering", "answered", ...(from.state === "pending" ? ["pending" as const] : [])];
  return doubts.filter(({ id, state }) => id !== from.id && states.includes(state));
}

export function MergeDialog({ doubt, onClose, onSend }: DialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const perform = useDo();
  const meanwhile = useMeanwhile(doubt);
  const state = useRoom((room) => room.doubts);
  const [search, setSearch] = useState("");
  const offered = useMemo(() => {
    const targets = mergeTargets(state.doubts, doubt);
    const alike = search.trim() === "" ? similar(targets, doubt.text) : [];
    const others = selectDoubts({ ...state, doubts: targets }, { filter: "all", sort: "votes", search });
    return [...alike, ...others.filter((each) => !alike.includes(each))].slice(0, SHOWN);
  }, [state, doubt, search]);

  function merge(into: DoubtView): void {
    onClose();
    onSend?.(doubt.id, into.id);
    void perform({ type: "doubt.merge", id: doubt.id, into: into.id });
  }

  return (
    <Modal opened onClose={onClose} size="lg" title={<strong>{t("moderation.mergeTitle")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <blockquote className={classes.quoted} dir="auto">
        {doubt.text}
      </blockquote>
      <Meanwhile doubt={meanwhile} />
      <p className="soft" style={{ marginBottom: 12 }}>
        {t("moderation.mergeHint")}
      </p>
      <TextInput
        aria-label={t("moderation.mergeSearch")}
        placeholder={t("moderation.mergeSearch")}
        leftSection={<IconSearch size={17} />}
        value={search}
        data-autofocus
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {offered.length === 0 && <p className="soft" style={{ marginTop: 16 }}>{t("moderation.mergeNone")}</p>}
      <ul className={classes.targets}>
        {offered.map((each) => (
          <li key={each.id}>
            <div>
              <StateTag state={each.state} /> <small className="soft">{t("doubts.votes", { count: each.votes, formatted: format.number(each.votes) })}</small>
              <p dir="auto">{each.text}</p>
            </div>
            <Button size="compact-sm" mih="var(--touch)" variant="light" c="var(--accent)" onClick={() => merge(each)}>
              {t("moderation.mergeInto")}
            </Button>
          </li>
        ))}
      </ul>
    </Modal>
  );
}
