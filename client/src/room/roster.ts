/// The roster as this member sees it: who is here, whose hands are up, where the class stands.

import {
  type ClassEnded,
  type ClassStarted,
  type Me,
  type PersonView,
  type Phase,
  ROSTER_LISTED,
  type RosterAppointed,
  type RosterAttended,
  type RosterBanned,
  type RosterHandLowered,
  type RosterHandRaised,
  type RosterMuted,
  type RosterOwn,
  type RosterRemoved,
  type RosterRenamed,
  type RosterView,
  type Stamped,
} from "../protocol";

export interface RosterState {
  readonly phase: Phase;
  /** When the class first went live (ms since 1970, the server's clock); 0: not yet. */
  readonly started_at: number;
  readonly ended_at: number;
  /** Raised hands, first raised first. */
  readonly hands: readonly PersonView[];
  /** Students see the staff; the staff see everybody, unless `listed` is false. */
  readonly people: readonly PersonView[];
  /** False: too many to list, ask by page. */
  readonly listed: boolean;
  /** Until when this member is muted (ms since 1970); 0: not. */
  readonly muted_until: number;
}

export type RosterEvent =
  | RosterAttended
  | RosterHandRaised
  | RosterHandLowered
  | RosterMuted
  | RosterRemoved
  | RosterBanned
  | RosterRenamed
  | RosterAppointed
  | ClassStarted
  | ClassEnded;

export function rosterFromWelcome(view: RosterView, own: RosterOwn): RosterState {
  return { ...view, muted_until: own.muted_until };
}

export class RosterDraft {
  #state: RosterState;
  readonly #people: Map<string, PersonView>;
  #me: Me;

  constructor(state: RosterState, me: Me) {
    this.#state = state;
    this.#people = new Map(state.people.map((person) => [person.id, person]));
    this.#me = me;
  }

  apply(event: Stamped<RosterEvent>): void {
    switch (event.type) {
      case "roster.attended":
        return this.#attended(event);
      case "roster.hand_raised": {
        const { member, name, role = "student" } = event;
        return this.#set({ hands: [...this.#state.hands, { id: member, name, role }] });
      }
      case "roster.hand_lowered":
        return this.#set({ hands: this.#state.hands.filter((hand) => !event.members.includes(hand.id)) });
      case "roster.muted":
        if (event.member === this.#me.id) this.#set({ muted_until: event.until });
        return this.#person(event.member, this.#staff ? { muted_until: event.until } : {});
      case "roster.removed":
        return; // their connection ends, which attendance tells
      case "roster.banned":
        return this.#person(event.member, this.#staff ? { banned: event.on ?? true } : {});
      case "roster.renamed":
        return this.#renamed(event);
      case "roster.appointed":
        return this.#appointed(event);
      case "class.started":
        return this.#set({ phase: "live", started_at: event.started_at, ended_at: 0 });
      case "class.ended":
        return this.#set({ phase: "ended", ended_at: event.at });
    }
  }

  done(): { readonly roster: RosterState; readonly me: Me } {
    return { roster: { ...this.#state, people: [...this.#people.values()] }, me: this.#me };
  }

  get #staff(): boolean {
    return this.#me.role !== "student";
  }

  /** Whether `people` has everybody, or else the staff alone. */
  get #everybody(): boolean {
    return this.#staff && this.#state.listed;
  }

  #set(change: Partial<RosterState>): void {
    this.#state = { ...this.#state, ...change };
  }

  #person(id: string, change: Partial<PersonView>): void {
    const person = this.#people.get(id);
    if (person !== undefined) this.#people.set(id, { ...person, ...change });
  }

  #hand(id: string, change: Partial<PersonView>): void {
    if (!this.#state.hands.some((hand) => hand.id === id)) return;
    this.#set({ hands: this.#state.hands.map((hand) => (hand.id === id ? { ...hand, ...change } : hand)) });
  }

  #attended({ came = [], went = [], demoted = [] }: RosterAttended): void {
    for (const id of went) this.#person(id, { present: false });
    if (!this.#everybody) for (const id of demoted) this.#people.delete(id);
    for (const [id, name, role] of came) {
      if (role === "student" && !this.#everybody) continue;
      this.#people.set(id, { ...this.#people.get(id), id, name, role, present: true });
    }
    if (this.#everybody && this.#people.size > ROSTER_LISTED) this.#listNoMore();
  }

  #listNoMore(): void {
    for (const { id, role } of [...this.#people.values()]) if (role === "student") this.#people.delete(id);
    this.#set({ listed: false });
  }

  #renamed({ member, name }: RosterRenamed): void {
    this.#person(member, { name });
    this.#hand(member, { name });
    if (member === this.#me.id) this.#me = { ...this.#me, name };
  }

  #appointed({ member, name, role, present = true }: RosterAppointed): void {
    this.#hand(member, { role });
    if (role === "student" && !this.#everybody) this.#people.delete(member);
    else this.#people.set(member, { ...this.#people.get(member), id: member, name, role, present });
  }
}
