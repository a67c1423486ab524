/// All that the user interface builds on: the room's state, ways to list it, and React's hooks.
///
///     const connection = new ClassroomConnection({ room: "physics", name: "Asha" });
///     connection.start();
///     <ClassroomProvider connection={connection}> … </ClassroomProvider>
///
///     const messages = useRoomState((room) => room.chat.messages);      // null before the first welcome
///     const { phase, reason, retryAt, clockOffset } = useConnection();
///     const send = useSend();
///     const ack = await send({ type: "chat.say", text });               // { ok: true, seq } | { ok: false, code, message … }

export { ClassroomConnection, type ConnectionOptions } from "../connection/connection";
export type { Pending, Phase as ConnectionPhase, Reason, Send, SendOptions, Status } from "../connection/types";
export type { Ack, ClientCommand, Kept, Refused, SignalIn } from "../protocol";
export { type ChatState, findMessage, mayWriteAt } from "./chat";
export { countDoubts, type DoubtFilter, type DoubtQuery, type DoubtsState, type DoubtSort, isPublic, selectDoubts } from "./doubts";
export { find } from "./list";
export type { PollsState } from "./polls";
export {
  type Classroom,
  ClassroomProvider,
  useClassroom,
  useConnection,
  useMe,
  usePending,
  useReactions,
  useRoomState,
  useSend,
  useSignal,
} from "./react";
export type { RosterState } from "./roster";
export { applyEvent, applyEvents, applySignal, fadeTyping, fromWelcome, type Passing, type RoomState, type Typist } from "./state";
