/// The fonts of texts are those that the installed Excalidraw has.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { FACES } from "./faces";

const folder = fileURLToPath(new URL("../../../node_modules/@excalidraw/excalidraw/dist/prod/fonts/", import.meta.url));

it.each(FACES)("%s: %s is there", (_, file) => {
  expect(existsSync(folder + file)).toBe(true);
});
