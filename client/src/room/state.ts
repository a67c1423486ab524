/// The room in the browser: a replica that only folds what the server says.
///
/// What always holds: a state that was handed out never changes; folding the events after a welcome gives what a welcome
/// at that moment would have given. An event is folded once, however often it comes: what is not after `seq` is passed
/// over. An event of a kind that this client does not know is passed over too, though its place is taken.

import type { CaptionSaid, Me, RoomEvent, RoomLabel, SignalOut, Stamped, Welcome } from "../protocol";
import { applyBoard, type BoardEvent, boardFromWelcome, type BoardState } from "./board";
import { applyCaption, type CaptionsState } from "./captions";
import { ChatDraft, type ChatEvent, chatFromWelcome, type ChatState } from "./chat";
import { DoubtsDraft, type DoubtEvent, doubtsFromWelcome, type DoubtsState } from "./doubts";
import { PollsDraft, type PollEvent, pollsFromWelcome, type PollsState, withTally } from "./polls";
import { RosterDraft, type RosterEvent, rosterFromWelcome, type RosterState } from "./roster";
import { applyStage, type StageEvent, type StageState } from "./stage";

export interface RoomState {
  readonly room: RoomLabel;
  /** Whom the server takes me for: the name and role in force. */
  readonly me: Me;
  /** The place of the last event that was folded. */
  readonly seq: number;
  readonly roster: RosterState;
  readonly chat: ChatState;
  readonly doubts: DoubtsState;
  readonly polls: PollsState;
  readonly board: BoardState;
  readonly stage: StageState;
  readonly captions: CaptionsState;
  readonly passing: Passing;
}

/** What passes by and is not kept. */
export interface Passing {
  /** How many members are in the room; null: not heard yet. */
  readonly present: number | null;
  /** Who is writing, the latest last. `until`: when it fades without another sign (ms since 1970, this device's clock). */
  readonly typing: readonly Typist[];
}

export interface Typist {
  readonly id: string;
  readonly name: string;
  readonly until: number;
}

export const TYPING_FADES = 5_000; // ms

export function fromWelcome({ room, me, seq, state, own }: Welcome): RoomState {
  return {
    room,
    me,
    seq,
    roster: rosterFromWelcome(state.roster, own.roster),
    chat: chatFromWelcome(state.chat, own.chat),
    doubts: doubtsFromWelcome(state.doubts, own.doubts),
    polls: pollsFromWelcome(state.polls, own.polls),
    board: boardFromWelcome(state.board),
    stage: state.stage,
    captions: state.captions,
    passing: { present: null, typing: [] },
  };
}

/** The state after one packet's events. A feature that no event was about keeps its very object. */
export function applyEvents(state: RoomState, events: readonly Stamped[]): RoomState {
  const draft = new Draft(state);
  for (const event of events) draft.apply(event);
  return spoken(draft.done(), events);
}

/** Whoever has said something is not writing it any more. */
function spoken(state: RoomState, events: readonly Stamped[]): RoomState {
  const { passing } = state;
  if (passing.typing.length === 0) return state;
  const said = new Set(events.map((event) => (event.type === "chat.said" ? event.by : null)));
  const typing = passing.typing.filter((typist) => !said.has(typist.id));
  return typing.length === passing.typing.length ? state : { ...state, passing: { ...passing, typing } };
}

export function applyEvent(state: RoomState, event: Stamped): RoomState {
  return applyEvents(state, [event]);
}

/** `now`: ms since 1970, this device's clock. */
export function applySignal(state: RoomState, signal: SignalOut, now: number): RoomState {
  const { passing } = state;
  switch (signal.type) {
    case "present":
      return { ...state, passing: { ...passing, present: signal.count } };
    case "typing_by": {
      const { id, name } = signal;
      if (id === state.me.id) return state;
      const others = passing.typing.filter((typist) => typist.id !== id && typist.until > now);
      return { ...state, passing: { ...passing, typing: [...others, { id, name, until: now + TYPING_FADES }] } };
    }
    case "poll.tally":
      return { ...state, polls: withTally(state.polls, signal) };
    default:
      return state;
  }
}

/** Drop who has stopped writing. The same state when nobody has. */
export function fadeTyping(state: RoomState, now: number): RoomState {
  const typing = state.passing.typing.filter((typist) => typist.until > now);
  return typing.length === state.passing.typing.length ? state : { ...state, passing: { ...state.passing, typing } };
}

type Feature = "chat" | "doubt" | "poll" | "roster" | "class" | "board" | "stage" | "caption";

class Draft {
  #state: RoomState;
  #seq: number;
  #chat: ChatDraft | null = null;
  #doubts: DoubtsDraft | null = null;
  #polls: PollsDraft | null = null;
  #roster: RosterDraft | null = null;
  #board: BoardState | null = null;
  #stage: StageState | null = null;
  #captions: CaptionsState | null = null;

  constructor(state: RoomState) {
    this.#state = state;
    this.#seq = state.seq;
  }

  apply(event: Stamped): void {
    if (event.seq <= this.#seq) return;
    this.#seq = event.seq;
    const { me } = this.#state;
    switch (event.type.split(".", 1)[0] as Feature) {
      case "chat":
        return (this.#chat ??= new ChatDraft(this.#state.chat, me)).apply(event as Stamped<RoomEvent & ChatEvent>);
      case "doubt":
        return (this.#doubts ??= new DoubtsDraft(this.#state.doubts, me)).apply(event as Stamped<RoomEvent & DoubtEvent>);
      case "poll":
        return (this.#polls ??= new PollsDraft(this.#state.polls, me)).apply(event as Stamped<RoomEvent & PollEvent>);
      case "roster":
      case "class":
        return (this.#roster ??= new RosterDraft(this.#state.roster, me)).apply(event as Stamped<RoomEvent & RosterEvent>);
      case "board":
        this.#board = applyBoard(this.#board ?? this.#state.board, event as Stamped<RoomEvent & BoardEvent>);
        return;
      case "stage":
        this.#stage = applyStage(this.#stage ?? this.#state.stage, event as Stamped<RoomEvent & StageEvent>);
        return;
      case "caption":
        if (event.type === "caption.said") this.#captions = applyCaption(this.#captions ?? this.#state.captions, event as Stamped<CaptionSaid>);
    }
  }

  done(): RoomState {
    if (this.#seq === this.#state.seq) return this.#state;
    return {
      ...this.#state,
      seq: this.#seq,
      ...(this.#chat && { chat: this.#chat.done() }),
      ...(this.#doubts && { doubts: this.#doubts.done() }),
      ...(this.#polls && { polls: this.#polls.done() }),
      ...(this.#roster && this.#roster.done()),
      ...(this.#board && { board: this.#board }),
      ...(this.#stage && { stage: this.#stage }),
      ...(this.#captions && { captions: this.#captions }),
    };
  }
}
