/// Publishes camera, microphone and screen by WHIP, and keeps them published. Free of any framework.
///
/// What always holds: all that one sends is one publication, and what is added or taken away makes a new one, which takes the old
/// one's place once it is connected; whoever wants to be on the air is, again and again, until they or the staff end it; a device
/// is let go of as soon as nothing of it is sent.

import { Emitter } from "../connection/emitter";
import type { Source } from "../protocol";
import type { Classroom } from "../room";
import { chosen, type DeviceFault, faultOf, openDevices, openScreen } from "./devices";
import { askLive, end, exchange, Refusal, restartIce, type Session } from "./exchange";
import { BEST, type Quality } from "./quality";
import { Uplink } from "./uplink";

export type PublishPhase = "off" | "connecting" | "live" | "reconnecting";

export interface PublishView {
  readonly phase: PublishPhase;
  /** Why it has ended or does not come on: a fault of a device, or the server's code. */
  readonly fault: DeviceFault | "unplugged" | "elsewhere" | "sent_off" | string | null;
  readonly message: string;
  readonly tracks: ReadonlyMap<Source, MediaStreamTrack>;
  readonly microphoneOff: boolean;
  readonly quality: Quality;
}

const ORDER: readonly Source[] = ["camera", "microphone", "screen", "screen_audio"];
const CONNECTS_WITHIN = 5_000; // ms from the answer, to an offer or to a restart: how long that takes says nothing of the network
const HEALS_WITHIN = 1_000; // ms that a connection may be cut before new ways are looked for
const LOOK = 2_000;
const FIRST_WAIT = 250;
const LONGEST_WAIT = 4_000;
const FINAL: ReadonlySet<string> = new Set(["forbidden", "class_ended", "too_many", "banned", "sdp_unacceptable", "not_found"]);

const NOTHING: PublishView = { phase: "off", fault: null, message: "", tracks: new Map(), microphoneOff: false, quality: BEST };

interface Attempt {
  readonly pc: RTCPeerConnection;
  session: Session | null;
  /** When it is given up. */
  late: ReturnType<typeof setTimeout> | undefined;
  /** New ways through the network are being asked for. */
  restarting: boolean;
}

export class Publishing {
  readonly #connection: Classroom;
  readonly #emitter = new Emitter<{ view: []; stop: [] }>();
  #current: Attempt | null = null;
  #next: Attempt | null = null;
  #tries = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #heal: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #off: (() => void)[] = [];
  /** The room has told of the newest publication. */
  #heard = false;
  #uplink = new Uplink();

  view: PublishView = NOTHING;
  readonly on = this.#emitter.on.bind(this.#emitter);

  constructor(connection: Classroom) {
    this.#connection = connection;
  }

