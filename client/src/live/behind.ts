/// What a player by hls.js still keeps of what it has shown, and when it lets go of it. Pure: no clock, no player.
///
/// What always holds: nothing is let go of while a part is on its way into the buffer. hls.js (1.7.4) would forget the parts of the same
/// segment that came before it, look for them at the segment's end, and load nothing more for as long as the playlist lists them. By
/// itself (`backBufferLength`) it lets go whenever a segment begins to be shown, whatever is on its way then.

const KEPT = 30; // seconds
const MOST = 60;

/** A part of a segment: its last one where that is loaded as a whole. */
interface Place {
  readonly segment: number;
  readonly part: number;
}

export class Behind {
  readonly #coming = new Map<string, Place>();

  /** Something of this type (pictures, sound) is asked for; `part` null: a whole segment. */
  asked(type: string, segment: number, part: number | null): void {
    this.#coming.set(type, { segment, part: part ?? 0 });
  }

  /** It is in the buffer; of parts that came one after another only the last is told of. */
  came(type: string, segment: number, part: number | null): void {
    const coming = this.#coming.get(type);
    // The next one may have been asked for by now.
    if (coming !== undefined && (coming.segment > segment || (coming.segment === segment && coming.part > (part ?? coming.part)))) return;
    this.#coming.delete(type);
  }

  /** Up to where the buffer, which begins at `start`, is to be emptied while `now` is shown (s); null: not now. */
  end(start: number, now: number): number | null {
    return this.#coming.size === 0 && now - start > MOST ? now - KEPT : null;
  }
}
