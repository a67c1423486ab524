/// With what a room is entered: the token of a link, or a name.
///
/// What always holds: a token is in the address bar only until the page has read it, and is kept for this tab alone. What
/// somebody calls themselves is kept on the device for the next class; what this class calls them, which the staff may have
/// chosen, for this tab so that a reload does not ask again.

import { recall, remember } from "../app/memory";

export type Credentials = { readonly token: string } | { readonly name: string };

const tab = (): Storage => sessionStorage;

/** Take the token out of the address bar. Whether one was there. */
export function takeToken(room: string): boolean {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return false;
  remember(`token.${room}`, token, tab);
  remember(`name.${room}`, null, tab);
  history.replaceState(history.state, "", location.pathname + location.search);
  return true;
}

/** What this tab entered the room with before. */
export function keptCredentials(room: string): Credentials | null {
  const token = recall(`token.${room}`, tab);
  if (token) return { token };
  const name = recall(`name.${room}`, tab);
  return name ? { name } : null;
}

export function keepName(room: string, name: string): void {
  remember(`name.${room}`, name, tab);
}

export function keepOwnName(name: string): void {
  remember("name", name);
}

export function lastName(): string {
  return recall("name") ?? "";
}

/** Leave: the next visit asks for a name again. A token stays, for coming back. */
export function forgetName(room: string): void {
  remember(`name.${room}`, null, tab);
}

export function forgetToken(room: string): void {
  remember(`token.${room}`, null, tab);
}
