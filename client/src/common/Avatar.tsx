/// A person's initials on a colour of their own: the same everywhere, and readable in light and dark.

import classes from "./common.module.css";

/** The first letters of the first and the last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = (word: string | undefined): string => Array.from(word ?? "")[0] ?? "";
  return (first(words[0]) + (words.length > 1 ? first(words.at(-1)) : "")).toLocaleUpperCase() || "?";
}

export function hueOf(id: string): number {
  let hash = 7;
  for (let place = 0; place < id.length; place += 1) hash = (hash * 31 + id.charCodeAt(place)) >>> 0;
  return (hash % 24) * 15;
}

export function Avatar({ id, name, size = 30 }: { id: string; name: string; size?: number }) {
  const style = { "--hue": hueOf(id), width: size, height: size, fontSize: size * 0.38 } as React.CSSProperties;
  return (
    <span className={classes.avatar} style={style} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
