/// Polls as this member sees them: the fold of the poll events that the server shows them, and of tallies passing by.

import type {
  Ballot,
  Me,
  PollClosed,
  PollDiscarded,
  PollOpened,
  PollPrepared,
  PollRevised,
  PollsOwn,
  PollsView,
  PollTally,
  PollView,
  PollVoted,
  Stamped,
} from "../protocol";
import { find, ListDraft } from "./list";

export interface PollsState {
  /** In order of preparation. An open poll's tally is the newest that passed by. */
  readonly polls: readonly PollView[];
  /** This member's votes, by poll id. */
  readonly votes: Readonly<Record<string, Ballot>>;
}

export type PollEvent = PollPrepared | PollRevised | PollDiscarded | PollOpened | PollVoted | PollClosed;

export function pollsFromWelcome(view: PollsView, own: PollsOwn): PollsState {
  return { polls: view.polls, votes: own.votes };
}

export function withTally(state: PollsState, { id, tally }: PollTally): PollsState {
  // A tally may overtake, or be overtaken by, the closing that has the exact one.
  if (find(state.polls, id)?.state !== "open") return state;
  const draft = new ListDraft(state.polls);
  draft.update(id, (poll) => ({ ...poll, tally }));
  return { ...state, polls: draft.done() };
}

export class PollsDraft {
  readonly #polls: ListDraft<PollView>;
  #votes: Readonly<Record<string, Ballot>>;
  readonly #me: Me;

  constructor(state: PollsState, me: Me) {
    this.#polls = new ListDraft(state.polls);
    this.#votes = state.votes;
    this.#me = me;
  }

  apply(event: Stamped<PollEvent>): void {
    switch (event.type) {
      case "poll.prepared":
        return this.#polls.put({ id: event.seq, spec: event.spec, state: "prepared" });
      case "poll.revised":
        return this.#polls.update(event.id, (poll) => ({ ...poll, spec: event.spec }));
      case "poll.discarded":
        return this.#polls.delete(event.id);
      case "poll.opened":
        return this.#opened(event);
      case "poll.voted":
        return this.#voted(event);
      case "poll.closed":
        return this.#polls.update(event.id, (poll) => this.#closed(poll, event));
    }
  }

  done(): PollsState {
    return { polls: this.#polls.done(), votes: this.#votes };
  }

  #opened({ id, spec, ends_at, at }: Stamped<PollOpened>): void {
    this.#polls.put({ id, spec, state: "open", opened_at: at, ...(ends_at != null && { ends_at }) });
  }

  #voted({ id, ballots = [] }: PollVoted): void {
    for (const ballot of ballots) {
      if (ballot[0] === this.#me.id) this.#votes = { ...this.#votes, [id]: ballot };
    }
  }

  #closed({ tally: _, ...poll }: PollView, { at, tally, right = [] }: Stamped<PollClosed>): PollView {
    return { ...poll, spec: { ...poll.spec, right }, state: "closed", closed_at: at, ...(tally != null && { tally }) };
  }
}
