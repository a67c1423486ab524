/// The build lands in the Python package (`classroom/static`), so that it is part of the wheel. Assets carry a hash of
/// their content in their names and are served as immutable; everything that shrinks lies beside itself as .br and .gz.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const SHRINKS = new Set([".html", ".js", ".css", ".svg", ".json", ".txt", ".map", ".webmanifest"]);
const WORTH_IT = 512; // bytes; below it a compressed copy saves nothing

const RARE =
  /Modal|ScrollArea|Switch|Checkbox|InlineInput|\/Group\/|moderation|Staff|PollEditor|OptionsEditor|polls\/spec|WhoVoted|PersonItems|PersonDialogs|ClassControls|Settings|ConfirmDialog|MessageMenu|EmojiMenu|NativeSelect|IconAntenna|IconBadgeCc|IconHeadphones|IconPictureInPicture|IconScreenShare|IconMicrophoneOff|IconVideoOff/;

function precompress(): Plugin {
  let root = "";
  return {
    name: "precompress",
    apply: "build",
    configResolved(config) {
      root = resolve(config.root, config.build.outDir);
    },
    async writeBundle() {
      const names = await readdir(root, { recursive: true, withFileTypes: true });
      await Promise.all(
        names
          .filter((entry) => entry.isFile() && SHRINKS.has(extname(entry.name)))
          .map(async (entry) => {
            const path = join(entry.parentPath, entry.name);
            const bytes = await readFile(path);
            if (bytes.length < WORTH_IT) return;
            const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
            await writeFile(`${path}.br`, await promisify(brotliCompress)(bytes, { params: quality }));
            await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
          }),
      );
    },
  };
}

/** The fonts of the board's texts, which Excalidraw and the viewer fetch when a text needs them, from this server. */
function boardFonts(): Plugin {
  const from = resolve("node_modules/@excalidraw/excalidraw/dist/prod/fonts");
  return {
    name: "board-fonts",
    apply: "build",
    // Xiaolai, for Chinese, has 13 MB: the device's own letters are used.
    transform(code, id) {
      if (!id.includes("@excalidraw/excalidraw/dist")) return null;
      const own = code.replaceAll(/"\.\/fonts\/Xiaolai\/[^"]+\.woff2"/g, '"local:"');
      // Nor is any network of others asked, not even after a failure.
      return { code: own.replaceAll(/\w+\.push\(new URL\(\w+,\w+\.ASSETS_FALLBACK_URL\)\)/g, "void 0"), map: null };
    },
    async generateBundle() {
      const names = await readdir(from, { recursive: true });
      for (const name of names.filter((each) => each.endsWith(".woff2") && !each.startsWith("Xiaolai"))) {
        this.emitFile({ type: "asset", fileName: `assets/fonts/${name}`, source: await readFile(join(from, name)) });
      }
    },
  };
}

/** What stands still on the editor's canvas is not painted again (`src/whiteboard/editor/still.ts`). */
function stillCanvas(): Plugin {
  const helper = resolve("src/whiteboard/editor/still.ts");
  const scene = /\(\{canvas:(\w+),rc:\w+,elementsMap:\w+,allElementsMap:\w+,visibleElements:(\w+),scale:\w+,appState:(\w+),renderConfig:(\w+)\}\)=>\{if\(\1===null\)return;/;
  let found = 0;
  return {
    name: "still-canvas",
    apply: "build",
    transform(code, id) {
      const begun = id.includes("@excalidraw/excalidraw/dist") ? scene.exec(code) : null;
      if (begun === null) return null;
      const [, canvas, elements, view, config] = begun;
      const rest = code.slice(begun.index);
      const painted = rest.replace(new RegExp(`${elements}\\.filter\\((\\w+)=>!(\\w+)\\(\\1\\)\\)\\.forEach\\(`), (_, each, aside) => `stillCanvas(${canvas},${view},${config},${elements}.filter(${each}=>!${aside}(${each}))).forEach(`);
      if (painted === rest) return null;
      found += 1;
      return { code: `import{still as stillCanvas}from${JSON.stringify(helper)};${code.slice(0, begun.index)}${painted}`, map: null };
    },
    buildEnd(error) {
      if (error === undefined && found !== 1) throw new Error("Excalidraw paints its canvas otherwise than it did: see stillCanvas().");
    },
  };
}

const server = process.env["CLASSROOM_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), boardFonts(), stillCanvas(), precompress()],
  resolve: {
    alias: {
      // Diagrams from text are not offered, and what draws them weighs more than all the rest.
      "@excalidraw/mermaid-to-excalidraw": resolve("src/whiteboard/editor/nodiagrams.ts"),
      nanoid: resolve("src/whiteboard/editor/ids.ts"),
    },
  },
  build: {
    outDir: "../classroom/static",
    emptyOutDir: true,
    target: "es2022",
    sourcemap: false,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // Few files rather than fifty, each a round trip on a slow network; what only the staff or a dialog needs stays
        // out of them.
        codeSplitting: {
          groups: [
            { name: "base", test: /node_modules\/(react|react-dom|scheduler|i18next|react-i18next|.*socket.*|engine\.io.*|notepack\.io|component-emitter)\// },
            { name: "ui", test: (id: string) => /@mantine|@floating-ui|@tanstack|@tabler|common\/icons/.test(id) && !RARE.test(id) },
            { name: "class", test: (id: string) => /\/src\/(app|chat|classroom|common|doubts|people|polls|room)\//.test(id) && !RARE.test(id) },
          ],
        },
      },
    },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": server,
      "/socket.io": { target: server, ws: true },
    },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.{ts,tsx}"],
    testTimeout: 15_000,
    // One environment for all files: to make one for each takes two thirds of the time.
    isolate: false,
  },
});