  start(): void {
    const online = () => this.#wanted && this.#publish();
    window.addEventListener("online", online);
    this.#off = [
      this.#connection.on("event", (event, { roster }) => {
        // Perhaps another one has taken its place since, in the same moment.
        if (event.type === "stage.published" && event.stream === (this.#next ?? this.#current)?.session?.stream) this.#heard = true;
        if (event.type !== "stage.left" || !event.by_staff || !event.members.includes(this.#me)) return;
        // With the class's end all leave the stage: nobody was sent off.
        if (this.view.phase !== "off") this.#stop(roster.phase === "ended" ? null : "sent_off");
      }),
      this.#connection.on("room", () => this.#look()),
      () => window.removeEventListener("online", online),
    ];
    this.#timer = setInterval(() => void this.#measure(), LOOK);
  }

  /** Lets go of everything, for good. */
  close(): void {
    for (const off of this.#off) off();
    clearInterval(this.#timer);
    this.#stop(null);
  }

  /** Send these tracks of camera and microphone instead of those so far, and this screen where there is none yet. */
  use(devices: readonly MediaStreamTrack[], screen: readonly MediaStreamTrack[] = []): void {
    const tracks = new Map(this.view.tracks);
    tracks.delete("camera");
    tracks.delete("microphone");
    for (const track of devices) tracks.set(track.kind === "video" ? "camera" : "microphone", track);
    for (const track of screen) tracks.set(ofScreen(track), track);
    this.#send(tracks);
  }

  /** Send the camera as well, the one that was chosen last. */
  async addCamera(): Promise<void> {
    try {
      this.#add(await openDevices({ camera: chosen().camera ?? "", microphone: null }), () => "camera");
    } catch (error) {
      this.#set({ fault: faultOf(error) ?? "failed", message: "" });
    }
  }

  async shareScreen(): Promise<void> {
    try {
      if (navigator.mediaDevices?.getDisplayMedia === undefined) return this.#set({ fault: "no_screens", message: "" });
      this.#add(await openScreen(), ofScreen);
    } catch (error) {
      const fault = faultOf(error, "screen");
      if (fault !== null) this.#set({ fault, message: "" });
    }
  }

  drop(...sources: readonly Source[]): void {
    const tracks = new Map(this.view.tracks);
    for (const source of sources) tracks.delete(source);
    this.#send(tracks);
  }

  setMicrophoneOff(off: boolean): void {
    const track = this.view.tracks.get("microphone");
    if (track) track.enabled = !off;
    this.#set({ microphoneOff: off });
  }

  /** By the person's own will. */
  stop(): void {
    this.#emitter.emit("stop");
    this.#stop(null);
  }

  readonly onStop = (listener: () => void): (() => void) => this.#emitter.on("stop", listener);

  clearFault(): void {
    this.#set({ fault: null, message: "" });
  }

  get #me(): string {
    return this.#connection.room?.me.id ?? "";
  }

  get #wanted(): boolean {
    return this.view.tracks.size > 0;
  }

  /** Send as well what the browser has asked the person for; they may have ended it all meanwhile. */
  #add(opened: readonly MediaStreamTrack[], sourceOf: (track: MediaStreamTrack) => Source): void {
    if (this.#wanted) this.#send(new Map([...this.view.tracks, ...opened.map((track) => [sourceOf(track), track] as const)]));
    else for (const track of opened) track.stop();
  }

  #send(tracks: ReadonlyMap<Source, MediaStreamTrack>): void {
    for (const [source, track] of this.view.tracks) if (tracks.get(source) !== track) letGo(track);
    for (const [source, track] of tracks) {
      track.onended = () => {
        // Unplugged; or, a screen, no longer shared by the browser's own button.
        this.drop(...(source === "screen" ? (["screen", "screen_audio"] as const) : [source]));
        if (source === "camera" || source === "microphone") this.#set({ fault: "unplugged", message: "" });
      };
    }
    const microphone = tracks.get("microphone");
    if (microphone) microphone.enabled = !this.view.microphoneOff;
    this.#set({ tracks, fault: null, message: "" });
    if (tracks.size === 0) return this.#stop(null);
    this.#tries = 0;
    this.#publish();
  }

