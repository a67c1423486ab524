// @vitest-environment happy-dom
/// Why one is not on stage any more, whose publication it is that the room tells of, and that no device is left open.

import { afterEach, describe, expect, it, vi } from "vitest";
import { Emitter } from "../connection/emitter";
import type { News } from "../connection/connection";
import type { RoomEvent, Stamped } from "../protocol";
import type { Classroom } from "../room";
import { applyEvents, fromWelcome, type RoomState } from "../room/state";
import { ASHA, EMPTY_VIEW, stamped, TEACHER, welcomeTo } from "../testing/rooms";
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

/** A connection that comes up when it is told to. */
class Peer {
  static made: Peer[] = [];
  readonly localDescription = { sdp: "v=0" };
  connectionState = "new";
  signalingState = "stable";
  onconnectionstatechange: (() => void) | null = null;
  constructor() {
    Peer.made.push(this);
  }
  readonly addTransceiver = () => undefined;
  readonly createOffer = async () => ({});
  readonly setLocalDescription = async () => undefined;
  readonly setRemoteDescription = async () => undefined;
  readonly getSenders = () => [];
  close(): void {
    this.signalingState = "closed";
  }
  connect(): void {
    this.connectionState = "connected";
    this.onconnectionstatechange?.();
  }
}

/** A teacher who goes on the air from this device; publications are named "mine 1", "mine 2" by the server. */
function teaches() {
  Peer.made = [];
  vi.stubGlobal("RTCPeerConnection", Peer);
  vi.stubGlobal("MediaStream", class {});
  const news = new Emitter<News>();
  let offers = 0;
  const fetch = async (path: string, init?: RequestInit): Promise<Response> => {
    if (path === "/live") return Response.json({ hls: null, webrtc: true, ice_servers: [] });
    if (init?.method !== "POST") return new Response();
    offers++;
    return new Response("v=0", { status: 201, headers: { Location: `/whip/${offers}`, "Classroom-Stream": `mine ${offers}` } });
  };
  const classroom: { room: RoomState } = { room: fromWelcome(welcomeTo(TEACHER)) };
  publishing = new Publishing(Object.assign(classroom, { on: news.on.bind(news), fetch }) as unknown as Classroom);
  publishing.start();
  const tell = (...told: RoomEvent[]): void => {
    const before = classroom.room;
    const events = stamped(before.seq + 1, ...told);
    classroom.room = applyEvents(before, events);
    news.emit("room");
    for (const event of events) news.emit("event", event, classroom.room, before);
  };
  const send = async (count: number): Promise<void> => {
    publishing.use([{ kind: "audio", enabled: true, stop: () => undefined } as unknown as MediaStreamTrack]);
    await vi.waitFor(() => expect(offers).toBe(count));
    await new Promise((go) => setTimeout(go));
    Peer.made.at(-1)?.connect();
  };
  return { tell, send };
}

const on = (stream: string): RoomEvent => ({ type: "stage.published", member: TEACHER.id, name: TEACHER.name, role: "instructor", stream, sources: ["microphone"] });

it("who goes live while another device of theirs is, takes its place and keeps it", async () => {
  const { tell, send } = teaches();
  tell(on("of the other device"));
  await send(1);
  tell(on("mine 1"));
  expect(publishing.view).toMatchObject({ phase: "live", fault: null });
});

it("who changes what they send before the room has told of it is not taken for another device", async () => {
  const { tell, send } = teaches();
  await send(1);
  await send(2);
  tell(on("mine 1"));
  tell(on("mine 2"));
  expect(publishing.view).toMatchObject({ phase: "live", fault: null });
});

it.each([
  ["one after the other", false],
  ["at once", true],
])("another device takes the place, also where the room tells of both %s", async (_, together) => {
  const { tell, send } = teaches();
  await send(1);
  if (together) tell(on("mine 1"), on("of the other device"));
  else for (const each of [on("mine 1"), on("of the other device")]) tell(each);
  // What is heard next.
  tell({ type: "stage.limited", most: 3 });
  expect(publishing.view).toMatchObject({ phase: "off", fault: "elsewhere" });
});

it("whom the room has lost publishes anew", async () => {
  const { tell, send } = teaches();
  await send(1);
  tell(on("mine 1"));
  tell({ type: "stage.unpublished", member: TEACHER.id });
  await vi.waitFor(() => expect(Peer.made).toHaveLength(2));
  expect(publishing.view.fault).toBeNull();
});
