/// In place of the package that makes the editor's ids: they count on, so that the next one is told in a byte.
///
/// What always holds: an id is of 21 letters, the first 17 of which are drawn at random when the page is opened; nobody else has
/// them.

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const COUNTED = 4; // letters at the end
const begun = Array.from(crypto.getRandomValues(new Uint8Array(21 - COUNTED)), (byte) => LETTERS[byte & 63]).join("");
let count = 0;

export function nanoid(): string {
  count += 1;
  let end = "";
  for (let place = 0; place < COUNTED; place += 1) end = (LETTERS[Math.floor(count / 64 ** place) % 64] as string) + end;
  return begun + end;
}
