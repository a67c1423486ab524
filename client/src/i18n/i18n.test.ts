/// Every language says everything, and nothing is said that no language has.

import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import en from "./en.json";
import { clock, makeFormat } from "./format";
import hi from "./hi.json";
import { preferred } from "./index";

type Tree = { [key: string]: string | string[] | Tree };

function leaves(tree: Tree, path = ""): Map<string, string | string[]> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]): [string, string | string[]][] =>
      typeof value === "string" || Array.isArray(value) ? [[path + key, value]] : [...leaves(value, `${path}${key}.`)],
    ),
  );
}

/** All files below a folder, by name, as one text. */
function sources(folder: string, name: RegExp): string {
  const root = new URL(`${folder}/`, import.meta.url).pathname;
  const paths = (readdirSync(root, { recursive: true }) as string[]).filter((path) => name.test(path));
  return paths.map((path) => readFileSync(root + path, "utf8")).join("\n");
}

const english = leaves(en as Tree);
const hindi = leaves(hi as Tree);
const holes = (text: string | string[] | undefined) => [...String(text).matchAll(/\{\{(\w+)/g)].map(([, name]) => name).sort();

it("Hindi has the keys of English", () => {
  expect([...hindi.keys()].sort()).toEqual([...english.keys()].sort());
});

it("what is filled in is the same in both", () => {
  for (const [key, text] of english) {
    // "One" may do without the number.
    if (!key.endsWith("_one")) expect([key, holes(hindi.get(key))]).toEqual([key, holes(text)]);
  }
});

it("Hindi is in Hindi", () => {
  for (const [key, text] of hindi) {
    const bare = String(text).replace(/\{\{[^}]*\}\}/g, "").trim();
    if (/\p{L}/u.test(bare)) expect([key, /[\u0900-\u097f]/.test(bare)]).toEqual([key, true]);
  }
});

it("plurals have all forms", () => {
  for (const key of english.keys()) {
    if (key.endsWith("_one")) expect(english.has(key.replace(/_one$/, "_other"))).toBe(true);
  }
});

it("no sentence is left that nothing says", () => {
  const code = sources("..", /(?<!\.test)\.tsx?$/);
  // Keys put together out of a part and a variable: the part must occur.
  const said = (key: string): boolean => {
    const bare = key.replace(/_(one|other)$/, "");
    const cut = bare.lastIndexOf(".");
    return code.includes(`"${bare}"`) || code.includes(`\`${bare.slice(0, cut)}.\${`);
  };

  expect([...english.keys()].filter((key) => !said(key) && !key.startsWith("refused."))).toEqual([]);
});

it("no refusal has words that nobody makes", () => {
  const code = sources("../../../classroom", /\.py$/) + sources("..", /(?<!\.test)\.tsx?$/);
  const codes = Object.keys(en.refused);

  expect(codes.filter((each) => !code.includes(`"${each}"`))).toEqual([]);
});

it.each([
  [null, ["fr", "hi-IN", "en"], "hi"],
  ["en", ["hi"], "en"],
  ["xx", [], "en"],
  [null, ["EN-us"], "en"],
])("the choice %j and the browser's %j give %s", (chosen, browser, language) => {
  expect(preferred(chosen, browser)).toBe(language);
});

it("durations read as clocks do", () => {
  expect([0, 999, 61_000, 3_600_000, 3_723_000, -5].map(clock)).toEqual(["0:00", "0:00", "1:01", "1:00:00", "1:02:03", "0:00"]);
});

it("numbers are grouped as in India", () => {
  expect(makeFormat("en").number(1234567)).toBe("12,34,567");
  expect(makeFormat("hi").span(300)).toContain("5");
});
