/// Text stays text; only web addresses become links.

import { describe, expect, it } from "vitest";
import { pieces } from "./Prose";

const links = (text: string) => pieces(text).filter(({ kind }) => kind === "link").map(({ text }) => text);
const joined = (text: string, names: readonly string[] = []) => pieces(text, names).map(({ text }) => text).join("");

describe("links", () => {
  it.each([
    ["see https://example.org/a?b=1#c now", ["https://example.org/a?b=1#c"]],
    ["HTTP://EXAMPLE.ORG", ["HTTP://EXAMPLE.ORG"]],
    ["two: http://a.in and https://b.in", ["http://a.in", "https://b.in"]],
    ["the sentence ends at https://example.org/x.", ["https://example.org/x"]],
    ["(https://example.org/x), and", ["https://example.org/x"]],
    ["https://en.wikipedia.org/wiki/Friction_(physics)", ["https://en.wikipedia.org/wiki/Friction_(physics)"]],
    ["https://example.org/\u202efdp.exe", ["https://example.org/"]],
    ["https://example.org/a\u2066b", ["https://example.org/a"]],
    ["देखें https://example.org/नोट्स।", ["https://example.org/नोट्स"]],
  ])("%s", (text, expected) => {
    expect(links(text)).toEqual(expected);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,<script>",
    "ftp://example.org",
    "https://",
    "https://good.example@evil.example/login",
    "xhttps://example.org",
    "www.example.org",
  ])("not of %s", (text) => {
    expect(links(text)).toEqual([]);
  });
});

it("loses nothing of the text", () => {
  for (const text of ["", "a", "<b>bold</b> https://a.in, (https://b.in/(c))!", "@Asha @Asha Verma @ @@x", "…https://a.in…"]) {
    expect(joined(text, ["Asha", "Asha Verma"])).toBe(text);
  }
});

it("marks those names that are mentioned, the longest first", () => {
  const found = pieces("@Asha Verma and @Ravi, mail@Asha", ["Asha", "Asha Verma"]);

  expect(found).toEqual([
    { kind: "mention", text: "@Asha Verma" },
    { kind: "text", text: " and @Ravi, mail" },
    { kind: "mention", text: "@Asha" },
  ]);
});
