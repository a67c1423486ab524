/// What people wrote, as text. What always holds: it is never HTML; only http and https addresses become links,
/// which read from left to right whatever stands before them or in them.

import { Fragment, type ReactNode } from "react";
import classes from "./common.module.css";

// Marks of direction end an address: within it they would have it read as another one, `…/fdp.exe` as `…/exe.pdf`.
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gi;
const TRAILING = /[.,!?:;'"”’)\]}…।]+$/;

export type Piece = { readonly kind: "text" | "link" | "mention"; readonly text: string };

/** Split `text` into plain pieces, links and `@name`s out of `names`. Joined, the pieces give `text` again. */
export function pieces(text: string, names: readonly string[] = []): readonly Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const address = withoutTrail(match);
    if (!isWebAddress(address)) continue;
    found.push(...mentions(text.slice(from, index), names), { kind: "link", text: address });
    from = index + address.length;
  }
  found.push(...mentions(text.slice(from), names));
  return found;
}

/** The sentence's own punctuation after an address is not part of it, but a bracket that was opened within is. */
function withoutTrail(address: string): string {
  const trail = TRAILING.exec(address)?.[0] ?? "";
  const bare = address.slice(0, address.length - trail.length);
  return trail.startsWith(")") && bare.includes("(") && !bare.includes(")") ? `${bare})` : bare;
}

function isWebAddress(text: string): boolean {
  try {
    const { protocol, hostname, username } = new URL(text);
    // An address with a name before the host dresses up as another one.
    return (protocol === "http:" || protocol === "https:") && hostname !== "" && username === "";
  } catch {
    return false;
  }
}

function mentions(text: string, names: readonly string[]): readonly Piece[] {
  const longestFirst = [...names].filter(Boolean).sort((one, other) => other.length - one.length);
  const place = text.indexOf("@");
  if (text === "") return [];
  if (place < 0 || longestFirst.length === 0) return [{ kind: "text", text }];
  const found: Piece[] = [];
  let from = 0;
  for (let at = place; at >= 0; at = text.indexOf("@", at + 1)) {
    const name = longestFirst.find((name) => text.startsWith(name, at + 1));
    if (name === undefined) continue;
    if (at > from) found.push({ kind: "text", text: text.slice(from, at) });
    found.push({ kind: "mention", text: `@${name}` });
    from = at + 1 + name.length;
  }
  if (from < text.length) found.push({ kind: "text", text: text.slice(from) });
  return found;
}

export function Prose({ text, names }: { text: string; names?: readonly string[] }) {
  return (
    <span className={classes.prose} dir="auto">
      {pieces(text, names).map((piece, place) => (
        <Fragment key={place}>{draw(piece)}</Fragment>
      ))}
    </span>
  );
}

function draw({ kind, text }: Piece): ReactNode {
  if (kind === "text") return text;
  if (kind === "mention") return <span className={classes.mention}>{text}</span>;
  return (
    <a href={text} target="_blank" rel="noopener noreferrer nofollow" dir="ltr">
      {text}
    </a>
  );
}
