/// Doubts as this member sees them: the fold of the doubt events that the server shows them, and ways to list them.
///
/// What always holds: `doubts` has, oldest first, every doubt that this member may see: for the staff all of them, for a
/// student the public ones and, whatever their state, those that they asked. What stops being visible leaves the list.

import {
  DOUBT_PUBLIC,
  type DoubtAnswered,
  type DoubtAsked,
  type DoubtConfigured,
  type DoubtDismissed,
  type DoubtMerged,
  type DoubtPinned,
  type DoubtPublished,
  type DoubtsOwn,
  type DoubtStarted,
  type DoubtState,
  type DoubtsView,
  type DoubtView,
  type DoubtVoted,
  type DoubtWithdrawn,
  type Me,
  type Stamped,
} from "../protocol";
import { ListDraft } from "./list";

export interface DoubtsState {
  readonly doubts: readonly DoubtView[];
  /** Ids of the doubts that this member asked. */
  readonly asked: ReadonlySet<number>;
  /** Ids of the doubts that this member stands behind. */
  readonly voted: ReadonlySet<number>;
  /** Whether doubts wait for approval. */
  readonly moderated: boolean;
  /** Whether students may not ask. */
  readonly locked: boolean;
  /** Whether one may ask anonymously. */
  readonly anonymous: boolean;
}

export type DoubtEvent =
  | DoubtAsked
  | DoubtWithdrawn
  | DoubtVoted
  | DoubtPublished
  | DoubtDismissed
  | DoubtStarted
  | DoubtAnswered
  | DoubtMerged
  | DoubtPinned
  | DoubtConfigured;

export function isPublic(state: DoubtState): boolean {
  return DOUBT_PUBLIC.includes(state);
}

export function doubtsFromWelcome(view: DoubtsView, own: DoubtsOwn): DoubtsState {
  const { moderated, locked, anonymous } = view;
  const draft = new ListDraft(view.doubts);
  for (const doubt of own.doubts) draft.put(doubt);
  return { doubts: draft.done(), asked: new Set(own.asked), voted: new Set(own.voted), moderated, locked, anonymous };
}

export class DoubtsDraft {
  #state: DoubtsState;
  readonly #doubts: ListDraft<DoubtView>;
  readonly #me: Me;
  #asked: Set<number> | null = null;
  #voted: Set<number> | null = null;

  constructor(state: DoubtsState, me: Me) {
    this.#state = state;
    this.#doubts = new ListDraft(state.doubts);
    this.#me = me;
  }

  apply(event: Stamped<DoubtEvent>): void {
    switch (event.type) {
      case "doubt.asked":
        return this.#askedNow(event);
      case "doubt.withdrawn":
        return this.#leave(event.id, { state: "withdrawn" });
      case "doubt.voted":
        return this.#votedNow(event);
      case "doubt.published":
        return this.#published(event);
      case "doubt.dismissed":
        return this.#leave(event.id, { state: "dismissed", ...(event.reason != null && { reason: event.reason }) });
      case "doubt.started":
        return this.#started(event);
      case "doubt.answered":
        return this.#answered(event);
      case "doubt.merged":
        return this.#merged(event);
      case "doubt.pinned":
        return this.#doubts.update(event.id, (doubt) => ({ ...doubt, pinned: event.on ?? true }));
      case "doubt.configured": {
        const { moderated, locked, anonymous } = event;
        this.#state = { ...this.#state, moderated, locked, anonymous };
      }
    }
  }

  done(): DoubtsState {
    return {
      ...this.#state,
      doubts: this.#doubts.done(),
      asked: this.#asked ?? this.#state.asked,
      voted: this.#voted ?? this.#state.voted,
    };
  }

  get #asks(): Set<number> {
    return (this.#asked ??= new Set(this.#state.asked));
  }

  get #votes(): Set<number> {
    return (this.#voted ??= new Set(this.#state.voted));
  }

  #isMine(id: number): boolean {
    return (this.#asked ?? this.#state.asked).has(id);
  }

