/// The dialogs about a person: rename, remove, exclude. One's own name is changed here too.

import { Button, Group, Modal, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart } from "../app/live";
import { toast } from "../app/toast";
import { keepOwnName } from "../lobby/credentials";
import { ROSTER_NAME_LIMIT, ROSTER_REASON_LIMIT } from "../protocol";
import { type Asked, askAbout, useAsked } from "./asked";

export default function PersonDialogs() {
  const asked = useAsked();
  return asked && <Dialog key={`${asked.what} ${asked.person.id}`} asked={asked} />;
}

const TITLES = { rename: "people.renameTitle", remove: "people.removeTitle", ban: "people.banTitle" } as const;
const DONE = { remove: "people.removedNow", ban: "people.bannedNow" } as const;
const ACTIONS = { rename: "app.save", remove: "people.remove", ban: "people.ban" } as const;

function Dialog({ asked: { what, person } }: { asked: Asked }) {
  const { t } = useTranslation();
  const me = useMyPart();
  const perform = useDo();
  const { id, name } = person;
  const mine = id === me.id;
  const [text, setText] = useState(what === "rename" ? name : "");
  const close = (): void => askAbout(null);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const typed = text.trim();
    if (what === "rename" && typed === "") return;
    close();
    if (what === "rename") {
      const kept = await perform({ type: "roster.rename", name: typed, ...(!mine && { member: id }) });
      if (kept && mine) keepOwnName(typed);
    } else if (await perform({ type: `roster.${what}`, member: id, reason: typed })) toast(t(DONE[what], { name }), "good");
  }

  const title = mine ? t("people.renameMe") : t(TITLES[what], { name });
  return (
    <Modal opened onClose={close} title={<strong>{title}</strong>} closeButtonProps={{ "aria-label": t("app.close") }}>
      <form onSubmit={submit}>
        {what !== "rename" && (
          <p className="soft" style={{ marginBottom: 16 }}>
            {what === "remove" ? t("people.removeText", { name }) : t("people.banText", { name })}
          </p>
        )}
        <TextInput
          label={what === "rename" ? t("people.newName") : t("people.reasonOptional", { name })}
          value={text}
          maxLength={what === "rename" ? ROSTER_NAME_LIMIT : ROSTER_REASON_LIMIT}
          data-autofocus
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="lg" gap="sm">
          <Button variant="default" onClick={close}>
            {t("app.cancel")}
          </Button>
          <Button type="submit" color={what === "rename" ? undefined : "red.8"} autoContrast={what === "rename"}>
            {t(ACTIONS[what])}
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
