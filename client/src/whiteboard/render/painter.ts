/// A page on a canvas, kept current with little work: what is finished is painted once and stays; what changes is painted
/// anew where it changed; what is still being drawn has a canvas of its own above.
///
/// A full page that is opened is painted in slices, between which the browser shows what there is so far.
///
/// What always holds: once nothing moves, the pixels are those of the whole page painted at once; the canvas then has
/// `data-painted`.

import type { Background } from "../../protocol";
import type { BoardElement, RawElement } from "../element";
import type { PictureBook } from "../pictures";
import { paintBackground } from "./background";
import type { Box } from "./bounds";
import { paint } from "./paint";
import { Scene } from "./scene";
import type { View } from "./view";

const REST = 140; // ms without a gesture until all is painted sharp
const SLICES = [28, 100] as const; // ms of painting in the first frame while a page is opened, and in those after
const LETTERS = 80; // ms that a page which is opened waits for its letters, so that it need not be painted twice

export interface Marks {
  readonly strokes: readonly BoardElement[];
  /** Paints what else passes by, in px of the page. Whether there is more to come in the next frame. */
  readonly paint: (context: CanvasRenderingContext2D, view: View, now: number) => boolean;
}

export class Painter {
  readonly base: HTMLCanvasElement;
  readonly over: HTMLCanvasElement;
  readonly scene: Scene;
  readonly #book: PictureBook;
  readonly #offs: (() => void)[];
  #background: Background = {};
  #view: View = { left: 0, top: 0, zoom: 1 };
  /** The view that the base was painted in. */
  #painted: View | null = null;
  #width = 0;
  #height = 0;
  #ratio = 1;
  #marks: Marks = { strokes: [], paint: () => false };
  #frame = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #later = 0;
  /** All of it is to be painted anew in the next frame. */
  #due = false;
  #page = -1;
  /** The page has not been painted yet. */
  #opening = false;
  /** Waits for its letters. */
  #letters: ReturnType<typeof setTimeout> | undefined;
  /** What is left to be painted. */
  #left: Generator<void> | null = null;
  #slice = 0;
  /** Something has changed while it was painted. */
  #changed = false;

  constructor(base: HTMLCanvasElement, over: HTMLCanvasElement, book: PictureBook) {
    this.base = base;
    this.over = over;
    this.#book = book;
    const anew = () => this.#anew();
    this.scene = new Scene(book.of, anew);
    this.#offs = [book.onArrival(anew)];
  }

