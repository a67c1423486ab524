/// What is marked on the line: answers, polls, pinned messages. And when each doubt was answered.

import type { Stamped } from "../protocol";
import type { Timeline } from "./timeline";

export interface Marker {
  readonly kind: "doubt" | "poll" | "pin";
  /** Positions (ms). A poll lasts until it was closed; anything else is a moment. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** When doubts were answered live: from when they were taken up (class time), by id. The last time counts. */
export function answersOf(events: readonly Stamped[]): ReadonlyMap<number, number> {
  const taken = new Map<number, number>();
  const answers = new Map<number, number>();
  for (const event of events) {
    if (event.type === "doubt.started") taken.set(event.id, event.at);
    else if (event.type === "doubt.answered" && event.live) {
      // A text that is added later says again that it was answered live.
      if (taken.has(event.id) || !answers.has(event.id)) answers.set(event.id, taken.get(event.id) ?? event.at);
      taken.delete(event.id);
    }
  }
  return answers;
}

export function markersOf(events: readonly Stamped[], timeline: Timeline): readonly Marker[] {
  const doubts = new Map<number, string>();
  const polls = new Map<number, { readonly text: string; readonly from: number }>();
  const answers = answersOf(events);
  const markers: Marker[] = [];
  const add = (kind: Marker["kind"], from: number, to: number, text: string): void => {
    markers.push({ kind, from: timeline.toPosition(from), to: timeline.toPosition(to), text });
  };
  for (const event of events) {
    if (event.type === "doubt.asked") doubts.set(event.seq, event.text);
    else if (event.type === "doubt.published") doubts.set(event.id, event.text);
    else if (event.type === "poll.opened") polls.set(event.id, { text: event.spec.question, from: event.at });
    else if (event.type === "poll.closed") {
      const poll = polls.get(event.id);
      if (poll !== undefined) add("poll", poll.from, event.at, poll.text);
      polls.delete(event.id);
    } else if (event.type === "chat.pinned" && (event.on ?? true) && event.message != null) {
      add("pin", event.at, event.at, event.message.text);
    }
  }
  for (const { text, from } of polls.values()) add("poll", from, timeline.toClass(timeline.length), text);
  for (const [id, at] of answers) {
    const text = doubts.get(id);
    if (text !== undefined) add("doubt", at, at, text);
  }
  return markers.sort((one, other) => one.from - other.from);
}

/** Markers too near to be told apart on the line. */
export interface Cluster {
  readonly first: Marker;
  readonly count: number;
}

const PLACES = 120; // that can be told apart with a finger

export function clustered(markers: readonly Marker[], length: number): readonly Cluster[] {
  const clusters: Cluster[] = [];
  for (const marker of markers) {
    const last = clusters.at(-1);
    if (last !== undefined && marker.from - last.first.from < length / PLACES) {
      clusters[clusters.length - 1] = { ...last, count: last.count + 1 };
    } else clusters.push({ first: marker, count: 1 });
  }
  return clusters;
}
