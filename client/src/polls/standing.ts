/// Where a poll stands: of a class that is over none is open any more, though nobody may have closed it.

import { useMemo } from "react";
import { useRoom } from "../app/live";
import type { PollState, PollView } from "../protocol";

export type Standing = PollState | "over";

export function standingOf({ state }: Pick<PollView, "state">, ended: boolean): Standing {
  return state === "open" && ended ? "over" : state;
}

export function useStanding(poll: PollView): Standing {
  return standingOf(
    poll,
    useRoom((room) => room.roster.phase === "ended"),
  );
}

/** The polls in which votes are taken. */
export function useOpenPolls(): readonly PollView[] {
  const polls = useRoom((room) => room.polls.polls);
  const ended = useRoom((room) => room.roster.phase === "ended");
  return useMemo(() => polls.filter((poll) => standingOf(poll, ended) === "open"), [polls, ended]);
}
