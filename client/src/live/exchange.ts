/// Offers for answers over HTTP: WHIP (RFC 9725) to publish, WHEP to watch.

import type { Source } from "../protocol";

const ANSWERS_WITHIN = 20_000; // ms: a media process that has just begun on a busy machine takes seconds

export type Fetch = (path: string, init?: RequestInit) => Promise<Response>;

/** The server's refusal; `code` is "unavailable" where there was no answer at all. */
export class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly temporary: boolean,
  ) {
    super(message);
  }
}

export interface Live {
  /** Where LL-HLS begins; null: there is nothing. */
  readonly hls: string | null;
  readonly webrtc: boolean;
  readonly ice_servers: RTCIceServer[];
}

export async function askLive(fetch: Fetch): Promise<Live> {
  return JSON.parse((await ask(fetch, "/live")).body) as Live;
}

/** A session that the server keeps for a connection. */
export interface Session {
  readonly path: string;
  /** What the room knows a publication by; "" for what is watched. */
  readonly stream: string;
  /** What each section of the answer is, by its `mid`: for a publication that is watched. */
  readonly sources: ReadonlyMap<string, Source>;
}

/** Send `pc`'s offer to `path` and take the answer. Rejects with a `Refusal`. */
export async function exchange(fetch: Fetch, path: string, pc: RTCPeerConnection): Promise<Session> {
  await pc.setLocalDescription(await pc.createOffer());
  const body = pc.localDescription?.sdp ?? "";
  const { headers, body: sdp } = await ask(fetch, path, { method: "POST", body, headers: { "Content-Type": "application/sdp" } });
  const id = headers.get("Location")?.split("/").pop() ?? "";
  const session = { path: `${path.split("?")[0]}/${id}`, stream: headers.get("Classroom-Stream") ?? "", sources: sourcesOf(sdp) };
  try {
    if (pc.signalingState === "closed") throw new Refusal("stopped", "", false);
    await pc.setRemoteDescription({ type: "answer", sdp });
  } catch (error) {
    end(fetch, session);
    throw error;
  }
  return session;
}

/** Ask for new ways through the network, with the connection as it is (an ICE restart). Rejects with a `Refusal`. */
export async function restartIce(fetch: Fetch, session: Session, pc: RTCPeerConnection): Promise<void> {
  const offer = await pc.createOffer({ iceRestart: true });
  await pc.setLocalDescription(offer);
  const body = `${line(offer.sdp, "ice-ufrag")}\r\n${line(offer.sdp, "ice-pwd")}\r\n`;
  const headers = { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" };
  const { body: told } = await ask(fetch, session.path, { method: "PATCH", body, headers });
  const before = pc.remoteDescription?.sdp ?? "";
  await pc.setRemoteDescription({ type: "answer", sdp: withCredentials(before, told) });
}

/** The session is over; whether the server hears of it does not matter, it notices by itself. */
export function end(fetch: Fetch, session: Session): void {
  void fetch(session.path, { method: "DELETE", keepalive: true }).catch(() => undefined);
}

/** An answer with the ICE credentials of a fragment (RFC 8840). */
export function withCredentials(sdp: string, fragment: string): string {
  return sdp
    .replace(/a=ice-ufrag:.*/g, line(fragment, "ice-ufrag"))
    .replace(/a=ice-pwd:.*/g, line(fragment, "ice-pwd"));
}

/** What an answer's sections are: the name of a section's track is its source. */
export function sourcesOf(sdp: string): ReadonlyMap<string, Source> {
  const found = new Map<string, Source>();
  for (const section of sdp.split(/^m=/m).slice(1)) {
    const mid = /^a=mid:(\S+)/m.exec(section)?.[1];
    const source = /^a=msid:\S+ (\S+)/m.exec(section)?.[1];
    if (mid !== undefined && source !== undefined) found.set(mid, source as Source);
  }
  return found;
}

function line(sdp: string | undefined, name: string): string {
  return new RegExp(`a=${name}:.*`).exec(sdp ?? "")?.[0].trim() ?? "";
}

/** The whole answer, where there is one in time. */
async function ask(fetch: Fetch, path: string, init: RequestInit = {}): Promise<{ headers: Headers; body: string }> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), ANSWERS_WITHIN);
  let response: Response;
  let body: string;
  try {
    response = await fetch(path, { ...init, signal: deadline.signal });
    body = await response.text();
  } catch {
    throw new Refusal("unavailable", "", true);
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return { headers: response.headers, body };
  const told = problem(body);
  throw new Refusal(told.code ?? "unavailable", told.message ?? "", told.temporary ?? response.status >= 500);
}

function problem(body: string): { code?: string; message?: string; temporary?: boolean } {
  try {
    return JSON.parse(body) ?? {};
  } catch {
    return {}; // not this server's, but something's in between
  }
}
