/// "Already asked?": doubts that share their words with what is being written.
///
/// How: rare words weigh more than frequent ones (inverse document frequency), and the score is the cosine of the two
/// bags of words, so that a long doubt does not match everything. Words are compared by their beginnings, which serves
/// inflected English and Hindi alike without a dictionary.

import type { DoubtView } from "../protocol";

const LIKE = 0.34; // cosine from which on two doubts are shown as alike
const SHOWN = 3;
const LEAST = 8; // characters that must be written before anything is compared

const STOP = new Set(
  `the and for are was were what why how who whom which when where does did can could would should will shall this that these
  those with from into about have has had not but you your they them their its our there here than then also please sir madam mam
  mean explain tell know understand again do is it of to in on at as an by if or we me my be so a i
  है हैं था थी थे हो का की के को में से पर और या यह वह ये वे क्या क्यों कैसे कब कहाँ कौन किस कि तो भी ही मैं हम आप मुझे हमें कृपया सर मैडम बताइए समझाइए नहीं एक इस उस`
    .split(/\s+/)
    .filter(Boolean),
);

/** The words that carry the meaning, each shortened to the part that inflection leaves alone. */
export function stems(text: string): ReadonlySet<string> {
  const words = text.toLocaleLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
  return new Set(words.filter((word) => word.length > 1 && !STOP.has(word)).map(stem));
}

function stem(word: string): string {
  if (/^[a-z]+$/.test(word)) {
    const bare = word.replace(/(ations?|ings?|ies|ed|es|s|ly)$/, "").replace(/e$/, "");
    return bare.length >= 3 ? bare : word;
  }
  return word.length > 4 ? word.replace(/[ािीुूेैोौंँ]+$/u, "") : word;
}

const known = new WeakMap<DoubtView, ReadonlySet<string>>();

function stemsOf(doubt: DoubtView): ReadonlySet<string> {
  let found = known.get(doubt);
  if (found === undefined) known.set(doubt, (found = stems(doubt.text)));
  return found;
}

/** At most three of `doubts` that ask nearly what `text` asks, the likest first. */
export function similar(doubts: readonly DoubtView[], text: string): readonly DoubtView[] {
  if (text.trim().length < LEAST) return [];
  const wanted = stems(text);
  if (wanted.size === 0) return [];
  const frequency = new Map<string, number>();
  for (const doubt of doubts) {
    for (const word of wanted) if (stemsOf(doubt).has(word)) frequency.set(word, (frequency.get(word) ?? 0) + 1);
  }
  const weigh = (word: string): number => Math.log(1 + doubts.length / (1 + (frequency.get(word) ?? 0))) + 0.2;
  const whole = length(wanted, weigh);
  return doubts
    .map((doubt) => ({ doubt, score: score(wanted, stemsOf(doubt), weigh, whole) }))
    .filter(({ score }) => score >= LIKE)
    .sort((one, other) => other.score - one.score || other.doubt.votes - one.doubt.votes)
    .slice(0, SHOWN)
    .map(({ doubt }) => doubt);
}

function length(words: Iterable<string>, weigh: (word: string) => number): number {
  let sum = 0;
  for (const word of words) sum += weigh(word) ** 2;
  return Math.sqrt(sum);
}

function score(wanted: ReadonlySet<string>, has: ReadonlySet<string>, weigh: (word: string) => number, whole: number): number {
  let shared = 0;
  for (const word of wanted) if (has.has(word)) shared += weigh(word) ** 2;
  if (shared === 0) return 0;
  // What the doubt says beyond it counts by an average word's weight: frequencies are known for the wanted words alone.
  const average = whole / Math.sqrt(wanted.size);
  let own = 0;
  for (const word of has) own += wanted.has(word) ? weigh(word) ** 2 : average ** 2;
  return shared / (whole * Math.sqrt(own));
}
