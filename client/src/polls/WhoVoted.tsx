/// Who voted what, in a named poll. Asked for when it is opened, and again on demand.

import { Button, Loader, Modal } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useApi } from "../app/live";
import type { PersonView, PollView } from "../protocol";
import classes from "./polls.module.css";
import { labelOf } from "./results";

interface Vote {
  readonly person: PersonView;
  readonly choice: readonly number[];
  readonly text: string | null;
}

export default function WhoVoted({ poll, onClose }: { poll: PollView; onClose: () => void }) {
  const { t } = useTranslation();
  const api = useApi();
  const [votes, setVotes] = useState<readonly Vote[] | null>(null);
  const [failed, setFailed] = useState(false);
  const [turn, setTurn] = useState(0);

  useEffect(() => {
    const gone = new AbortController();
    setFailed(false);
    api<{ votes: readonly Vote[] }>(`/polls/${poll.id}/votes`, gone.signal)
      .then((answer) => setVotes(answer.votes))
      .catch(() => {
        if (!gone.signal.aborted) setFailed(true);
      });
    return () => gone.abort();
  }, [api, poll.id, turn]);

  return (
    <Modal opened onClose={onClose} size="lg" title={<strong>{t("polls.who")}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <p className={classes.question} dir="auto">
        {poll.spec.question}
      </p>
      {failed && (
        <p role="alert">
          {t("polls.whoFailed")}{" "}
          <Button variant="subtle" size="compact-sm" onClick={() => setTurn(turn + 1)}>
            {t("chat.again")}
          </Button>
        </p>
      )}
      {votes === null && !failed && <Loader size="sm" />}
      {votes?.length === 0 && <p className="soft">{t("polls.whoNone")}</p>}
      {votes !== null && votes.length > 0 && (
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">{t("polls.member")}</th>
              <th scope="col">{t("polls.answerColumn")}</th>
            </tr>
          </thead>
          <tbody>
            {votes.map(({ person, choice, text }) => (
              <tr key={person.id}>
                <th scope="row" dir="auto">
                  {person.name}
                </th>
                <td dir="auto">{text ?? choice.map((index) => labelOf(poll, index)).join(", ")}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Modal>
  );
}
