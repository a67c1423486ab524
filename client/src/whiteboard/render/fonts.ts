/// The letters of text elements: the very fonts that Excalidraw has, from this server, each loaded when a text needs it.

import type { BoardElement } from "../element";
import { FACES, FOLDER } from "./faces";

interface Family {
  readonly name: string;
  readonly unitsPerEm: number;
  readonly ascender: number;
  readonly descender: number;
}

const HAND = { unitsPerEm: 1_000, ascender: 886, descender: -374 };
const FAMILIES: Readonly<Record<number, Family>> = {
  1: { name: "Virgil", ...HAND },
  2: { name: "Helvetica", unitsPerEm: 2_048, ascender: 1_577, descender: -471 },
  3: { name: "Cascadia", unitsPerEm: 2_048, ascender: 1_900, descender: -480 },
  5: { name: "Excalifont", ...HAND },
  6: { name: "Nunito", unitsPerEm: 1_000, ascender: 1_011, descender: -353 },
  7: { name: "Lilita One", unitsPerEm: 1_000, ascender: 923, descender: -220 },
  8: { name: "Comic Shanns", unitsPerEm: 1_000, ascender: 750, descender: -250 },
  9: { name: "Liberation Sans", unitsPerEm: 2_048, ascender: 1_854, descender: -434 },
};
const FALLBACK = "Xiaolai, Segoe UI Emoji";

function familyOf({ fontFamily = 5 }: BoardElement): Family {
  return FAMILIES[fontFamily] ?? { name: "Segoe UI Emoji", ...HAND };
}

/** As Excalidraw writes it, so that the same fonts are found on the device. */
export function fontOf(element: BoardElement): string {
  return `${element.fontSize ?? 20}px ${familyOf(element).name}, ${FALLBACK}`;
}

/** From the top of a line to where its letters stand. */
export function baseline(element: BoardElement, lineHeight: number): number {
  const { unitsPerEm, ascender, descender } = familyOf(element);
  const em = (element.fontSize ?? 20) / unitsPerEm;
  return em * ascender + (lineHeight - em * ascender + em * descender) / 2;
}

let registered = false;

/** Make the fonts known to the page. Nothing is fetched yet. */
function register(): void {
  if (registered) return;
  registered = true;
  const there = new Set([...document.fonts].map(({ family }) => family.replaceAll(/["']/g, "")));
  for (const [family, file, unicodeRange, weight] of FACES) {
    if (there.has(family)) continue; // the editor has been here before
    document.fonts.add(new FontFace(family, `url(${FOLDER}${file})`, { unicodeRange, weight, display: "swap" }));
  }
}

/** Who waits for which letters; null: they are there. */
const asked = new Map<string, Set<() => void> | null>();

/**
 * Whether the letters of the text are at hand. If not, they are fetched, and `arrived` is called then, or when there are
 * none to be had: the device's own letters are used.
 */
export function hasLetters(element: BoardElement, arrived: () => void): boolean {
  if (element.fontFamily === 2) return true; // the device's own
  register();
  const font = `20px ${JSON.stringify(familyOf(element).name)}`;
  // Plain letters are all in one file.
  const letters = /^[ -~\s]*$/.test(element.text ?? "") ? "a" : (element.text ?? "");
  const key = `${font} ${letters}`;
  const known = asked.get(key);
  if (known === null) return true;
  if (known !== undefined) {
    known.add(arrived);
    return false;
  }
  const waiting = new Set([arrived]);
  asked.set(key, waiting);
  void document.fonts
    .load(font, letters)
    .catch(() => [])
    .then(() => {
      asked.set(key, null);
      for (const each of waiting) each();
    });
  return false;
}
