/// `/r/<room>`: the lobby, then the class; `/r/<room>/recording`: the class after its end.
///
/// What always holds: there is a connection exactly while there are credentials, and a new one for new credentials.

import { Suspense, useEffect, useMemo, useState } from "react";
import { part } from "../common/part";
import { ClassroomConnection, ClassroomProvider, useConnection, useRoomState } from "../room";
import { type Credentials, forgetName, forgetToken, keepName, keptCredentials, takeToken } from "./credentials";
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

  useEffect(() => {
    // While the name is typed, the class is fetched.
    loadClassroom().catch(() => undefined);
    // A link with a token, pasted over the page that is open already.
    const changed = (): void => {
      takeToken(room);
      setCredentials(keptCredentials(room));
    };
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, [room]);

  if (credentials === null) {
    const join = (name: string): void => {
      keepName(room, name);
      setCredentials({ name });
    };
    return <JoinForm room={room} onJoin={join} />;
  }
  const forget = (): void => {
    forgetName(room);
    forgetToken(room);
    setCredentials(null);
  };
  return <Joined key={JSON.stringify(credentials)} room={room} recording={recording} credentials={credentials} onForget={forget} />;
}

interface JoinedProps {
  readonly room: string;
  readonly recording: boolean;
  readonly credentials: Credentials;
  readonly onForget: () => void;
}

function Joined({ room, recording, credentials, onForget }: JoinedProps) {
  const connection = useMemo(() => new ClassroomConnection({ room, ...credentials }), [room, credentials]);
  useEffect(() => {
    connection.start();
    return () => connection.stop();
  }, [connection]);
  return (
    <ClassroomProvider connection={connection}>
      <Inside room={room} recording={recording} named={"name" in credentials} onForget={onForget} />
    </ClassroomProvider>
  );
}

interface InsideProps {
  readonly room: string;
  readonly recording: boolean;
  /** Whether the member came by a name, not by a token. */
  readonly named: boolean;
  readonly onForget: () => void;
}

function Inside({ room, recording, named, onForget }: InsideProps) {
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
