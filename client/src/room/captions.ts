/// What is being said, typed along by the staff: the fold of the captions' events.

import { CAPTION_KEPT, type CaptionSaid, type CaptionsView, type Stamped } from "../protocol";

export type CaptionsState = CaptionsView;

/** The captions after one event. */
export function applyCaption({ lines }: CaptionsState, { seq: id, at, by, name, text }: Stamped<CaptionSaid>): CaptionsState {
  return { lines: [...lines, { id, at, by, name, text }].slice(-CAPTION_KEPT) };
}
