/// My vote in one poll: what the server has, or what waits to be sent.
///
/// What always holds: it is the same wherever the poll is shown, on the stage, in its tab and in another window.

import { useRoom } from "../app/live";
import type { Ballot, PollView, PollVote } from "../protocol";
import { type Pending, usePending } from "../room";

export interface MyVote {
  readonly ballot: Ballot | undefined;
  readonly waiting: Pending | undefined;
  /** What I voted: the newest of both. */
  readonly cast: Cast | undefined;
}

export interface Cast {
  readonly choice: readonly number[];
  readonly text: string;
}

export function useVote(poll: PollView): MyVote {
  const ballot = useRoom((room) => room.polls.votes[poll.id]);
  const waiting = usePending().findLast(({ command, state }) => isVote(command, poll.id) && state !== "refused");
  return { ballot, waiting, cast: castOf(waiting, ballot) };
}

function castOf(waiting: Pending | undefined, ballot: Ballot | undefined): Cast | undefined {
  if (waiting?.command.type === "poll.vote") return { choice: waiting.command.choice ?? [], text: waiting.command.text ?? "" };
  return ballot && { choice: ballot[1], text: ballot[2] ?? "" };
}

function isVote(command: Pending["command"], id: number): command is PollVote {
  return command.type === "poll.vote" && command.id === id;
}
