/// A page's elements in the order in which they are painted, and how they hang together: frames that cut off what is in
/// them, arrows that leave room for their labels.

import { type BoardElement, inOrder, plain, type RawElement } from "../element";
import { type Box, reach, touching, united, upright } from "./bounds";
import { hasLetters } from "./fonts";
import { paint, type Pictures } from "./paint";

const LABEL_ROOM = 5; // px around a label

interface Item {
  readonly raw: RawElement;
  readonly element: BoardElement;
  readonly box: Box;
}

export class Scene {
  #items: Item[] = [];
  readonly #byId = new Map<string, Item>();
  readonly #pictures: Pictures;
  readonly #lettersArrived: () => void;

  constructor(pictures: Pictures, lettersArrived: () => void) {
    this.#pictures = pictures;
    this.#lettersArrived = lettersArrived;
  }

  get size(): number {
    return this.#items.length;
  }

  find(id: string): BoardElement | undefined {
    return this.#byId.get(id)?.element;
  }

  /** All elements anew. */
  reset(elements: Iterable<RawElement>): void {
    this.#items = [...elements].sort(inOrder).map(itemOf);
    this.#byId.clear();
    for (const item of this.#items) this.#byId.set(item.raw.id, item);
  }

  /**
   * Take in what became of `ids`. Answers what has to be painted anew: the part of the page; or, where there are only new
   * elements on top of all, them.
   */
  update(ids: readonly string[], elements: ReadonlyMap<string, RawElement>): { box: Box | null; onTop: boolean } {
    let box: Box | null = null;
    let onTop = true;
    const added: Item[] = [];
    const dropped = new Set<Item>();
    for (const id of ids) {
      const before = this.#byId.get(id);
      const raw = elements.get(id);
      if (before !== undefined && before.raw === raw) continue;
      if (before !== undefined) {
        box = united(box, before.box);
        dropped.add(before);
        onTop = false;
        this.#byId.delete(id);
      }
      if (raw === undefined) continue;
      const item = itemOf(raw);
      box = united(box, item.box);
      added.push(item);
      this.#byId.set(id, item);
      // A label cuts into its arrow, and what is in a frame is cut off by it.
      if (item.element.containerId != null || item.element.frameId != null || item.element.type === "frame") onTop = false;
      const container = item.element.containerId != null ? this.#byId.get(item.element.containerId) : undefined;
      if (container !== undefined) box = united(box, container.box);
    }
    if (dropped.size > 0) this.#items = this.#items.filter((item) => !dropped.has(item));
    added.sort((one, other) => inOrder(one.raw, other.raw));
    const last = this.#items.at(-1);
    if (added[0] !== undefined && last !== undefined && inOrder(last.raw, added[0].raw) > 0) onTop = false;
    if (added.length > 0) {
      this.#items.push(...added);
      if (!onTop) this.#items.sort((one, other) => inOrder(one.raw, other.raw));
    }
    return { box, onTop: onTop && box !== null };
  }

  /** Whether the letters of all texts are at hand. Those that are not are fetched. */
  letters(): boolean {
    const texts = this.#items.filter(({ element }) => element.type === "text");
    return texts.map(({ element }) => hasLetters(element, this.#lettersArrived)).every(Boolean);
  }

  /** Paint what touches `box`; null: all. */
  paint(context: CanvasRenderingContext2D, box: Box | null, zoom: number): void {
    for (const _ of this.painting(context, box, zoom));
  }

  /** The same, element by element. What changes on the page meanwhile is not painted. */
  *painting(context: CanvasRenderingContext2D, box: Box | null, zoom: number): Generator<void> {
    for (const item of [...this.#items]) {
      if (box !== null && !touching(item.box, box)) continue;
      this.paintOne(context, item.element, zoom);
      yield;
    }
  }

  paintOne(context: CanvasRenderingContext2D, element: BoardElement, zoom: number): void {
    if (element.type === "text" && !hasLetters(element, this.#lettersArrived)) return;
    const frame = element.frameId != null ? this.#byId.get(element.frameId)?.element : undefined;
    const label = element.type === "arrow" ? this.#labelOf(element) : undefined;
    if (frame === undefined && label === undefined) return paint(context, element, this.#pictures, 1, zoom);
    context.save();
    if (frame !== undefined) {
      context.beginPath();
      context.roundRect(frame.x, frame.y, frame.width, frame.height, 8 / zoom);
      context.clip();
    }
    if (label !== undefined) context.clip(around(reach(element), label), "evenodd");
    paint(context, element, this.#pictures, (frame?.opacity ?? 100) / 100, zoom);
    context.restore();
  }

  /** The texts in the order of reading, for those who hear the page. */
  get texts(): readonly string[] {
    const texts = this.#items.flatMap(({ element }) => (element.type === "text" && element.text?.trim() ? [element] : []));
    const line = ({ y, height }: BoardElement) => y + height / 2;
    texts.sort((one, other) => (Math.abs(line(one) - line(other)) < Math.min(one.height, other.height) / 2 ? one.x - other.x : line(one) - line(other)));
    return texts.map(({ text = "" }) => text.trim());
  }

  #labelOf(arrow: BoardElement): Box | undefined {
    const id = arrow.boundElements?.find(({ type }) => type === "text")?.id;
    const label = id === undefined ? undefined : this.#byId.get(id)?.element;
    return label === undefined || !label.text ? undefined : upright(label);
  }
}

function itemOf(raw: RawElement): Item {
  const element = plain(raw);
  return { raw, element, box: reach(element) };
}

/** Everything but the room of a label. */
function around(all: Box, { left, top, right, bottom }: Box): Path2D {
  const path = new Path2D();
  path.rect(all.left, all.top, all.right - all.left, all.bottom - all.top);
  path.rect(left - LABEL_ROOM, top - LABEL_ROOM, right - left + 2 * LABEL_ROOM, bottom - top + 2 * LABEL_ROOM);
  return path;
}
