/// `/r/<room>`: the lobby, then the class; `/r/<room>/recording`: the class after its end.
///
/// What always holds: there is a connection exactly while there are credentials, and a new one for new credentials.

import { Suspense, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDo, useRefusal } from "../app/live";
import { toast } from "../app/toast";
import { part } from "../common/part";
import { ClassroomConnection, ClassroomProvider, useClassroom, useConnection, useRoomState } from "../room";
import { type Credentials, forgetName, forgetToken, keepName, keepOwnName, keptCredentials, takeToken } from "./credentials";
import { Ended } from "./Ended";
import { JoinForm } from "./JoinForm";
import { Entering } from "./Entering";

const loadClassroom = () => import("../classroom/Classroom");
const Classroom = part(loadClassroom);
const ReplayPage = part(() => import("../replay/ReplayPage"));

export function RoomPage({ room, recording }: { room: string; recording: boolean }) {
  const [credentials, setCredentials] = useState<Credentials | null>(() => {
    takeToken(room);
    return keptCredentials(room);
  });

  // Whether the name was typed just now, and not only kept.
  const [typed, setTyped] = useState(false);

  useEffect(() => {
    // While the name is typed, the class is fetched.
    loadClassroom().catch(() => undefined);
    // A link with a token, pasted over the page that is open already; other places on the page change nothing.
    const changed = (): void => {
      if (takeToken(room)) setCredentials(keptCredentials(room));
    };
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, [room]);

  if (credentials === null) {
    const join = (name: string): void => {
      keepName(room, name);
      keepOwnName(name);
      setTyped(true);
      setCredentials({ name });
    };
    return <JoinForm room={room} onJoin={join} />;
  }
  const forget = (): void => {
    forgetName(room);
    forgetToken(room);
    setCredentials(null);
  };
  return <Joined key={JSON.stringify(credentials)} room={room} recording={recording} credentials={credentials} typed={typed} onForget={forget} />;
}

interface JoinedProps {
  readonly room: string;
  readonly recording: boolean;
  readonly credentials: Credentials;
  readonly typed: boolean;
  readonly onForget: () => void;
}

function Joined({ room, recording, credentials, typed, onForget }: JoinedProps) {
  const connection = useMemo(() => new ClassroomConnection({ room, ...credentials }), [room, credentials]);
  useEffect(() => {
    connection.start();
    return () => connection.stop();
  }, [connection]);
  const name = "name" in credentials ? credentials.name : null;
  return (
    <ClassroomProvider connection={connection}>
      <Inside room={room} recording={recording} name={name} typed={typed} onForget={onForget} />
    </ClassroomProvider>
  );
}

interface InsideProps {
  readonly room: string;
  readonly recording: boolean;
  /** By which the member came; null: by a token. */
  readonly name: string | null;
  readonly typed: boolean;
  readonly onForget: () => void;
}

function Inside({ room, recording, name, typed, onForget }: InsideProps) {
  const named = name !== null;
  useName(room, name, typed);
  useLateRefusals();
  const inside = useRoomState((state) => state.room.id) !== null;
  const { phase } = useConnection();
  if (inside && (phase === "closed" || phase === "refused")) return <Ended onForget={onForget} />;
  if (!inside) return <Entering room={room} named={named} onForget={onForget} />;
  return (
    <Suspense fallback={<Entering room={room} named={named} onForget={onForget} />}>
      {recording ? <ReplayPage /> : <Classroom />}
    </Suspense>
  );
}

/** The name in force is what this tab remembers; what was typed just now comes before one that was chosen in this room earlier. */
function useName(room: string, name: string | null, typed: boolean): void {
  const perform = useDo();
  const inForce = useRoomState((state) => state.me.name);
  const { phase } = useConnection();
  const inside = phase === "live" && inForce !== null;
  const wanted = useRef(typed ? name : null);

  useEffect(() => {
    // Also after leaving and coming back, or else a reload would ask for it.
    if (inside && name !== null) keepName(room, inForce);
  }, [inside, inForce, room, name]);

  useEffect(() => {
    if (!inside || wanted.current === null) return;
    if (plain(wanted.current) !== plain(inForce)) void perform({ type: "roster.rename", name: wanted.current });
    wanted.current = null;
  }, [inside, inForce, perform]);
}

/** Of what was done before the page was loaded. Told here, since the class itself may still be on its way. */
function useLateRefusals(): void {
  const { t } = useTranslation();
  const classroom = useClassroom();
  const explain = useRefusal();
  useEffect(() => classroom.on("refused", (refused) => toast(t("say.refusedLate", { reason: explain(refused) }), "bad")), [classroom, t, explain]);
}

/** As the server would have it, nearly. */
function plain(name: string): string {
  return name.normalize("NFC").replaceAll(/\s+/g, " ").trim();
}
