/// Who is on stage, and what they send: the fold of the stage's events. The media themselves travel elsewhere.

import type {
  Performer,
  StageCalled,
  StageLeft,
  StageLimited,
  StageMuted,
  StagePublished,
  StageUnpublished,
  StageView,
  Stamped,
} from "../protocol";

export type StageState = StageView;

export type StageEvent = StageCalled | StageLeft | StagePublished | StageUnpublished | StageMuted | StageLimited;

export const LINGERS = 8_000; // ms that a publication which broke off is waited for

/** The stage after one event. */
export function applyStage(stage: StageState, event: Stamped<StageEvent>): StageState {
  switch (event.type) {
    case "stage.called": {
      if (stage.people.some(({ id }) => id === event.member)) return stage;
      return { ...stage, people: [...stage.people, fresh(event.member, event.name, "student")] };
    }
    case "stage.left":
      return { ...stage, people: stage.people.filter(({ id }) => !event.members.includes(id)) };
    case "stage.published": {
      const { member, name, role, stream, sources } = event;
      const there = stage.people.find(({ id }) => id === member);
      const person = { ...(there ?? fresh(member, name, role)), name, role, stream, live: sources };
      return there ? replaced(stage, person) : { ...stage, people: [...stage.people, person] };
    }
    case "stage.unpublished": {
      const there = stage.people.find(({ id }) => id === event.member);
      if (there === undefined) return stage;
      if (there.role === "student") return replaced(stage, { ...there, live: [], stream: "" });
      return { ...stage, people: stage.people.filter((person) => person !== there) };
    }
    case "stage.muted": {
      const there = stage.people.find(({ id }) => id === event.member);
      return there ? replaced(stage, { ...there, muted: event.sources }) : stage;
    }
    case "stage.limited":
      return { ...stage, most: event.most };
  }
}

function fresh(id: string, name: string, role: Performer["role"]): Performer {
  return { id, name, role, live: [], muted: [], stream: "" };
}

function replaced(stage: StageState, person: Performer): StageState {
  return { ...stage, people: stage.people.map((one) => (one.id === person.id ? person : one)) };
}
