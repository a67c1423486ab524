/// What the staff can do about a person, as items of a menu. Loaded for the staff alone.

import { Menu } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useDo, useMyPart, useRoom, useServerNow } from "../app/live";
import { toast } from "../app/toast";
import { IconBan, IconHandStop, IconPencil, IconUserCheck, IconUserMinus, IconUserPlus, IconVideo, IconVolume, IconVolumeOff } from "../common/icons";
import { useFormat } from "../i18n/format";
import type { ClientCommand, PersonView } from "../protocol";
import { askAbout } from "./asked";

const MINUTES = [5, 30, 24 * 60];

export default function PersonItems({ person: shown }: { person: PersonView }) {
  const { t } = useTranslation();
  const format = useFormat();
  const perform = useDo();
  const me = useMyPart();
  const listed = useRoom((room) => room.roster.people.find(({ id }) => id === shown.id));
  const raised = useRoom((room) => room.roster.hands.some(({ id }) => id === shown.id));
  const chosen = useRoom((room) => room.board.chosen.includes(shown.id));
  const onStage = useRoom((room) => room.stage.people.some(({ id }) => id === shown.id));
  const now = useServerNow(null);
  const person = listed ?? shown;
  const { id } = person;
  const isMuted = (person.muted_until ?? 0) > now;

  /** Whom it is about may stand in no list that would show it. */
  async function say(command: ClientCommand, done: string): Promise<void> {
    if (await perform(command)) toast(done, "good");
  }

  return (
    <>
      {raised && (
        <Menu.Item leftSection={<IconHandStop size={17} />} onClick={() => perform({ type: "roster.lower_hand", member: id })}>
          {t("people.lowerHand")}
        </Menu.Item>
      )}
      {person.role === "student" && !person.banned && (
        <Menu.Item leftSection={<IconVideo size={17} />} onClick={() => perform({ type: onStage ? "stage.leave" : "stage.call", member: id })}>
          {onStage ? t("live.sendOff") : t("live.call")}
        </Menu.Item>
      )}
      {person.role === "student" && (
        <>
          {isMuted ? (
            <Menu.Item leftSection={<IconVolume size={17} />} onClick={() => say({ type: "roster.unmute", member: id }, t("people.unmutedNow", { name: person.name }))}>
              {t("people.unmute")}
            </Menu.Item>
          ) : (
            MINUTES.map((minutes) => {
              const time = format.span(minutes * 60);
              return (
                <Menu.Item
                  key={minutes}
                  leftSection={<IconVolumeOff size={17} />}
                  onClick={() => say({ type: "roster.mute", member: id, minutes }, t("people.mutedNow", { name: person.name, time }))}
                >
                  {t("people.muteFor", { time })}
                </Menu.Item>
              );
            })
          )}
          <Menu.Item leftSection={<IconPencil size={17} />} onClick={() => askAbout({ what: "rename", person })}>
            {t("people.rename")}
          </Menu.Item>
          <Menu.Item leftSection={<IconPencil size={17} />} onClick={() => perform({ type: chosen ? "board.withdraw" : "board.grant", member: id })}>
            {chosen ? t("board.withdrawPen") : t("board.grantPen")}
          </Menu.Item>
        </>
      )}
      {me.instructor && person.role === "student" && !person.banned && (
        <Menu.Item leftSection={<IconUserPlus size={17} />} onClick={() => perform({ type: "roster.appoint", member: id, role: "assistant" })}>
          {t("people.appoint")}
        </Menu.Item>
      )}
      {me.instructor && person.role === "assistant" && (
        <Menu.Item leftSection={<IconUserMinus size={17} />} onClick={() => perform({ type: "roster.appoint", member: id, role: "student" })}>
          {t("people.unappoint")}
        </Menu.Item>
      )}
      {person.role === "student" && (
        <>
          <Menu.Divider />
          {person.banned ? (
            <Menu.Item leftSection={<IconUserCheck size={17} />} onClick={() => say({ type: "roster.unban", member: id }, t("people.unbannedNow", { name: person.name }))}>
              {t("people.unban")}
            </Menu.Item>
          ) : (
            <>
              <Menu.Item leftSection={<IconUserMinus size={17} />} onClick={() => askAbout({ what: "remove", person })}>
                {t("people.remove")}
              </Menu.Item>
              <Menu.Item color="var(--danger)" leftSection={<IconBan size={17} />} onClick={() => askAbout({ what: "ban", person })}>
                {t("people.ban")}
              </Menu.Item>
            </>
          )}
        </>
      )}
    </>
  );
}
