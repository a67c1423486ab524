/// What the staff can do with a doubt in each state, and by which key.

import type { ComponentType } from "react";
import {
  IconArrowBackUp,
  IconArrowMerge,
  IconCheck,
  IconCircleCheck,
  IconCircleX,
  IconMicrophone,
  IconPencil,
  IconPin,
} from "../../common/icons";
import type { DoubtState } from "../../protocol";

export type Action = "approve" | "start" | "finish" | "answer" | "merge" | "pin" | "reopen" | "dismiss";

interface Look {
  readonly key: string;
  readonly icon: ComponentType<{ size?: number; stroke?: number }>;
  readonly states: readonly DoubtState[];
}

export const ACTIONS: Readonly<Record<Action, Look>> = {
  approve: { key: "a", icon: IconCheck, states: ["pending"] },
  start: { key: "s", icon: IconMicrophone, states: ["pending", "open"] },
  finish: { key: "f", icon: IconCircleCheck, states: ["answering", "open"] },
  answer: { key: "r", icon: IconPencil, states: ["pending", "open", "answering", "answered"] },
  merge: { key: "m", icon: IconArrowMerge, states: ["pending", "open", "answering"] },
  pin: { key: "p", icon: IconPin, states: ["open", "answering", "answered"] },
  reopen: { key: "o", icon: IconArrowBackUp, states: ["dismissed", "answering", "answered"] },
  dismiss: { key: "d", icon: IconCircleX, states: ["pending", "open", "answering"] },
};

/** The ones shown as buttons; the others are in the menu. */
const PROMPT: Readonly<Partial<Record<DoubtState, readonly Action[]>>> = {
  pending: ["approve", "dismiss"],
  open: ["start", "answer"],
  answering: ["finish", "answer"],
  dismissed: ["reopen"],
};

const ORDER = Object.keys(ACTIONS) as Action[];

export function possible(state: DoubtState): readonly Action[] {
  return ORDER.filter((action) => ACTIONS[action].states.includes(state));
}

export function prompt(state: DoubtState): readonly Action[] {
  return PROMPT[state] ?? [];
}

export function actionFor(key: string, state: DoubtState): Action | undefined {
  return possible(state).find((action) => ACTIONS[action].key === key.toLowerCase());
}
