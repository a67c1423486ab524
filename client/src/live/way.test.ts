import { describe, expect, it } from "vitest";
import { type Course, type News, OFF, step } from "./way";

function after(...news: readonly News[]): Course {
  return news.reduce<Course>((course, each) => step(course, each).course, OFF);
}

const live: News = { type: "live" };
const playing: News = { type: "playing" };
const lost: News = { type: "lost" };
const crowded: News = { type: "refused", code: "take_hls" };

describe("which way is taken", () => {
  it("begins with WebRTC once something is live, and not before", () => {
    expect(step(OFF, playing)).toMatchObject({ course: OFF, then: "stay" });
    expect(step(OFF, live)).toMatchObject({ course: { way: "webrtc", phase: "connecting" }, then: "restart" });
  });

  it.each<[string, News]>([
    ["is told take_hls", crowded],
    ["hears beforehand that no place is left", { type: "places", webrtc: false }],
  ])("goes to LL-HLS at once when it %s, and says why", (_, news) => {
    expect(step(after(live), news)).toMatchObject({ course: { way: "hls", phase: "connecting", why: "crowded" }, then: "restart", wait: 0 });
  });

  it("stays where it is when there are places", () => {
    expect(step(after(live), { type: "places", webrtc: true }).then).toBe("stay");
  });

  it("remembers that it was crowded over the end of a publication", () => {
    expect(after(live, crowded, playing, { type: "over" }, live).way).toBe("hls");
  });

  it("watches by WebRTC from the stage, crowded or not", () => {
    const there = step(after(live, crowded, playing), { type: "performing", on: true });
    expect(there).toMatchObject({ course: { way: "webrtc", phase: "reconnecting" }, then: "restart" });
    expect(step(there.course, { type: "places", webrtc: false }).then).toBe("stay");
    expect(step(step(there.course, lost).course, lost).course.way).toBe("webrtc");
  });
});

describe("what follows from a failure", () => {
  it("takes LL-HLS at once where WebRTC never connected", () => {
    expect(step(after(live), lost)).toMatchObject({ course: { way: "hls", why: "unreachable" }, then: "restart" });
  });

  it("tries WebRTC again where it had played, longer apart each time, and then takes LL-HLS", () => {
    const first = step(after(live, playing), lost);
    const second = step(first.course, lost);
    const third = step(second.course, lost);
    expect([first.then, second.then, third.then]).toEqual(["reopen", "reopen", "restart"]);
    expect(first.course).toMatchObject({ way: "webrtc", phase: "reconnecting", why: "lost" });
    expect(second.wait).toBeGreaterThan(first.wait);
    expect(third.course.way).toBe("hls");
  });

  it("counts failures from the last time it played", () => {
    expect(step(after(live, playing, lost, lost, playing), lost).then).toBe("reopen");
  });

  it("waits for a publisher who is about to come without leaving WebRTC", () => {
    let course = after(live);
    for (let each = 0; each < 20; each++) {
      const next = step(course, { type: "refused", code: "not_live" });
      expect(next.then).toBe("reopen");
      expect(next.wait).toBeLessThanOrEqual(4_000);
      course = next.course;
    }
    expect(course).toMatchObject({ way: "webrtc", phase: "failed", why: "starting" });
    expect(step(course, playing).course).toMatchObject({ phase: "playing", why: null, tries: 0 });
  });

  it("takes WebRTC when LL-HLS keeps failing, and in the end says that it has failed, but goes on", () => {
    let course = after(live, crowded);
    const ways = new Set<string>();
    for (let each = 0; each < 20; each++) {
      const next = step(course, lost);
      expect(next.then).not.toBe("stay");
      course = next.course;
      ways.add(course.way);
    }
    expect(ways).toEqual(new Set(["hls", "webrtc"]));
    expect(course.phase).toBe("failed");
  });

  it("does not take refusals while the media server is away for a network that lets nothing through", () => {
    const away: News = { type: "refused", code: "unavailable" };
    const course = after(live, playing, lost, away, away, away, away);
    expect(course).toMatchObject({ way: "webrtc", phase: "reconnecting", why: "unavailable" });
    expect(step(course, lost).then).toBe("reopen");
  });

  it("goes back to WebRTC with the next publication where it had played before, and nowhere else", () => {
    const renewed: News = { type: "renewed" };
    expect(step(after(live, playing, lost, lost, lost), renewed)).toMatchObject({ course: { way: "webrtc" }, then: "restart" });
    expect(step(after(live, lost, playing), renewed).then).toBe("stay");
    expect(step(after(live, playing, crowded, playing), renewed).then).toBe("stay");
  });

  it("does nothing any more once it is over", () => {
    const over = after(live, playing, { type: "over" });
    for (const news of [lost, crowded, playing, { type: "behind" }, { type: "again" }] satisfies News[]) {
      expect(step(over, news)).toMatchObject({ course: { phase: "off" }, then: "stay" });
    }
  });

  it("shows that it is behind, and that it is not any more", () => {
    expect(after(live, playing, { type: "behind" }).phase).toBe("behind");
    expect(after(live, playing, { type: "behind" }, playing).phase).toBe("playing");
  });

  it("does not go on to say that it connects once it plays, however far behind", () => {
    expect(after(live, crowded, lost, { type: "behind" })).toMatchObject({ way: "hls", phase: "behind", why: null, failures: 0 });
  });

  it("begins anew when asked to", () => {
    expect(step(after(live, lost, lost, lost), { type: "again" })).toMatchObject({ course: { way: "webrtc", tries: 0 }, then: "restart" });
  });
});
