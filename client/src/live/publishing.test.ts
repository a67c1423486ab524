// @vitest-environment happy-dom
/// Why one is not on stage any more, and that no device is left open.

import { afterEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../connection/emitter";
import type { News } from "../connection/connection";
import type { Stamped } from "../protocol";
import type { Classroom } from "../room";
import { fromWelcome } from "../room/state";
import { ASHA, EMPTY_VIEW, welcomeTo } from "../testing/rooms";
import { Publishing } from "./publishing";

let publishing: Publishing;

afterEach(() => {
  publishing.close();
  vi.unstubAllGlobals();
});

function leaves(phase: "live" | "ended") {
  const news = new Emitter<News>();
  const room = fromWelcome(welcomeTo(ASHA, { state: { ...EMPTY_VIEW, roster: { ...EMPTY_VIEW.roster, phase } } }));
  publishing = new Publishing({ room, on: news.on.bind(news) } as unknown as Classroom);
  publishing.start();
  publishing.view = { ...publishing.view, phase: "live" };
  const event: Stamped = { type: "stage.left", members: [ASHA.id], by_staff: true, seq: 1, at: 1 };
  news.emit("event", event, room, room);
  return publishing.view;
}

it("who is sent off by the staff is told so", () => {
  expect(leaves("live")).toMatchObject({ phase: "off", fault: "sent_off" });
});

it("who leaves with everybody, as the class ends, was not sent off", () => {
  expect(leaves("ended")).toMatchObject({ phase: "off", fault: null });
});

describe("a device that the browser asks for", () => {
  class Track {
    open = true;
    constructor(readonly kind: "audio" | "video") {}
    readonly stop = () => void (this.open = false);
  }

  const allowed: (() => Track)[] = [];

  /** On the air with sound, where nothing is answered; each camera opens when the person allows it. */
  function onAir(): Track {
    allowed.length = 0;
    const getUserMedia = () =>
      new Promise((open) => {
        allowed.push(() => {
          const camera = new Track("video");
          open({ getVideoTracks: () => [camera], getTracks: () => [camera] });
          return camera;
        });
      });
    vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
    vi.stubGlobal("RTCPeerConnection", class { readonly close = () => undefined; });
    const microphone = new Track("audio");
    publishing = new Publishing({ room: null, on: () => () => undefined, fetch: () => new Promise(() => undefined) } as unknown as Classroom);
    publishing.use([microphone as unknown as MediaStreamTrack]);
    return microphone;
  }

  it("is let go of where another one took its place", async () => {
    const microphone = onAir();
    const added = [publishing.addCamera(), publishing.addCamera()];
    const [first, second] = allowed.map((allow) => allow());
    await Promise.all(added);
    expect(publishing.view.tracks.get("camera")).toBe(second);
    expect([first?.open, second?.open, microphone.open]).toEqual([false, true, true]);
  });

  it("brings nobody back on the air who has ended it before", async () => {
    onAir();
    const added = publishing.addCamera();
    publishing.stop();
    const [camera] = allowed.map((allow) => allow());
    await added;
    expect(publishing.view).toMatchObject({ phase: "off", tracks: new Map() });
    expect(camera?.open).toBe(false);
  });
});
