/// Pictures of image elements and of backgrounds, each fetched once.

import type { Background } from "../protocol";
import type { BoardElement } from "./element";

export class PictureBook {
  readonly #address: (path: string) => string;
  readonly #pictures = new Map<string, HTMLImageElement | null>();
  readonly #listeners = new Set<() => void>();

  constructor(address: (path: string) => string) {
    this.#address = address;
  }

  /** Call `listener` when another picture is at hand. */
  onArrival(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly of = (element: BoardElement): HTMLImageElement | null => (element.fileId ? this.#get(`/files/${element.fileId}`) : null);

  under({ file, page, kind }: Background): HTMLImageElement | null {
    if (file == null) return null;
    return this.#get(kind === "pdf" ? `/files/${file}/${page ?? 1}` : `/files/${file}`);
  }

  #get(path: string): HTMLImageElement | null {
    const known = this.#pictures.get(path);
    if (known !== undefined) return known;
    this.#pictures.set(path, null);
    const picture = new Image();
    picture.decoding = "async";
    picture.onload = () => {
      this.#pictures.set(path, picture);
      for (const listener of this.#listeners) listener();
    };
    // Asked for again when it is looked at the next time.
    picture.onerror = () => setTimeout(() => this.#pictures.delete(path), 3_000);
    picture.src = this.#address(path);
    return null;
  }
}
