// Written by `python -m classroom.typescript` out of the server's structs. Do not edit: change the structs and run it.
//
// A field marked `?` may be missing; its comment tells what it then is.

/** Bytes: text in base64 where they come as JSON, binary where they come as MessagePack. */
export type Packed = string | ArrayBuffer | Uint8Array;

/** Say something. `reply_to` is a message's id; `mentions` are members' ids. */
export interface ChatSay {
  readonly type: "chat.say";
  readonly text: string;
  /** Missing: null. */
  readonly reply_to?: number | null;
  /** Missing: []. */
  readonly mentions?: readonly string[];
}

/** Change the text of one's own message. */
export interface ChatEdit {
  readonly type: "chat.edit";
  readonly id: number;
  readonly text: string;
}

/** Take back one's own message; staff any. */
export interface ChatDelete {
  readonly type: "chat.delete";
  readonly id: number;
}

/** Put one of `EMOJI` on a message, or take it back. */
export interface ChatReact {
  readonly type: "chat.react";
  readonly id: number;
  readonly emoji: string;
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: keep a message in sight, or let it go. */
export interface ChatPin {
  readonly type: "chat.pin";
  readonly id: number;
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: show everybody a message that the room was not shown. */
export interface ChatPromote {
  readonly type: "chat.promote";
  readonly id: number;
}

/**
 * Staff: seconds between two messages of a student (`slow`, 0 is off, at most 300); whether students may write;
 * how many messages of students a second the room is shown (`crowd`, 1 to 50).
 */
export interface ChatConfigure {
  readonly type: "chat.configure";
  /** Missing: null. */
  readonly slow?: number | null;
  /** Missing: null. */
  readonly locked?: boolean | null;
  /** Missing: null. */
  readonly crowd?: number | null;
}

/** Ask. `anonymous` hides the name from other students; staff always know. */
export interface DoubtAsk {
  readonly type: "doubt.ask";
  readonly text: string;
  /** Missing: false. */
  readonly anonymous?: boolean;
}

/** Take back one's own doubt, as long as it is pending or open. */
export interface DoubtWithdraw {
  readonly type: "doubt.withdraw";
  readonly id: number;
}

/** "Me too", or take it back. The asker's own vote stands from the start and stays. */
export interface DoubtVote {
  readonly type: "doubt.vote";
  readonly id: number;
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: show a pending doubt to all. */
export interface DoubtApprove {
  readonly type: "doubt.approve";
  readonly id: number;
}

/** Staff: put aside a pending, open or answering doubt; the asker is told the reason. */
export interface DoubtDismiss {
  readonly type: "doubt.dismiss";
  readonly id: number;
  readonly reason: string;
}

/** Staff: "answering now". At most one doubt at a time: the one before goes back to open. A pending one is shown. */
export interface DoubtStart {
  readonly type: "doubt.start";
  readonly id: number;
}

/** Staff: "answered live", at this moment of the class. Open or answering doubts. */
export interface DoubtFinish {
  readonly type: "doubt.finish";
  readonly id: number;
}

/** Staff: answer in text (again: the text is replaced). Pending (shown by it), open, answering, answered doubts. */
export interface DoubtAnswer {
  readonly type: "doubt.answer";
  readonly id: number;
  readonly text: string;
}

/** Staff: this doubt is the same as `into`; votes unite. Both pending, open or answering; `into` may be answered. */
export interface DoubtMerge {
  readonly type: "doubt.merge";
  readonly id: number;
  readonly into: number;
}

/** Staff: keep a public doubt at the top, or let it go. */
export interface DoubtPin {
  readonly type: "doubt.pin";
  readonly id: number;
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: back to open from dismissed, answering or answered (an answer's text stays). */
export interface DoubtReopen {
  readonly type: "doubt.reopen";
  readonly id: number;
}

/**
 * Staff: whether doubts wait for approval (`moderated`), whether students may not ask (`locked`), whether they
 * may do so anonymously (`anonymous`).
 */
export interface DoubtConfigure {
  readonly type: "doubt.configure";
  /** Missing: null. */
  readonly moderated?: boolean | null;
  /** Missing: null. */
  readonly locked?: boolean | null;
  /** Missing: null. */
  readonly anonymous?: boolean | null;
}

/** Staff: make a poll, seen by the staff alone until opened. `open`: open it in the same step. */
export interface PollPrepare {
  readonly type: "poll.prepare";
  readonly spec: Spec;
  /** Missing: false. */
  readonly open?: boolean;
}

/**
 * What a poll asks. `right`: indexes into `options`, only in a quiz. `scale`: points of a rating (2–10).
 * `seconds`: how long it stays open by the server's clock (5–3600); missing: until closed by hand. `secret`: nobody
 * learns who voted what; otherwise the staff may. `changeable`: a vote may be changed while the poll is open.
 * `several`: in a quiz, more than one option may be chosen; the server sets it, so that those who must not see `right`
 * know how to ask.
 */
export interface Spec {
  readonly question: string;
  readonly kind: PollKind;
  /** Missing: []. */
  readonly options?: readonly string[];
  /** Missing: []. */
  readonly right?: readonly number[];
  /** Missing: false. */
  readonly several?: boolean;
  /** Missing: 5. */
  readonly scale?: number;
  /** Missing: null. */
  readonly seconds?: number | null;
  /** Missing: true. */
  readonly secret?: boolean;
  /** Missing: true. */
  readonly changeable?: boolean;
  /** Missing: "closed". */
  readonly results?: Results;
}

/**
 * `SINGLE`: one option. `MULTIPLE`: any number. `QUIZ`: one or more, some right. `RATING`: 1 to `scale`.
 * `TEXT`: a short answer.
 */
export type PollKind = "single" | "multiple" | "quiz" | "rating" | "text";

/** When all see the tally: while it is open too, once it is closed, or never (staff only). */
export type Results = "live" | "closed" | "staff";

/** Staff: change a poll that is not yet opened. `open`: open it in the same step. */
export interface PollRevise {
  readonly type: "poll.revise";
  readonly id: number;
  readonly spec: Spec;
  /** Missing: false. */
  readonly open?: boolean;
}

/** Staff: throw away a poll that is not yet opened. */
export interface PollDiscard {
  readonly type: "poll.discard";
  readonly id: number;
}

/** Staff: open a prepared poll for votes. Several polls may be open at once. */
export interface PollOpen {
  readonly type: "poll.open";
  readonly id: number;
}

/**
 * Vote. `choice`: indexes of options (single, multiple, quiz), or one number from 1 to `scale` (rating);
 * `text`: the answer (text poll).
 */
export interface PollVote {
  readonly type: "poll.vote";
  readonly id: number;
  /** Missing: []. */
  readonly choice?: readonly number[];
  /** Missing: null. */
  readonly text?: string | null;
}

/** Staff, and the server's clock: end the voting and count. */
export interface PollClose {
  readonly type: "poll.close";
  readonly id: number;
}

/** Raise one's hand, or lower it. */
export interface RosterRaiseHand {
  readonly type: "roster.raise_hand";
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: lower one member's hand; without `member` all hands. */
export interface RosterLowerHand {
  readonly type: "roster.lower_hand";
  /** Missing: null. */
  readonly member?: string | null;
}

/** Staff: a student may not write or ask, for `minutes` (at most a day). */
export interface RosterMute {
  readonly type: "roster.mute";
  readonly member: string;
  /** Missing: 10. */
  readonly minutes?: number;
}

/** Staff. */
export interface RosterUnmute {
  readonly type: "roster.unmute";
  readonly member: string;
}

/** Staff: disconnect a student, who may come back. */
export interface RosterRemove {
  readonly type: "roster.remove";
  readonly member: string;
  /** Missing: "". */
  readonly reason?: string;
}

/** Staff: disconnect a student, who may not come back until unbanned. */
export interface RosterBan {
  readonly type: "roster.ban";
  readonly member: string;
  /** Missing: "". */
  readonly reason?: string;
}

/** Staff. */
export interface RosterUnban {
  readonly type: "roster.unban";
  readonly member: string;
}

/** Change one's own shown name; staff also a student's (`member`). */
export interface RosterRename {
  readonly type: "roster.rename";
  readonly name: string;
  /** Missing: null. */
  readonly member?: string | null;
}

/** Instructor: make a student an assistant, or an assistant a student. */
export interface RosterAppoint {
  readonly type: "roster.appoint";
  readonly member: string;
  readonly role: Role;
}

/** What a member may do. `SYSTEM` is the server itself: timers and presence; no token and no socket ever carries it. */
export type Role = "instructor" | "assistant" | "student" | "system";

/** Instructor: waiting (or ended) → live. The class's clock starts with the first start. */
export interface ClassStart {
  readonly type: "class.start";
}

/** Instructor: live → ended. */
export interface ClassEnd {
  readonly type: "class.end";
}

/**
 * Who may draw: change elements of a page, all of them or none. What loses against a newer version changes nothing.
 * `step`: changes of one member with the same number (not 0) are undone together.
 */
export interface BoardPut {
  readonly type: "board.put";
  readonly page: number;
  readonly changes: readonly Change[];
  /** Missing: 0. */
  readonly step?: number;
}

/**
 * What a member wants of one element.
 *
 * `version`, `nonce`: its `version` and `versionNonce` from now on. `base`: the nonce of what it was made from; missing:
 * the element is given whole. `set`: fields with their new values; `unset`: fields that are no more. `points`: all its
 * points, packed; `append`: packed points to add to those it has. Both are text, in base64, with either parser.
 */
export interface Change {
  readonly id: string;
  readonly version: number;
  readonly nonce: number;
  /** Missing: null. */
  readonly base?: number | null;
  /** Missing: {}. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Missing: []. */
  readonly unset?: readonly string[];
  /** Missing: null. */
  readonly points?: string | null;
  /** Missing: null. */
  readonly append?: string | null;
}

/** Who may draw: delete elements of a page. */
export interface BoardDelete {
  readonly type: "board.delete";
  readonly page: number;
  readonly elements: readonly Gone[];
  /** Missing: 0. */
  readonly step?: number;
}

/** An element to delete, with the version and nonce that it has then. On the wire: `[id, version, nonce]`. */
export type Gone = readonly [id: string, version: number, nonce: number];

/** Staff: add pages, one for each of `backgrounds`, after the page `after` (missing: at the end). */
export interface BoardAddPage {
  readonly type: "board.add_page";
  /** Missing: null. */
  readonly after?: number | null;
  /** Missing: [{}]. */
  readonly backgrounds?: readonly Background[];
}

/**
 * What lies under a page's elements, with its upper left corner at the origin. `file`: content hash (SHA-256 in hex) of
 * an image, or of the image of `page` (from 1) of a PDF. `width`, `height`: px on the page; 0: without bounds.
 */
export interface Background {
  /** Missing: "blank". */
  readonly kind?: BackgroundKind;
  /** Missing: null. */
  readonly file?: string | null;
  /** Missing: null. */
  readonly page?: number | null;
  /** Missing: 0.0. */
  readonly width?: number;
  /** Missing: 0.0. */
  readonly height?: number;
}

export type BackgroundKind = "blank" | "grid" | "image" | "pdf";

/** Staff: put a page at the index `to` (from 0, counted without the page itself). */
export interface BoardMovePage {
  readonly type: "board.move_page";
  readonly page: number;
  readonly to: number;
}

/** Staff: take a page away for good. The last one stays. */
export interface BoardRemovePage {
  readonly type: "board.remove_page";
  readonly page: number;
}

/** Staff: a copy of a page, right after it. */
export interface BoardDuplicatePage {
  readonly type: "board.duplicate_page";
  readonly page: number;
}

/** Staff: delete all elements of a page. It can be undone. */
export interface BoardClearPage {
  readonly type: "board.clear_page";
  readonly page: number;
}

/** Staff: the class looks at this page. */
export interface BoardGoTo {
  readonly type: "board.go_to";
  readonly page: number;
}

/** Staff: what lies under the page's elements. */
export interface BoardSetBackground {
  readonly type: "board.set_background";
  readonly page: number;
  readonly background: Background;
}

/** Staff: nobody draws on this page, or they may again. */
export interface BoardLockPage {
  readonly type: "board.lock_page";
  readonly page: number;
  /** Missing: true. */
  readonly on?: boolean;
}

/** Staff: choose a member to draw. Where the board was open to nobody it is open to the chosen from now on. */
export interface BoardGrant {
  readonly type: "board.grant";
  readonly member: string;
}

/** Staff: the member is not chosen any more. */
export interface BoardWithdraw {
  readonly type: "board.withdraw";
  readonly member: string;
}

/** Staff: which students may draw. */
export interface BoardOpenTo {
  readonly type: "board.open_to";
  readonly who: OpenTo;
}

/** Which students may draw: none, those who are chosen, all. The staff always may. */
export type OpenTo = "nobody" | "chosen" | "everybody";

/** Take back one's own newest step on a page, but for elements that others have changed since. */
export interface BoardUndo {
  readonly type: "board.undo";
  readonly page: number;
}

/** Do again what one undid last on a page. */
export interface BoardRedo {
  readonly type: "board.redo";
  readonly page: number;
}

/** Staff: have the class look at a region; missing: at nothing in particular. */
export interface BoardSpotlight {
  readonly type: "board.spotlight";
  /** Missing: null. */
  readonly region?: Region | null;
}

/** A part of a page, in px. */
export interface Region {
  readonly page: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Staff: call a student on stage, whose hand goes down. */
export interface StageCall {
  readonly type: "stage.call";
  readonly member: string;
}

/** Leave the stage; staff: send `member` off. */
export interface StageLeave {
  readonly type: "stage.leave";
  /** Missing: null. */
  readonly member?: string | null;
}

/** Staff: what this person sends of `source` reaches nobody; with `on` false it does again. */
export interface StageMute {
  readonly type: "stage.mute";
  readonly member: string;
  /** Missing: "microphone". */
  readonly source?: Source;
  /** Missing: true. */
  readonly on?: boolean;
}

/** What a published track shows or carries. */
export type Source = "camera" | "microphone" | "screen" | "screen_audio";

/** Instructor: at most so many on stage (1 to 24). */
export interface StageLimit {
  readonly type: "stage.limit";
  readonly most: number;
}

/** Staff: a line of what is being said. */
export interface CaptionSay {
  readonly type: "caption.say";
  readonly text: string;
}

/** All that a member can want. `cid` is added when it is sent. */
export type ClientCommand =
  | ChatSay
  | ChatEdit
  | ChatDelete
  | ChatReact
  | ChatPin
  | ChatPromote
  | ChatConfigure
  | DoubtAsk
  | DoubtWithdraw
  | DoubtVote
  | DoubtApprove
  | DoubtDismiss
  | DoubtStart
  | DoubtFinish
  | DoubtAnswer
  | DoubtMerge
  | DoubtPin
  | DoubtReopen
  | DoubtConfigure
  | PollPrepare
  | PollRevise
  | PollDiscard
  | PollOpen
  | PollVote
  | PollClose
  | RosterRaiseHand
  | RosterLowerHand
  | RosterMute
  | RosterUnmute
  | RosterRemove
  | RosterBan
  | RosterUnban
  | RosterRename
  | RosterAppoint
  | ClassStart
  | ClassEnd
  | BoardPut
  | BoardDelete
  | BoardAddPage
  | BoardMovePage
  | BoardRemovePage
  | BoardDuplicatePage
  | BoardClearPage
  | BoardGoTo
  | BoardSetBackground
  | BoardLockPage
  | BoardGrant
  | BoardWithdraw
  | BoardOpenTo
  | BoardUndo
  | BoardRedo
  | BoardSpotlight
  | StageCall
  | StageLeave
  | StageMute
  | StageLimit
  | CaptionSay;

/**
 * A message. Its id is this event's seq. `crowd`: too many write at once, so that only the staff and its author are
 * shown it. `skipped`, of what the room is shown: how many messages since the one before were not.
 */
export interface ChatSaid {
  readonly type: "chat.said";
  readonly by: string;
  readonly name: string;
  readonly role: Role;
  readonly text: string;
  /** Missing: null. */
  readonly reply_to?: number | null;
  /** Missing: []. */
  readonly mentions?: readonly string[];
  /** Missing: false. */
  readonly crowd?: boolean;
  /** Missing: 0. */
  readonly skipped?: number;
}

/**
 * `whose`, here and elsewhere: the author of a message that the room was not shown. They and the staff alone are
 * shown this.
 */
export interface ChatEdited {
  readonly type: "chat.edited";
  readonly id: number;
  readonly text: string;
  /** Missing: null. */
  readonly whose?: string | null;
}

/** `by_staff` tells a moderator's removal from one's own taking back. `whose`: as for `Edited`. */
export interface ChatDeleted {
  readonly type: "chat.deleted";
  readonly id: number;
  /** Missing: false. */
  readonly by_staff?: boolean;
  /** Missing: null. */
  readonly whose?: string | null;
}

/**
 * `count` is how many have put this emoji there, after this event. `by` is shown to the staff and the one who
 * did it. `whose`: as for `Edited`.
 */
export interface ChatReacted {
  readonly type: "chat.reacted";
  readonly id: number;
  readonly emoji: string;
  readonly count: number;
  /** Missing: true. */
  readonly on?: boolean;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: null. */
  readonly whose?: string | null;
}

/** `message`: the message as it is now, when put up (a reader may never have had it, since it may be an old one). */
export interface ChatPinned {
  readonly type: "chat.pinned";
  readonly id: number;
  /** Missing: true. */
  readonly on?: boolean;
  /** Missing: null. */
  readonly message?: MessageView | null;
}

/**
 * A message as all see it. `reactions`: emoji to how many. Which of them are one's own is in `ChatOwn`.
 *
 * `crowd`: the room was not shown it, only the staff and its author. `skipped`: how many messages between the one before
 * that the room was shown and this one it was not. `promoted`: the id under which it was said and not shown, until the
 * staff showed it (`at` stays the time when it was said).
 */
export interface MessageView {
  readonly id: number;
  readonly at: number;
  readonly by: string;
  readonly name: string;
  readonly role: Role;
  readonly text: string;
  /** Missing: null. */
  readonly reply_to?: number | null;
  /** Missing: []. */
  readonly mentions?: readonly string[];
  /** Missing: 0. */
  readonly edited_at?: number;
  /** Missing: {}. */
  readonly reactions?: Readonly<Record<string, number>>;
  /** Missing: false. */
  readonly crowd?: boolean;
  /** Missing: 0. */
  readonly skipped?: number;
  /** Missing: null. */
  readonly promoted?: number | null;
}

/**
 * The room is shown the message `id`, which it was not shown before. From here on it is `message`, whose id is this
 * event's seq. `reacted`: emoji to who has put it there so far, told to the staff; to others, where it is they.
 */
export interface ChatPromoted {
  readonly type: "chat.promoted";
  readonly id: number;
  readonly message: MessageView;
  /** Missing: {}. */
  readonly reacted?: Readonly<Record<string, readonly string[]>>;
}

export interface ChatConfigured {
  readonly type: "chat.configured";
  readonly slow: number;
  readonly locked: boolean;
  /** Missing: 4. */
  readonly crowd?: number;
}

/** A doubt. Its id is this event's seq. `by` and `name` are missing where the reader may not know them. */
export interface DoubtAsked {
  readonly type: "doubt.asked";
  readonly text: string;
  readonly state: DoubtState;
  /** Missing: false. */
  readonly anonymous?: boolean;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: null. */
  readonly name?: string | null;
}

export type DoubtState = "pending" | "open" | "answering" | "answered" | "dismissed" | "withdrawn" | "merged";

/** `was` is the state before: what was never public stays unknown to the others. */
export interface DoubtWithdrawn {
  readonly type: "doubt.withdrawn";
  readonly id: number;
  readonly by: string | null;
  readonly was: DoubtState;
}

/**
 * Votes of one tick. `votes`: doubt's id to its exact count afterwards. `changes` names the voters: the server and
 * the exported record know all of them; a member is shown their own; nobody else is named.
 */
export interface DoubtVoted {
  readonly type: "doubt.voted";
  readonly votes: Readonly<Record<string, number>>;
  /** Missing: []. */
  readonly changes?: readonly Tick[];
}

/** One change of a vote: who, on which doubt, put or taken back. On the wire: `[member, doubt, on]`. */
export type Tick = readonly [member: string, id: number, on: boolean];

/** The doubt is (again) open and seen by all, so the whole of it is here. `was` tells approving from reopening. */
export interface DoubtPublished {
  readonly type: "doubt.published";
  readonly id: number;
  readonly at: number;
  readonly text: string;
  readonly votes: number;
  readonly was: DoubtState;
  /** Missing: false. */
  readonly anonymous?: boolean;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: null. */
  readonly name?: string | null;
  /** Missing: null. */
  readonly answer?: string | null;
}

/** `reason` and `by` (the asker) are shown to the staff and the asker; the others see that a public one is gone. */
export interface DoubtDismissed {
  readonly type: "doubt.dismissed";
  readonly id: number;
  readonly was: DoubtState;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: null. */
  readonly reason?: string | null;
}

/** Being answered now. `back`: the doubt that was being answered until now and is open again. */
export interface DoubtStarted {
  readonly type: "doubt.started";
  readonly id: number;
  /** Missing: null. */
  readonly back?: number | null;
}

/** Answered: live, at `class_time` (ms since the class began), or in `text`, or first one and then the other. */
export interface DoubtAnswered {
  readonly type: "doubt.answered";
  readonly id: number;
  /** Missing: false. */
  readonly live?: boolean;
  /** Missing: null. */
  readonly class_time?: number | null;
  /** Missing: null. */
  readonly text?: string | null;
}

/**
 * `id` is now part of `into`, which has `votes` votes afterwards. `by`: who asked `id` (staff and asker see it).
 *
 * Where `id` was not public, `behind` names those who stood behind it: its asker, and the askers of what was merged
 * into it before. Where `into` is not public, `into_by` is who asked that. Staff see these two, students never.
 */
export interface DoubtMerged {
  readonly type: "doubt.merged";
  readonly id: number;
  readonly into: number;
  readonly votes: number;
  readonly was: DoubtState;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: true. */
  readonly into_public?: boolean;
  /** Missing: []. */
  readonly behind?: readonly string[];
  /** Missing: null. */
  readonly into_by?: string | null;
}

export interface DoubtPinned {
  readonly type: "doubt.pinned";
  readonly id: number;
  /** Missing: true. */
  readonly on?: boolean;
}

export interface DoubtConfigured {
  readonly type: "doubt.configured";
  readonly moderated: boolean;
  readonly locked: boolean;
  readonly anonymous: boolean;
}

/** Staff only. The poll's id is this event's seq. */
export interface PollPrepared {
  readonly type: "poll.prepared";
  readonly spec: Spec;
}

/** Staff only. */
export interface PollRevised {
  readonly type: "poll.revised";
  readonly id: number;
  readonly spec: Spec;
}

/** Staff only. */
export interface PollDiscarded {
  readonly type: "poll.discarded";
  readonly id: number;
}

/** The poll as a whole; `spec.right` is empty for all but the staff. `ends_at`: ms since 1970, the server's clock. */
export interface PollOpened {
  readonly type: "poll.opened";
  readonly id: number;
  readonly spec: Spec;
  /** Missing: null. */
  readonly ends_at?: number | null;
}

/**
 * Votes of one tick on one poll. A member is shown their own; nobody else sees this event. The exported record of a
 * named poll has all `ballots`; that of a secret one only their number, `count`.
 */
export interface PollVoted {
  readonly type: "poll.voted";
  readonly id: number;
  readonly count: number;
  /** Missing: []. */
  readonly ballots?: readonly Ballot[];
  /** Missing: true. */
  readonly secret?: boolean;
}

/** One vote: who, which options (or points), what text. On the wire: `[member, [choice…], text]`. */
export type Ballot = readonly [member: string, choice: readonly number[], text: string | null];

/** `tally` is exact; it is missing for those who may not see it. `right`: a quiz's right options. */
export interface PollClosed {
  readonly type: "poll.closed";
  readonly id: number;
  readonly results: Results;
  /** Missing: null. */
  readonly tally?: Tally | null;
  /** Missing: []. */
  readonly right?: readonly number[];
}

/**
 * `counts`: per option, or per point from 1 to `scale`; empty for a text poll. `words`: a text poll's most frequent
 * answers (compared without case, each in its first spelling), most frequent first, then by first arrival; an answer
 * that everybody has changed away is gone, and arrives anew when it is given again. `voters`: how many have voted.
 */
export interface Tally {
  readonly counts: readonly number[];
  readonly voters: number;
  readonly words: readonly (readonly [string, number])[];
}

/**
 * Who came (with names and roles in force) and who went. Staff see all of it; students only the staff among them.
 * `staff_went` repeats from `went` those who were staff, `demoted` from `came` those who were staff until now. `edge`,
 * which only the server and the record know: the worker that `came` are connected to.
 */
export interface RosterAttended {
  readonly type: "roster.attended";
  /** Missing: []. */
  readonly came?: readonly Person[];
  /** Missing: []. */
  readonly went?: readonly string[];
  /** Missing: "". */
  readonly edge?: string;
  /** Missing: []. */
  readonly staff_went?: readonly string[];
  /** Missing: []. */
  readonly demoted?: readonly string[];
}

/** On the wire: `[id, name, role]`. */
export type Person = readonly [id: string, name: string, role: Role];

/** The hand goes to the end of the line. It keeps this name until `roster.renamed`. */
export interface RosterHandRaised {
  readonly type: "roster.hand_raised";
  readonly member: string;
  readonly name: string;
  /** Missing: "student". */
  readonly role?: Role;
}

/** `members` whose hands are down now; `by_staff` tells a moderator from oneself. */
export interface RosterHandLowered {
  readonly type: "roster.hand_lowered";
  readonly members: readonly string[];
  /** Missing: false. */
  readonly by_staff?: boolean;
}

/** Staff and the member see it. `until`: ms since 1970; 0: unmuted. */
export interface RosterMuted {
  readonly type: "roster.muted";
  readonly member: string;
  readonly until: number;
}

/** Staff and the member see it. */
export interface RosterRemoved {
  readonly type: "roster.removed";
  readonly member: string;
  /** Missing: "". */
  readonly reason?: string;
}

/** Staff and the member see it. `on` false: unbanned. */
export interface RosterBanned {
  readonly type: "roster.banned";
  readonly member: string;
  /** Missing: true. */
  readonly on?: boolean;
  /** Missing: "". */
  readonly reason?: string;
}

export interface RosterRenamed {
  readonly type: "roster.renamed";
  readonly member: string;
  readonly name: string;
}

/** `present`: whether they are in the room now, which students could not know of one who was a student. */
export interface RosterAppointed {
  readonly type: "roster.appointed";
  readonly member: string;
  readonly name: string;
  readonly role: Role;
  /** Missing: true. */
  readonly present?: boolean;
}

/** `started_at`: ms since 1970 of the first start, which the class's clock counts from. */
export interface ClassStarted {
  readonly type: "class.started";
  readonly started_at: number;
}

/** The class is over; students may read, not write. */
export interface ClassEnded {
  readonly type: "class.ended";
}

/**
 * Elements of a page have changed. `by`: a member's id. `added`: by how many elements the page has more. `undo`: 1: it
 * takes back an own step, -1: it does one again.
 */
export interface BoardDrawn {
  readonly type: "board.drawn";
  readonly page: number;
  readonly by: string;
  readonly changes: readonly Changed[];
  /** Missing: 0. */
  readonly added?: number;
  /** Missing: 0. */
  readonly step?: number;
  /** Missing: 0. */
  readonly undo?: number;
}

/**
 * What became of one element: as in `Change`, but `points` and `append` are bytes (base64 in JSON). `gone`: it is
 * deleted, and nothing else is said. `inked`, in place of `points`: the points begin with ink that passed by, and go on
 * with `append`.
 */
export interface Changed {
  readonly id: string;
  readonly version: number;
  readonly nonce: number;
  /** Missing: null. */
  readonly base?: number | null;
  /** Missing: {}. */
  readonly set?: Readonly<Record<string, unknown>>;
  /** Missing: []. */
  readonly unset?: readonly string[];
  /** Missing: null. */
  readonly points?: Packed | null;
  /** Missing: null. */
  readonly append?: Packed | null;
  /** Missing: false. */
  readonly gone?: boolean;
  /** Missing: null. */
  readonly inked?: Inked | null;
}

/** Points that passed by as ink already: its first `size` bytes, and their CRC-32. On the wire: `[size, sum]`. */
export type Inked = readonly [size: number, sum: number];

/** The page's id is this event's seq. `after`: the page that it follows; missing: it is the last. */
export interface BoardPageAdded {
  readonly type: "board.page_added";
  /** Missing: null. */
  readonly after?: number | null;
  /** Missing: {}. */
  readonly background?: Background;
}

export interface BoardPageMoved {
  readonly type: "board.page_moved";
  readonly page: number;
  readonly to: number;
}

/** `current`: the page that the class looks at from now on. */
export interface BoardPageRemoved {
  readonly type: "board.page_removed";
  readonly page: number;
  readonly current: number;
}

/** The copy's id is this event's seq; it stands right after `page`. */
export interface BoardPageDuplicated {
  readonly type: "board.page_duplicated";
  readonly page: number;
}

/** `undo`: as in `board.drawn`. */
export interface BoardPageCleared {
  readonly type: "board.page_cleared";
  readonly page: number;
  readonly by: string;
  /** Missing: 0. */
  readonly undo?: number;
}

/** `by` has undone the clearing of a page: what was cleared is there again, `count` elements in all. Fetch it anew. */
export interface BoardPageRestored {
  readonly type: "board.page_restored";
  readonly page: number;
  readonly by: string;
  readonly count: number;
}

export interface BoardWentTo {
  readonly type: "board.went_to";
  readonly page: number;
}

export interface BoardBackgroundSet {
  readonly type: "board.background_set";
  readonly page: number;
  readonly background: Background;
}

export interface BoardPageLocked {
  readonly type: "board.page_locked";
  readonly page: number;
  /** Missing: true. */
  readonly on?: boolean;
}

export interface BoardGranted {
  readonly type: "board.granted";
  readonly member: string;
}

export interface BoardWithdrawn {
  readonly type: "board.withdrawn";
  readonly member: string;
}

export interface BoardOpenedTo {
  readonly type: "board.opened_to";
  readonly who: OpenTo;
}

/** `region` missing: the spotlight is off. */
export interface BoardSpotlit {
  readonly type: "board.spotlit";
  /** Missing: null. */
  readonly region?: Region | null;
}

export interface StageCalled {
  readonly type: "stage.called";
  readonly member: string;
  readonly name: string;
}

/** `by_staff` tells being sent off from going. */
export interface StageLeft {
  readonly type: "stage.left";
  readonly members: readonly string[];
  /** Missing: false. */
  readonly by_staff?: boolean;
}

/** From now on `sources` of this member can be watched. */
export interface StagePublished {
  readonly type: "stage.published";
  readonly member: string;
  readonly name: string;
  readonly role: Role;
  readonly stream: string;
  readonly sources: readonly Source[];
}

export interface StageUnpublished {
  readonly type: "stage.unpublished";
  readonly member: string;
}

/** `sources`: all that the staff have muted of this member. */
export interface StageMuted {
  readonly type: "stage.muted";
  readonly member: string;
  readonly sources: readonly Source[];
}

export interface StageLimited {
  readonly type: "stage.limited";
  readonly most: number;
}

export interface CaptionSaid {
  readonly type: "caption.said";
  readonly by: string;
  readonly name: string;
  readonly text: string;
}

/** All that can happen in a room. */
export type RoomEvent =
  | ChatSaid
  | ChatEdited
  | ChatDeleted
  | ChatReacted
  | ChatPinned
  | ChatPromoted
  | ChatConfigured
  | DoubtAsked
  | DoubtWithdrawn
  | DoubtVoted
  | DoubtPublished
  | DoubtDismissed
  | DoubtStarted
  | DoubtAnswered
  | DoubtMerged
  | DoubtPinned
  | DoubtConfigured
  | PollPrepared
  | PollRevised
  | PollDiscarded
  | PollOpened
  | PollVoted
  | PollClosed
  | RosterAttended
  | RosterHandRaised
  | RosterHandLowered
  | RosterMuted
  | RosterRemoved
  | RosterBanned
  | RosterRenamed
  | RosterAppointed
  | ClassStarted
  | ClassEnded
  | BoardDrawn
  | BoardPageAdded
  | BoardPageMoved
  | BoardPageRemoved
  | BoardPageDuplicated
  | BoardPageCleared
  | BoardPageRestored
  | BoardWentTo
  | BoardBackgroundSet
  | BoardPageLocked
  | BoardGranted
  | BoardWithdrawn
  | BoardOpenedTo
  | BoardSpotlit
  | StageCalled
  | StageLeft
  | StagePublished
  | StageUnpublished
  | StageMuted
  | StageLimited
  | CaptionSaid;

/** Client → server: this member is writing. */
export interface Typing {
  readonly type: "typing";
}

/** Client → server: an emoji to the whole class, one of chat's `EMOJI`. */
export interface React {
  readonly type: "react";
  readonly emoji: string;
}

/**
 * Client → server, while the pen is down: points of a stroke since the last, packed, in base64. `after`: how many bytes
 * of it went before. With the first (`after` 0) comes `look`: the element's fields, as `set` of the `board.put` to come.
 */
export interface BoardInk {
  readonly type: "board.ink";
  readonly page: number;
  readonly id: string;
  readonly after: number;
  readonly ink: string;
  /** Missing: null. */
  readonly look?: Readonly<Record<string, unknown>> | null;
}

/** Client → server: where the pointer of who may draw is, in px. */
export interface BoardCursor {
  readonly type: "board.cursor";
  readonly page: number;
  readonly x: number;
  readonly y: number;
}

/** Client → server: where the laser pointer went since the last, oldest first, in px. */
export interface BoardLaser {
  readonly type: "board.laser";
  readonly page: number;
  readonly points: readonly (readonly [number, number])[];
}

/** Client → server, passing by. */
export type SignalIn =
  | Typing
  | React
  | BoardInk
  | BoardCursor
  | BoardLaser;

/** Server → client, at most once a second: how many members are in the room. */
export interface Present {
  readonly type: "present";
  readonly count: number;
}

/** Server → client: this member is writing. It fades after 5 s without another. */
export interface TypingBy {
  readonly type: "typing_by";
  readonly id: string;
  readonly name: string;
}

/** Server → client: emoji to how many members sent it since the last one. */
export interface Reactions {
  readonly type: "reactions";
  readonly counts: Readonly<Record<string, number>>;
}

/** A few times a second while a poll is open: to staff, and to all where `results` is live. */
export interface PollTally {
  readonly type: "poll.tally";
  readonly id: number;
  readonly tally: Tally;
}

/**
 * Server → client: a stroke goes on. Pieces come in order; who misses one waits for the event. `slot`: where it stands in
 * the shorthand (`rooms/shorthand.py`), for who has asked for that.
 */
export interface BoardInkBy {
  readonly type: "board.ink_by";
  readonly page: number;
  readonly id: string;
  readonly by: string;
  readonly after: number;
  readonly ink: Packed;
  /** Missing: null. */
  readonly look?: Readonly<Record<string, unknown>> | null;
  /** Missing: null. */
  readonly slot?: number | null;
}

/**
 * Server → client: what those who read the shorthand (`rooms/shorthand.py`) know of a slot, for who has just come. `look`:
 * and `id` of the slot's last stroke; missing: a `board.ink_by` of the stroke under way follows. `last`: seq, at and step of
 * the slot's last event.
 */
export interface BoardInkSlot {
  readonly type: "board.ink_slot";
  readonly slot: number;
  readonly page: number;
  readonly by: string;
  /** Missing: null. */
  readonly look?: Readonly<Record<string, unknown>> | null;
  /** Missing: null. */
  readonly last?: readonly [number, number, number] | null;
  /** Missing: null. */
  readonly id?: string | null;
}

/** Server → client: a member's pointer. It fades after 5 s without another. */
export interface BoardCursorBy {
  readonly type: "board.cursor_by";
  readonly page: number;
  readonly by: string;
  readonly x: number;
  readonly y: number;
}

/** Server → client: a member's laser pointer. Its trail fades within a second. */
export interface BoardLaserBy {
  readonly type: "board.laser_by";
  readonly page: number;
  readonly by: string;
  readonly points: readonly (readonly [number, number])[];
}

/** Server → client, passing by. */
export type SignalOut =
  | Present
  | TypingBy
  | Reactions
  | PollTally
  | BoardInkBy
  | BoardInkSlot
  | BoardCursorBy
  | BoardLaserBy;

/**
 * Client → server, Socket.IO's CONNECT auth. `token`, or in an open room `name`. `client`: an id that the device
 * keeps (≤ 64 characters). `since` and `epoch`: the last seq seen and in which log, when it comes back. `shorthand`: it can
 * read strokes in shorthand (`rooms/shorthand.py`), with the MessagePack parser.
 */
export interface Hello {
  readonly room: string;
  /** Missing: 1. */
  readonly v?: number;
  /** Missing: null. */
  readonly token?: string | null;
  /** Missing: null. */
  readonly name?: string | null;
  /** Missing: null. */
  readonly client?: string | null;
  /** Missing: null. */
  readonly since?: number | null;
  /** Missing: null. */
  readonly epoch?: string | null;
  /** Missing: false. */
  readonly shorthand?: boolean;
}

/**
 * Server → client: the whole room as this member may see it, after the event at `seq`. It may come again at any time
 * and replaces everything. `now` is the server's clock (ms since 1970), `pass` a bearer token for the HTTP API, `key` what
 * opens the room's unchanging contents there.
 */
export interface Welcome {
  readonly room: RoomLabel;
  readonly me: Me;
  readonly epoch: string;
  readonly pass: string;
  readonly seq: number;
  readonly now: number;
  readonly key: string;
  readonly own: RoomOwn;
  readonly state: RoomView;
}

export interface RoomLabel {
  readonly id: string;
  readonly title: string;
}

/** Whom the server takes this member for. */
export interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** What is one member's alone. */
export interface RoomOwn {
  readonly roster: RosterOwn;
  readonly chat: ChatOwn;
  readonly doubts: DoubtsOwn;
  readonly polls: PollsOwn;
}

/** What is one member's alone. Their name and role in force are in `me` of the welcome. */
export interface RosterOwn {
  readonly muted_until: number;
}

/**
 * What is one member's alone: the emoji they have put, by message id (only messages in the view; sorted), and when
 * they last wrote (`spoke_at`, ms since 1970; 0: not lately, or staff). Under slow mode they may write again at
 * `spoke_at + 1000 * slow`. `messages`: a student's own that the room was not shown, the newest `OWN_RECENT` of those
 * not older than the view, oldest first; they belong among the view's, by id.
 */
export interface ChatOwn {
  readonly reactions: Readonly<Record<string, readonly string[]>>;
  readonly spoke_at: number;
  readonly messages: readonly MessageView[];
}

/**
 * What is one member's alone: their doubts in full whatever the state (oldest first; for staff empty, since they
 * see all), the ids of those they asked, and the ids of all they stand behind, whatever the state: what is dismissed
 * may come back. Ids in rising order.
 */
export interface DoubtsOwn {
  readonly doubts: readonly DoubtView[];
  readonly asked: readonly number[];
  readonly voted: readonly number[];
}

/** A doubt as a member sees it. `by`, `name`, `reason` are missing where the reader may not know them. */
export interface DoubtView {
  readonly id: number;
  readonly at: number;
  readonly text: string;
  readonly state: DoubtState;
  readonly votes: number;
  /** Missing: false. */
  readonly anonymous?: boolean;
  /** Missing: null. */
  readonly by?: string | null;
  /** Missing: null. */
  readonly name?: string | null;
  /** Missing: false. */
  readonly pinned?: boolean;
  /** Missing: null. */
  readonly reason?: string | null;
  /** Missing: null. */
  readonly answer?: string | null;
  /** Missing: false. */
  readonly live?: boolean;
  /** Missing: null. */
  readonly class_time?: number | null;
  /** Missing: null. */
  readonly merged_into?: number | null;
}

/** What is one member's alone: their votes, by poll id. */
export interface PollsOwn {
  readonly votes: Readonly<Record<string, Ballot>>;
}

/** The room as an audience sees it, without what is one member's alone. */
export interface RoomView {
  readonly roster: RosterView;
  readonly chat: ChatView;
  readonly doubts: DoubtsView;
  readonly polls: PollsView;
  readonly board: BoardView;
  readonly stage: StageView;
  readonly captions: CaptionsView;
}

/**
 * What an audience sees. `hands`: first raised first; id, name and role alone. `people`: for `all` the staff members,
 * without `muted_until` and `banned`; for `staff` everybody, unless more than `LISTED` belong to the room: then
 * `listed` is false, `people` are the staff members, and others are asked for by page. The order of `people` says
 * nothing.
 */
export interface RosterView {
  readonly phase: Phase;
  readonly started_at: number;
  readonly ended_at: number;
  readonly hands: readonly PersonView[];
  readonly people: readonly PersonView[];
  readonly listed: boolean;
}

/** Where the class stands: before it, in it, after it. */
export type Phase = "waiting" | "live" | "ended";

/** A member as others see them. */
export interface PersonView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** Missing: false. */
  readonly present?: boolean;
  /** Missing: 0. */
  readonly muted_until?: number;
  /** Missing: false. */
  readonly banned?: boolean;
}

/**
 * What all see: the newest messages, oldest first; the pinned ones; whether older ones can be asked for. Among the
 * staff's messages are those that the room was not shown.
 */
export interface ChatView {
  readonly messages: readonly MessageView[];
  readonly pinned: readonly MessageView[];
  readonly more: boolean;
  readonly slow: number;
  readonly locked: boolean;
  readonly crowd: number;
}

/** What an audience sees: `all` the public doubts, `staff` every doubt. Oldest first. */
export interface DoubtsView {
  readonly doubts: readonly DoubtView[];
  readonly moderated: boolean;
  readonly locked: boolean;
  readonly anonymous: boolean;
}

/** What an audience sees, in order of id: `staff` every poll, `all` those that have been opened. */
export interface PollsView {
  readonly polls: readonly PollView[];
}

/** A poll as a member sees it. `tally` is missing where the reader may not see it (yet). */
export interface PollView {
  readonly id: number;
  readonly spec: Spec;
  readonly state: PollState;
  /** Missing: 0. */
  readonly opened_at?: number;
  /** Missing: null. */
  readonly ends_at?: number | null;
  /** Missing: 0. */
  readonly closed_at?: number;
  /** Missing: null. */
  readonly tally?: Tally | null;
}

export type PollState = "prepared" | "open" | "closed";

/** What everybody sees. `pages` in order; `current`: the one that the class looks at. */
export interface BoardView {
  readonly pages: readonly PageView[];
  readonly current: number;
  readonly open_to: OpenTo;
  readonly chosen: readonly string[];
  readonly spotlight: Region | null;
}

/** A page without its elements, which are at `/api/rooms/{room}/board/{id}@{at}`. `count`: how many they are. */
export interface PageView {
  readonly id: number;
  readonly at: number;
  readonly count: number;
  readonly background: Background;
  readonly locked: boolean;
}

/** The stage as everybody sees it. `people` in order of coming. */
export interface StageView {
  readonly people: readonly Performer[];
  readonly most: number;
}

/** Somebody on stage. `live`: what they send; `muted`: what the staff keep from the others; `stream`: "" while nothing. */
export interface Performer {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly live: readonly Source[];
  readonly muted: readonly Source[];
  readonly stream: string;
}

/** The captions as everybody sees them, oldest first. */
export interface CaptionsView {
  readonly lines: readonly Line[];
}

/** `id`: its place in the log; `at`: when (ms since 1970). */
export interface Line {
  readonly id: number;
  readonly at: number;
  readonly by: string;
  readonly name: string;
  readonly text: string;
}

/**
 * Server → client, as `lobby`, before the `welcome` when too many come at once: one's `place` in the line (1 is the
 * next) and how long it may take, in milliseconds. It comes again every few seconds.
 */
export interface Waiting {
  readonly place: number;
  readonly estimate: number;
}

/**
 * Server → client, just before the server disconnects, and the `data` of a refused CONNECT. `temporary`: come back,
 * after `retry_in` milliseconds where given; otherwise do not come back by yourself.
 */
export interface Bye {
  readonly code: string;
  readonly message: string;
  /** Missing: false. */
  readonly temporary?: boolean;
  /** Missing: null. */
  readonly retry_in?: number | null;
}

export const CHAT_KEEP = 20000;
export const CHAT_CROWD_KEEP = 10000;
export const CHAT_RECENT = 100;
export const CHAT_OWN_RECENT = 20;
export const CHAT_CROWD = 4;
export const CHAT_CROWD_LIMIT = 50;
export const CHAT_BURST = 10;
export const CHAT_TEXT_LIMIT = 2000;
export const CHAT_MENTIONS_LIMIT = 10;
export const CHAT_PINS_LIMIT = 5;
export const CHAT_SLOW_LIMIT = 300;
export const CHAT_EMOJI = ["👍", "❤️", "😂", "😮", "🎉", "👏", "🤔", "🙏"] as const;
export const DOUBT_TEXT_LIMIT = 1000;
export const DOUBT_ANSWER_LIMIT = 4000;
export const DOUBT_REASON_LIMIT = 300;
export const DOUBT_OPEN_LIMIT = 20;
export const DOUBT_DOUBTS_LIMIT = 20000;
export const POLL_QUESTION_LIMIT = 500;
export const POLL_OPTION_LIMIT = 200;
export const POLL_OPTIONS_LIMIT = 12;
export const POLL_TEXT_LIMIT = 140;
export const POLL_WORDS_SHOWN = 100;
export const POLL_SECONDS_LEAST = 5;
export const POLL_SECONDS_LIMIT = 3600;
export const POLL_POLLS_LIMIT = 500;
export const POLL_RATING_LIMIT = 10;
export const POLL_BATCH_LIMIT = 200;
export const ROSTER_NAME_LIMIT = 60;
export const ROSTER_REASON_LIMIT = 300;
export const ROSTER_LISTED = 1000;
export const ROSTER_MUTE_MINUTES_LIMIT = 1440;
export const ROSTER_HANDS_LIMIT = 1000;
export const BOARD_PAGES_LIMIT = 500;
export const BOARD_PAGES_AT_ONCE = 200;
export const BOARD_ELEMENTS_LIMIT = 10000;
export const BOARD_CHANGES_LIMIT = 1000;
export const BOARD_POINTS_LIMIT = 5000;
export const BOARD_TEXT_LIMIT = 10000;
export const BOARD_LINK_LIMIT = 2000;
export const BOARD_COORDINATE_LIMIT = 1000000;
export const BOARD_ELEMENT_BYTES = 200000;
export const BOARD_PAGE_BYTES = 8000000;
export const BOARD_BOARD_BYTES = 32000000;
export const BOARD_CHOSEN_LIMIT = 50;
export const BOARD_GRAVES_LIMIT = 2000;
export const BOARD_UNDO_LIMIT = 100;
export const BOARD_UNDO_BYTES = 256000;
export const BOARD_UNDO_STEP_BYTES = 1000000;
export const BOARD_UNDO_MEMBERS = 60;
export const BOARD_INK_BYTES = 4096;
export const BOARD_LASER_LIMIT = 64;
export const BOARD_TYPES = ["rectangle", "diamond", "ellipse", "line", "arrow", "freedraw", "text", "image", "frame"] as const;
export const STAGE_MOST_LIMIT = 24;
export const CAPTION_TEXT_LIMIT = 200;
export const CAPTION_KEPT = 20;
export const WIRE_VERSION = 1;
export const WIRE_CID_LIMIT = 64;
export const WIRE_CONNECT = 0;
export const WIRE_DISCONNECT = 1;
export const WIRE_EVENT = 2;
export const WIRE__ID_DIGITS = 15;
/** The states in which every student sees a doubt. */
export const DOUBT_PUBLIC: readonly DoubtState[] = ["open", "answering", "answered"];