  close(): void {
    for (const off of this.#offs) off();
    clearTimeout(this.#rest);
    this.#stop();
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#later);
  }

  get view(): View {
    return this.#view;
  }

  /** All of a page. */
  show(page: number, elements: Iterable<RawElement>, background: Background): void {
    this.#opening ||= page !== this.#page || this.scene.size === 0;
    this.#page = page;
    this.scene.reset(elements);
    this.#background = background;
    this.#stop();
    delete this.base.dataset["painted"];
    if (!this.scene.letters() && this.#opening) this.#letters = setTimeout(() => this.#anew(), LETTERS);
    this.#repaintSoon();
  }

  /** Elements `ids` are other than before. */
  update(ids: readonly string[], elements: ReadonlyMap<string, RawElement>): void {
    const { box, onTop } = this.scene.update(ids, elements);
    if (box === null || this.#due) return;
    if (this.#left !== null || this.#letters !== undefined) {
      this.#changed = true;
      return;
    }
    if (this.#painted === null || this.#painted !== this.#view) return this.#repaintSoon();
    if (!onTop) return this.#mend(box);
    const context = this.#inPage(this.base);
    for (const id of ids) {
      const element = this.scene.find(id);
      if (element !== undefined) this.scene.paintOne(context, element, this.#view.zoom);
    }
  }

  resize(width: number, height: number, ratio: number): void {
    if (width === this.#width && height === this.#height && ratio === this.#ratio) return;
    [this.#width, this.#height, this.#ratio] = [width, height, ratio];
    for (const canvas of [this.base, this.over]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.#repaint();
  }

  /** Look elsewhere. `moving`: a gesture goes on, so that the picture at hand is moved, and painted anew when it rests. */
  look(view: View, moving = false): void {
    const { left, top, zoom } = this.#view;
    if (view.left === left && view.top === top && view.zoom === zoom && this.#painted === this.#view) return;
    this.#view = view;
    clearTimeout(this.#rest);
    if (!moving || this.#painted === null) return this.#repaintSoon();
    const scale = view.zoom / this.#painted.zoom;
    const [dx, dy] = [(this.#painted.left - view.left) * view.zoom, (this.#painted.top - view.top) * view.zoom];
    this.base.style.transform = `translate(${dx}px, ${dy}px) scale(${scale})`;
    this.#mark();
    this.#rest = setTimeout(() => this.#repaint(), REST);
  }

  marks(marks: Marks): void {
    this.#marks = marks;
    this.#mark();
  }

  /** In the next frame, once, however much has changed until then. */
  #repaintSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#later = requestAnimationFrame(() => this.#repaint());
  }

  /** Pictures or letters have come. */
  #anew(): void {
    clearTimeout(this.#letters);
    this.#letters = undefined;
    if (this.#left !== null) this.#changed = true;
    else this.#repaintSoon();
  }

  #repaint(): void {
    clearTimeout(this.#rest);
    cancelAnimationFrame(this.#later);
    cancelAnimationFrame(this.#slice);
    this.#due = false;
    this.#left = null;
    this.base.style.transform = "";
    this.#painted = this.#view;
    if (this.#width === 0 || this.#height === 0) return;
    const context = this.base.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    paintBackground(context, this.#background, this.#book.under(this.#background), this.#view, this.#width, this.#height);
    this.#mark();
    if (this.#letters !== undefined) return;
    this.#left = this.scene.painting(context, this.#seen(), this.#view.zoom);
    this.#changed = false;
    this.#paintOn(SLICES[0]);
  }

  /** All that is left; as much as there is time for (ms), where the page is being opened. */
  #paintOn(time: number): void {
    const left = this.#left;
    if (left === null) return;
    this.#inPage(this.base);
    const until = this.#opening ? performance.now() + time : Infinity;
    while (left.next().done !== true) {
      if (performance.now() < until) continue;
      this.#slice = requestAnimationFrame(() => this.#paintOn(SLICES[1]));
      return;
    }
    this.#left = null;
    this.#opening = false;
    if (this.#changed) this.#repaintSoon();
    else if (this.scene.letters()) this.base.dataset["painted"] = "";
  }

  /** Paint no more of what is left. */
  #stop(): void {
    clearTimeout(this.#letters);
    this.#letters = undefined;
    cancelAnimationFrame(this.#slice);
    this.#left = null;
  }

  /** Paint a part of the page anew, in whole pixels. */
  #mend(box: Box): void {
    const { left, top, zoom } = this.#view;
    const scale = zoom * this.#ratio;
    const x = Math.max(0, Math.floor((box.left - left) * scale) - 1);
    const y = Math.max(0, Math.floor((box.top - top) * scale) - 1);
    const right = Math.min(this.base.width, Math.ceil((box.right - left) * scale) + 1);
    const bottom = Math.min(this.base.height, Math.ceil((box.bottom - top) * scale) + 1);
    if (right <= x || bottom <= y) return;
    const context = this.base.getContext("2d", { alpha: false }) as CanvasRenderingContext2D;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    context.rect(x, y, right - x, bottom - y);
    context.clip();
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    paintBackground(context, this.#background, this.#book.under(this.#background), this.#view, this.#width, this.#height);
    this.#inPage(this.base);
    const area = { left: x / scale + left, top: y / scale + top, right: right / scale + left, bottom: bottom / scale + top };
    this.scene.paint(context, area, zoom);
    context.restore();
  }

  #mark(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame((now) => {
      const context = this.over.getContext("2d") as CanvasRenderingContext2D;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.over.width, this.over.height);
      this.#inPage(this.over);
      for (const stroke of this.#marks.strokes) paint(context, stroke, this.#book.of, 1, this.#view.zoom);
      if (this.#marks.paint(context, this.#view, now)) this.#mark();
    });
  }

  /** The canvas, in px of the page. */
  #inPage(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const context = canvas.getContext("2d", canvas === this.base ? { alpha: false } : undefined) as CanvasRenderingContext2D;
    const { left, top, zoom } = this.#view;
    const scale = zoom * this.#ratio;
    context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
    return context;
  }

  #seen(): Box {
    const { left, top, zoom } = this.#view;
    return { left, top, right: left + this.#width / zoom, bottom: top + this.#height / zoom };
  }
}
