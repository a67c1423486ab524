/// How the class is watched: by WebRTC or by LL-HLS, and what follows from what goes wrong. Pure: no clock, no network.
///
/// What always holds: the server's word comes first (`take_hls`, no place left); a way that fails is tried again, a way that
/// keeps failing is left for the other, without anybody being asked; who is on stage watches by WebRTC, since by LL-HLS they
/// would hear themselves seconds later. Being told that it is crowded is remembered until LL-HLS fails, so that a crowd does not
/// knock at WebRTC with each new publication.

export type Way = "webrtc" | "hls";

/** `behind`: it plays, but far from now. `failed`: it goes on being tried, but nobody should wait for it without knowing. */
export type WatchPhase = "off" | "connecting" | "playing" | "behind" | "reconnecting" | "failed";

export type Why = "crowded" | "unreachable" | "lost" | "unavailable" | "starting";

export interface Course {
  readonly way: Way;
  readonly phase: WatchPhase;
  readonly why: Why | null;
  /** How often this way was lost since it last played. */
  readonly tries: number;
  /** Losses and refusals in either way since anything played. */
  readonly failures: number;
  /** Whether this way has ever played since it was taken. */
  readonly played: boolean;
  readonly crowded: boolean;
  /** WebRTC has played here: the network lets it through. */
  readonly reachable: boolean;
  readonly performing: boolean;
}

export type News =
  | { readonly type: "live" }
  | { readonly type: "over" }
  | { readonly type: "performing"; readonly on: boolean }
  /** What `GET live` says: whether there is a place by WebRTC. */
  | { readonly type: "places"; readonly webrtc: boolean }
  /** An offer, or a playlist, was refused. */
  | { readonly type: "refused"; readonly code: string }
  | { readonly type: "playing" }
  | { readonly type: "behind" }
  /** It does not connect in time, nothing comes any more, or the player gives up. */
  | { readonly type: "lost" }
  /** Somebody's publication has begun. */
  | { readonly type: "renewed" }
  /** Try anew from the beginning: the viewer asks for it, or the device has a network again. */
  | { readonly type: "again" };

/** `stay`: nothing to do. `reopen`: what the news is about, after `wait` ms. `restart`: close everything and open `way`. */
export interface Step {
  readonly course: Course;
  readonly then: "stay" | "reopen" | "restart";
  readonly wait: number;
}

export const OFF: Course = { way: "webrtc", phase: "off", why: null, tries: 0, failures: 0, played: false, crowded: false, reachable: false, performing: false };

const FIRST_WAIT = 250; // ms
const LONGEST_WAIT = 4_000;
const WEBRTC_TRIES = 2; // after it has played
const HLS_TRIES = 4;
const SHOWN_AS_FAILED = 8;

export function step(course: Course, news: News): Step {
  switch (news.type) {
    case "live":
      return course.phase === "off" ? taken(course, firstWay(course)) : stay(course);
    case "over":
      return { course: { ...course, phase: "off", why: null, tries: 0, failures: 0, played: false }, then: "restart", wait: 0 };
    case "performing": {
      const next = { ...course, performing: news.on };
      return news.on && course.way === "hls" && course.phase !== "off" ? taken(next, "webrtc") : stay(next);
    }
    case "places":
      if (news.webrtc || course.way === "hls" || course.performing || course.phase === "off") return stay(course);
      return taken({ ...course, crowded: true }, "hls", "crowded");
    case "refused":
      return course.phase === "off" ? stay(course) : refused(course, news.code);
    case "playing":
      if (course.phase === "off") return stay(course);
      return stay({ ...course, phase: "playing", why: null, tries: 0, failures: 0, played: true, reachable: course.reachable || course.way === "webrtc" });
    case "behind":
      return course.phase === "off" || course.phase === "behind" ? stay(course) : stay({ ...course, phase: "behind", why: null, tries: 0, failures: 0, played: true });
    case "lost":
      return course.phase === "off" ? stay(course) : failed(course, course.played ? "lost" : "unreachable");
    case "renewed":
      // It had failed because the publisher's side did.
      return course.phase !== "off" && course.way === "hls" && course.reachable && !course.crowded ? taken(course, "webrtc") : stay(course);
    case "again":
      return course.phase === "off" ? stay(course) : taken({ ...course, failures: 0 }, firstWay(course));
  }
}

function firstWay({ crowded, performing }: Course): Way {
  return crowded && !performing ? "hls" : "webrtc";
}

function taken(course: Course, way: Way, why: Why | null = null): Step {
  return { course: { ...course, way, phase: phaseOf(course), why, tries: 0, played: false }, then: "restart", wait: 0 };
}

function phaseOf({ phase, failures }: Course): WatchPhase {
  if (failures >= SHOWN_AS_FAILED) return "failed";
  return phase === "off" || phase === "connecting" ? "connecting" : "reconnecting";
}

function stay(course: Course): Step {
  return { course, then: "stay", wait: 0 };
}

function refused(course: Course, code: string): Step {
  if (code === "take_hls") {
    return course.way === "hls" ? stay(course) : taken({ ...course, crowded: true }, "hls", "crowded");
  }
  // The publisher is about to come (or to come back): that is no fault of this way.
  if (code === "not_live") return again(course, "starting");
  if (code === "sdp_unacceptable" && course.way === "webrtc" && !course.performing) return taken(course, "hls", "unreachable");
  return again(course, "unavailable");
}

function failed(course: Course, why: Why): Step {
  const next = { ...course, failures: course.failures + 1 };
  const tries = course.tries + 1;
  if (course.way === "webrtc" && !course.performing && tries > (course.played ? WEBRTC_TRIES : 0)) return taken(next, "hls", why);
  if (course.way === "hls" && tries > HLS_TRIES) return taken({ ...next, crowded: false }, "webrtc", why);
  return again({ ...course, tries }, why);
}

function again(course: Course, why: Why): Step {
  const next = { ...course, why, failures: course.failures + 1 };
  return { course: { ...next, phase: phaseOf(next) }, then: "reopen", wait: Math.min(FIRST_WAIT * 2 ** course.failures, LONGEST_WAIT) };
}
