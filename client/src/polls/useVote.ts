/// My vote in one poll: what the server has, or what waits to be sent.

import { useRoom } from "../app/live";
import type { Ballot, PollView, PollVote } from "../protocol";
import { type Pending, usePending } from "../room";

export interface MyVote {
  readonly ballot: Ballot | undefined;
  readonly waiting: Pending | undefined;
}

export function useVote(poll: PollView): MyVote {
  const ballot = useRoom((room) => room.polls.votes[poll.id]);
  const waiting = usePending().findLast(({ command, state }) => isVote(command, poll.id) && state !== "refused");
  return { ballot, waiting };
}

function isVote(command: Pending["command"], id: number): command is PollVote {
  return command.type === "poll.vote" && command.id === id;
}