  #keeps(id: number): boolean {
    return this.#me.role !== "student" || this.#isMine(id);
  }

  #askedNow({ seq, at, text, state, anonymous, by, name }: Stamped<DoubtAsked>): void {
    this.#doubts.put({
      id: seq,
      at,
      text,
      state,
      votes: 1,
      ...(anonymous && { anonymous }),
      ...(by != null && { by }),
      ...(name != null && { name }),
    });
    if (by === this.#me.id) {
      this.#asks.add(seq);
      this.#votes.add(seq);
    }
  }

  /** A doubt takes one of the side exits: the staff and its asker keep it, to the others it is gone. */
  #leave(id: number, change: Partial<DoubtView>): void {
    if (this.#keeps(id)) this.#doubts.update(id, ({ pinned: _, ...doubt }) => ({ ...doubt, ...change }));
    else this.#doubts.delete(id);
  }

  #votedNow({ votes, changes = [] }: DoubtVoted): void {
    for (const [id, count] of Object.entries(votes)) {
      this.#doubts.update(Number(id), (doubt) => ({ ...doubt, votes: count }));
    }
    for (const [member, id, on] of changes) {
      if (member !== this.#me.id) continue;
      if (on) this.#votes.add(id);
      else this.#votes.delete(id);
    }
  }

  #published({ id, at, text, votes, anonymous, by, name, answer }: DoubtPublished): void {
    const pinned = this.#doubts.get(id)?.pinned;
    this.#doubts.put({
      id,
      at,
      text,
      votes,
      state: "open",
      ...(pinned && { pinned }),
      ...(anonymous && { anonymous }),
      ...(by != null && { by }),
      ...(name != null && { name }),
      ...(answer != null && { answer }),
    });
  }

  #started({ id, back }: DoubtStarted): void {
    if (back != null) this.#doubts.update(back, (doubt) => ({ ...doubt, state: "open" }));
    this.#doubts.update(id, (doubt) => ({ ...doubt, state: "answering" }));
  }

  #answered({ id, live, class_time, text }: DoubtAnswered): void {
    this.#doubts.update(id, ({ live: _, class_time: __, answer: ___, ...doubt }) => ({
      ...doubt,
      state: "answered",
      ...(live && { live }),
      ...(class_time != null && { class_time }),
      ...(text != null && { answer: text }),
    }));
  }

  #merged({ id, into, votes }: DoubtMerged): void {
    this.#doubts.update(into, (doubt) => ({ ...doubt, votes }));
    this.#leave(id, { state: "merged", merged_into: into });
    for (const { id: earlier, merged_into } of this.#doubts.list) {
      if (merged_into === id) this.#doubts.update(earlier, (doubt) => ({ ...doubt, merged_into: into }));
    }
    if ((this.#voted ?? this.#state.voted).has(id)) this.#votes.add(into);
  }
}

export type DoubtFilter = "all" | "open" | "answering" | "answered" | "pending" | "dismissed" | "mine";
export type DoubtSort = "votes" | "newest" | "oldest" | "state";

export interface DoubtQuery {
  readonly filter: DoubtFilter;
  readonly sort: DoubtSort;
  /** Words that must all occur in the text, the answer or the asker's name, whatever their case. */
  readonly search?: string;
}

const STATE_ORDER: Readonly<Record<DoubtState, number>> = {
  answering: 0,
  pending: 1,
  open: 2,
  answered: 3,
  dismissed: 4,
  merged: 5,
  withdrawn: 6,
};

const COMPARE: Readonly<Record<DoubtSort, (one: DoubtView, other: DoubtView) => number>> = {
  votes: (one, other) => other.votes - one.votes || one.id - other.id,
  newest: (one, other) => other.id - one.id,
  oldest: (one, other) => one.id - other.id,
  state: (one, other) => STATE_ORDER[one.state] - STATE_ORDER[other.state] || other.votes - one.votes || one.id - other.id,
};

function matches(doubt: DoubtView, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const said = `${doubt.text}\n${doubt.answer ?? ""}\n${doubt.name ?? ""}`.toLocaleLowerCase();
  return words.every((word) => said.includes(word));
}

/**
 * The doubts that a list shows, in its order, pinned ones first. `all` leaves out what is over and done with for
 * everybody: withdrawn, merged and dismissed ones.
 */
export function selectDoubts(state: DoubtsState, { filter, sort, search = "" }: DoubtQuery): readonly DoubtView[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const shown = (doubt: DoubtView): boolean => {
    if (filter === "mine") return state.asked.has(doubt.id);
    if (filter === "all") return doubt.state === "pending" || isPublic(doubt.state);
    return doubt.state === filter;
  };
  const compare = COMPARE[sort];
  return state.doubts
    .filter((doubt) => shown(doubt) && matches(doubt, words))
    .sort((one, other) => Number(other.pinned ?? false) - Number(one.pinned ?? false) || compare(one, other));
}

/** How many doubts each filter would list. */
export function countDoubts(state: DoubtsState): Readonly<Record<DoubtFilter, number>> {
  const counts = { all: 0, open: 0, answering: 0, answered: 0, pending: 0, dismissed: 0, mine: state.asked.size };
  for (const { state: at } of state.doubts) {
    if (at === "withdrawn" || at === "merged") continue;
    counts[at] += 1;
    if (at !== "dismissed") counts.all += 1;
  }
  return counts;
}
