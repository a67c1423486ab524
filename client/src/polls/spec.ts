/// A poll while it is being written, and what the server takes of it.

import { POLL_OPTIONS_LIMIT, type PollKind, type Results, type Spec } from "../protocol";

export interface Option {
  /** For React: options move. */
  readonly key: number;
  readonly text: string;
  readonly right: boolean;
}

export interface Draft {
  readonly question: string;
  readonly kind: PollKind;
  readonly options: readonly Option[];
  readonly scale: number;
  readonly seconds: number | null;
  readonly secret: boolean;
  readonly changeable: boolean;
  readonly results: Results;
}

export type Fault = "questionMissing" | "optionMissing" | "optionDouble" | "rightMissing";

export const CHOICES: readonly PollKind[] = ["single", "multiple", "quiz"];

let keys = 0;

export function newOption(text = "", right = false): Option {
  keys += 1;
  return { key: keys, text, right };
}

export function draftOf(spec: Spec | null): Draft {
  const options = (spec?.options ?? ["", ""]).map((text, index) => newOption(text, spec?.right?.includes(index)));
  return {
    question: spec?.question ?? "",
    kind: spec?.kind ?? "single",
    options: options.length > 0 ? options : [newOption(), newOption()],
    scale: spec?.scale ?? 5,
    seconds: spec?.seconds ?? null,
    secret: spec?.secret ?? true,
    changeable: spec?.changeable ?? true,
    results: spec?.results ?? "closed",
  };
}

/** As it is kept while it is written: without the keys, which are of this page alone. */
export const DRAFT_FORM = {
  pack: (draft: Draft): string => JSON.stringify({ ...draft, options: draft.options.map(({ text, right }) => ({ text, right })) }),
  unpack: (kept: string): Draft => {
    const draft = JSON.parse(kept) as Draft;
    return { ...draftOf(null), ...draft, options: draft.options.map(({ text, right }) => newOption(text, right)) };
  },
};

function filled(draft: Draft): readonly Option[] {
  return draft.options.filter(({ text }) => text.trim() !== "");
}

/** What is wrong with it still; empty: it may be sent. */
export function faultsOf(draft: Draft): readonly Fault[] {
  const faults: Fault[] = [];
  if (draft.question.trim() === "") faults.push("questionMissing");
  if (!CHOICES.includes(draft.kind)) return faults;
  const options = filled(draft);
  if (options.length < 2) faults.push("optionMissing");
  if (new Set(options.map(({ text }) => text.trim())).size < options.length) faults.push("optionDouble");
  if (draft.kind === "quiz" && !options.some(({ right }) => right)) faults.push("rightMissing");
  return faults;
}

export function specOf(draft: Draft): Spec {
  const { question, kind, scale, seconds, secret, changeable, results } = draft;
  const options = CHOICES.includes(kind) ? filled(draft) : [];
  const right = options.flatMap((option, index) => (option.right ? [index] : []));
  return {
    question: question.trim(),
    kind,
    ...(options.length > 0 && { options: options.map(({ text }) => text.trim()) }),
    ...(kind === "quiz" && { right }),
    ...(kind === "rating" && { scale }),
    ...(seconds !== null && { seconds }),
    secret,
    changeable,
    results,
  };
}

export function withOption(draft: Draft, place: number, change: Partial<Option>): Draft {
  return { ...draft, options: draft.options.map((option, index) => (index === place ? { ...option, ...change } : option)) };
}

export function addOption(draft: Draft): Draft {
  return draft.options.length >= POLL_OPTIONS_LIMIT ? draft : { ...draft, options: [...draft.options, newOption()] };
}

export function removeOption(draft: Draft, place: number): Draft {
  return { ...draft, options: draft.options.filter((_, index) => index !== place) };
}

export function moveOption(draft: Draft, from: number, to: number): Draft {
  const options = [...draft.options];
  const [moved] = options.splice(from, 1);
  if (moved === undefined || to < 0 || to > options.length) return draft;
  options.splice(to, 0, moved);
  return { ...draft, options };
}