  #stop(fault: PublishView["fault"], message = ""): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#heal);
    for (const track of this.view.tracks.values()) letGo(track);
    this.#close(this.#next);
    this.#close(this.#current);
    this.#next = this.#current = null;
    this.#heard = false;
    this.#uplink = new Uplink();
    this.#set({ ...NOTHING, fault, message });
  }

  #close(attempt: Attempt | null): void {
    if (attempt === null) return;
    attempt.pc.onconnectionstatechange = null;
    attempt.pc.close();
    if (attempt.session !== null) end(this.#connection.fetch, attempt.session);
  }

  /** Make a publication of what is to be sent now. */
  #publish(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#heal);
    this.#close(this.#next);
    this.#next = null;
    this.#heard = false;
    this.#set({ phase: this.view.phase === "off" || this.view.phase === "connecting" ? "connecting" : this.#current ? this.view.phase : "reconnecting" });
    void this.#attempt();
  }

  async #attempt(): Promise<void> {
    const sources = ORDER.filter((source) => this.view.tracks.has(source));
    const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    const attempt: Attempt = { pc, session: null, late: undefined, restarting: false };
    this.#next = attempt;
    try {
      const { ice_servers: iceServers } = await askLive(this.#connection.fetch);
      if (this.#next !== attempt) return;
      if (iceServers.length > 0) pc.setConfiguration({ iceServers, bundlePolicy: "max-bundle" });
      this.#uplink.add(pc, this.view.tracks, sources);
      pc.onconnectionstatechange = () => this.#changed(attempt);
      attempt.session = await exchange(this.#connection.fetch, `/whip?sources=${sources.join()}`, pc);
      if (this.#next !== attempt && this.#current !== attempt) return this.#close(attempt);
      if (this.#next === attempt) attempt.late = setTimeout(() => this.#again(attempt), CONNECTS_WITHIN);
    } catch (error) {
      if (this.#next !== attempt) return;
      const refusal = error instanceof Refusal ? error : new Refusal("unavailable", "", true);
      if (refusal.code === "sdp_unacceptable" && this.#uplink.layered) {
        this.#uplink.layered = false;
        return this.#again(attempt);
      }
      if (!refusal.temporary && FINAL.has(refusal.code)) return this.#stop(refusal.code, refusal.message);
      if (refusal.code === "too_many") return this.#stop(refusal.code, refusal.message);
      this.#again(attempt);
    }
  }

  #changed(attempt: Attempt): void {
    const { connectionState: state } = attempt.pc;
    if (state === "connected") {
      clearTimeout(attempt.late);
      clearTimeout(this.#heal);
      if (this.#next === attempt) {
        this.#close(this.#current);
        this.#current = attempt;
        this.#next = null;
      }
      this.#tries = 0;
      this.#uplink.begin(attempt.pc, this.view.tracks);
      this.#set({ phase: "live" });
      this.#look();
    } else if (attempt === this.#current && (state === "disconnected" || state === "failed")) {
      this.#set({ phase: "reconnecting" });
      clearTimeout(this.#heal);
      this.#heal = setTimeout(() => void this.#restart(attempt), state === "failed" ? 0 : HEALS_WITHIN);
    } else if (attempt === this.#next && state === "failed") {
      clearTimeout(attempt.late);
      this.#again(attempt);
    }
  }

  /** New ways through the network for the same publication; a new publication where the server does not know it any more. */
  async #restart(attempt: Attempt): Promise<void> {
    if (attempt !== this.#current || attempt.session === null || attempt.restarting) return;
    attempt.restarting = true;
    const isWaitedFor = () => attempt === this.#current && this.#next === null;
    try {
      await restartIce(this.#connection.fetch, attempt.session, attempt.pc);
      if (!isWaitedFor() || this.view.phase !== "reconnecting") return;
      clearTimeout(this.#heal);
      this.#heal = setTimeout(() => isWaitedFor() && this.view.phase === "reconnecting" && this.#publish(), CONNECTS_WITHIN);
    } catch {
      if (isWaitedFor()) this.#publish();
    } finally {
      attempt.restarting = false;
    }
  }

  #again(attempt: Attempt): void {
    if (this.#next !== attempt) return;
    this.#close(attempt);
    this.#next = null;
    this.#tries++;
    const wait = Math.min(FIRST_WAIT * 2 ** (this.#tries - 1), LONGEST_WAIT);
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#wanted && this.#publish(), wait);
    this.#set({ phase: this.view.phase === "live" ? "reconnecting" : this.view.phase });
  }

  /** What the room says of me: that I am heard of, that it has lost me, that another device of mine has taken over. */
  #look(): void {
    const room = this.#connection.room;
    if (room === null || this.#current === null || this.#next !== null) return;
    const stream = room.stage.people.find(({ id }) => id === this.#me)?.stream ?? "";
    const mine = this.#current.session?.stream ?? "";
    if (stream === mine) this.#heard = true;
    // Until it has told of this publication it tells of the one before, or of nothing.
    if (stream === mine || !this.#heard) return;
    if (stream !== "") return this.#stop("elsewhere");
    // The media process, or the whole server, has begun anew.
    this.#close(this.#current);
    this.#current = null;
    this.#publish();
  }

  async #measure(): Promise<void> {
    const pc = this.#current?.pc;
    if (pc === undefined || this.view.phase !== "live") return;
    const quality = await this.#uplink.look(pc, this.view.tracks);
    if (quality !== null && pc === this.#current?.pc) this.#set({ quality });
  }

  #set(change: Partial<PublishView>): void {
    this.view = { ...this.view, ...change };
    this.#emitter.emit("view");
  }
}

function ofScreen(track: MediaStreamTrack): Source {
  return track.kind === "video" ? "screen" : "screen_audio";
}

function letGo(track: MediaStreamTrack): void {
  track.onended = null;
  track.stop();
}
