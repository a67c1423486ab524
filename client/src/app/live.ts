/// Short ways to what the whole classroom reads: the room, who I am, the server's clock, and what the API answers.
///
/// What always holds: the hooks here are used below a `ClassroomProvider` whose room has been welcomed.

import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { ClientCommand, Refused } from "../protocol";
import { type RoomState, useClassroom, useConnection, useRoomState, useSend } from "../room";
import { toast } from "./toast";

/** What `selector` picks from the room. Renders again when that is another object. */
export function useRoom<T>(selector: (state: RoomState) => T): T {
  return useRoomState(selector) as T;
}

export interface MyPart {
  readonly id: string;
  readonly name: string;
  readonly role: "instructor" | "assistant" | "student" | "system";
  readonly staff: boolean;
  readonly instructor: boolean;
}

const pickMe = (state: RoomState) => state.me;

export function useMyPart(): MyPart {
  const { id, name, role } = useRoom(pickMe);
  return { id, name, role, staff: role !== "student", instructor: role === "instructor" };
}

/** The server's time (ms since 1970), told anew every `every` ms; with `every` null it stands still. */
export function useServerNow(every: number | null): number {
  const { clockOffset } = useConnection();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (every === null) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now + clockOffset;
}

/** The sentence for a refusal: ours, in the reader's language, where the code is known; else the server's. */
export function useRefusal(): (refused: { code: string; message: string }) => string {
  const { t, i18n } = useTranslation();
  return useCallback(
    ({ code, message }) => {
      const key = `refused.${code}`;
      // In English the server's own sentence is the more exact one.
      if (message !== "" && i18n.language === "en") return message;
      return i18n.exists(key) ? t(key as "refused.muted") : message || t("refused.unavailable");
    },
    [t, i18n],
  );
}

/** Sends a command, and shows the sentence of a refusal. Answers whether it was kept. */
export function useDo(): (command: ClientCommand) => Promise<boolean> {
  const send = useSend();
  const explain = useRefusal();
  return useCallback(
    async (command) => {
      const ack = await send(command);
      if (!ack.ok && ack.code !== "stopped") toast(explain(ack), "bad");
      return ack.ok;
    },
    [send, explain],
  );
}

export type Refusal = Pick<Refused, "code" | "message">;

/** Reads JSON from the room's part of the API. Rejects with an `Error` when the answer is not a success. */
export function useApi(): <T>(path: string, signal?: AbortSignal) => Promise<T> {
  const classroom = useClassroom();
  return useCallback(
    async <T>(path: string, signal?: AbortSignal): Promise<T> => {
      const answer = await classroom.fetch(path, signal ? { signal } : {});
      if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
      return (await answer.json()) as T;
    },
    [classroom],
  );
}
