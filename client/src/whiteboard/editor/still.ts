/// What stands still on a full page is not painted again. Excalidraw paints all that is in sight anew whenever something has
/// changed, at each stroke that begins or ends: with thousands of strokes that takes longer than several frames. The build puts
/// this in between (`vite.config.ts`): where elements were only added on top, the picture at hand is used for all below.
///
/// What always holds: what is seen is what it would be if all were painted anew; whatever may look otherwise than the last time
/// leads to that.

const MANY = 200; // elements; fewer are painted in no time

interface Element {
  readonly id: string;
  readonly versionNonce: number;
  readonly type: string;
  readonly frameId: string | null;
  readonly link: string | null;
  readonly fileId?: string | null;
}

type View = Readonly<Record<string, unknown>> & { readonly zoom: { readonly value: number }; readonly frameToHighlight: unknown };

interface Config {
  readonly isExporting: boolean;
  readonly imageCache: ReadonlyMap<string, { readonly image: unknown }>;
  readonly elementsPendingErasure?: ReadonlySet<string>;
}

interface Picture {
  readonly canvas: HTMLCanvasElement;
  /** How it was painted, and what, as ids and versions in turn. */
  view: readonly unknown[];
  painted: readonly (string | number)[];
}

const pictures = new WeakMap<HTMLCanvasElement, Picture>();

const SEEN = ["scrollX", "scrollY", "width", "height", "theme", "viewBackgroundColor", "gridSize", "gridStep", "shouldCacheIgnoreZoom", "croppingElementId", "currentHoveredFontFamily", "exportScale", "gridModeEnabled"] as const;

/** In place of the list of elements that are painted onto `canvas` in turn. */
export function still(canvas: HTMLCanvasElement, view: View, config: Config, elements: readonly Element[]): { forEach(paint: (element: Element) => void): void } {
  return elements.length < MANY || !plain(view, config, elements) ? elements : { forEach: (paint) => repaint(canvas, view, config, elements, paint) };
}

/** Whether each element's looks follow from it alone. */
function plain(view: View, config: Config, elements: readonly Element[]): boolean {
  if (config.isExporting || view.frameToHighlight || (config.elementsPendingErasure?.size ?? 0) > 0) return false;
  return elements.every(({ type, frameId, link }) => !frameId && !link && type !== "frame" && type !== "magicframe");
}

function repaint(canvas: HTMLCanvasElement, view: View, { imageCache }: Config, elements: readonly Element[], paint: (element: Element) => void): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const now = [canvas.width, canvas.height, view.zoom.value, ...SEEN.map((name) => view[name]), letters()];
  const todo = elements.flatMap(({ id, versionNonce, fileId }) => [id, fileId != null && !(imageCache.get(fileId)?.image instanceof HTMLImageElement) ? -versionNonce : versionNonce]);
  let picture = pictures.get(canvas);
  const goesOn = picture !== undefined && picture.painted.length <= todo.length && same(picture.view, now) && picture.painted.every((each, index) => each === todo[index]);
  if (picture === undefined) {
    picture = { canvas: document.createElement("canvas"), view: now, painted: [] };
    pictures.set(canvas, picture);
  }
  const painted = goesOn ? picture.painted.length / 2 : 0;
  if (goesOn) copy(picture.canvas, context);
  for (const element of elements.slice(painted)) paint(element);
  if (painted === elements.length) return;
  Object.assign(picture, { view: now, painted: todo });
  if (picture.canvas.width !== canvas.width) picture.canvas.width = canvas.width;
  if (picture.canvas.height !== canvas.height) picture.canvas.height = canvas.height;
  const kept = picture.canvas.getContext("2d");
  if (kept !== null) copy(canvas, kept);
}

function copy(from: HTMLCanvasElement, to: CanvasRenderingContext2D): void {
  to.save();
  to.setTransform(1, 0, 0, 1, 0, 0);
  to.globalCompositeOperation = "copy";
  to.drawImage(from, 0, 0);
  to.restore();
}

/** How many fonts are at hand: a text looks otherwise when its own has come. */
function letters(): number {
  let count = 0;
  for (const { status } of document.fonts) if (status === "loaded") count += 1;
  return count;
}

function same(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((each, index) => each === other[index]);
}
