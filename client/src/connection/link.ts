/// One attempt at a connection: a Socket.IO socket from its first packet to its end. It never comes back by itself.
///
/// What always holds: exactly one `down` is told, as the last thing, unless the link was closed from here.

import { io, type Socket } from "socket.io-client";
import type { Ack, Bye, Hello, Resumed, SignalIn, SignalOut, Stamped, Waiting, Welcome } from "../protocol";
import { Shorthand } from "../whiteboard/shorthand";
import * as parser from "./parser";

export interface LinkListener {
  welcome(welcome: Welcome): void;
  waiting(waiting: Waiting): void;
  resumed(resumed: Resumed): void;
  events(events: readonly Stamped[]): void;
  signals(signals: readonly SignalOut[]): void;
  heard(): void;
  /** The server's own word, where it gave one; `unreachable`: never got through; `cut`: was connected. */
  down(reason: Bye): void;
}

const PATH = "/socket.io/msgpack/";
const PING_INTERVAL = 25_000; // ms; until the server's handshake tells
const LATER = 2 ** 31; // a number that takes as many bytes as that of any command

export class Link {
  readonly #socket: Socket;
  readonly #listener: LinkListener;
  readonly #timeout: number;
  readonly #shorthand = new Shorthand();
  #deadline: ReturnType<typeof setTimeout>;
  #bye: Bye | null = null;
  /** The bytes of a frame that the server takes. */
  #frameBytes = Number.POSITIVE_INFINITY;
  #connected = false;
  #over = false;

  /** Whether the server has let us in and told the state. */
  up = false;
  /** When the last packet came (ms, `performance.now()`). */
  heardAt = performance.now();
  /** The server's ping interval (ms): it is never silent for longer. */
  pingInterval = PING_INTERVAL;

  constructor(url: string | undefined, hello: () => Hello, timeout: number, listener: LinkListener) {
    this.#listener = listener;
    this.#timeout = timeout;
    const options = {
      path: PATH,
      parser,
      transports: ["websocket"],
      forceNew: true,
      reconnection: false,
      timeout,
      query: { room: hello().room }, // a small class is gathered in one of the server's workers
      auth: (give: (hello: Hello) => void) => give({ ...hello(), shorthand: true }),
    };
    this.#socket = url === undefined ? io(options) : io(url, options);
    this.#deadline = setTimeout(() => this.#end({ code: "unreachable", message: "" }), timeout);
    this.#watchEngine();
    this.#socket
      .on("connect", () => (this.#connected = true))
      .on("connect_error", (error) => this.#end(refusalOf(error) ?? { code: "unreachable", message: "" }))
      .on("disconnect", () => this.#end({ code: "cut", message: "" }))
      .on("bye", (bye: Bye) => (this.#bye = bye))
      .on("lobby", (waiting: Waiting) => this.#tell(() => (this.#wait(waiting), listener.waiting(waiting))))
      .on("welcome", (welcome: Welcome) => this.#tell(() => (this.#enter(), listener.welcome(welcome))))
      .on("resumed", (resumed: Resumed) => this.#tell(() => (this.#enter(), listener.resumed(resumed))))
      .on("events", (events: Stamped[]) => this.#tell(() => (this.#shorthand.events(events), listener.events(events))))
      .on("signals", (signals: SignalOut[]) => this.#tell(() => (this.#shorthand.signals(signals), listener.signals(signals))))
      .on("shorthand", (frame: Uint8Array) => this.#tell(() => this.#read(frame)));
  }

  /** Whether a command is short enough to be sent: a frame that is longer than the server takes ends the connection. */
  fits(payload: object): boolean {
    const packet = { type: parser.PacketType.EVENT, nsp: "/", data: ["command", payload], id: LATER };
    const [frame] = new parser.Encoder().encode(packet) as unknown as [ArrayBuffer];
    return frame.byteLength <= this.#frameBytes;
  }

  /** Send a command; `answered` is called at most once. Only when `up`. */
  command(payload: object, answered: (ack: Ack) => void): void {
    this.#socket.emit("command", payload, (ack: Ack) => this.#tell(() => answered(ack)));
  }

  /** Not `volatile`: that would let go of what is sent in the same turn as something else, and a stroke's first ink comes with the
   * pointer that it begins at. What is sent on a connection that breaks is gone either way. */
  signal(signal: SignalIn): void {
    if (this.up) this.#socket.emit("signal", signal);
  }

  /** End it, telling nothing. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.up = false;
    clearTimeout(this.#deadline);
    this.#socket.disconnect();
  }

  /** End it as if it had been cut. */
  cut(code: string): void {
    this.#end({ code, message: "" });
  }

  /** In line: the server lets us in when it is our turn, which may take longer than a connection does. */
  #wait({ estimate }: Waiting): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#end({ code: "unreachable", message: "" }), 3 * estimate + this.#timeout);
  }

  /** Where something has been missed, all is begun anew: the server then brings what is missing. */
  #read(frame: Uint8Array): void {
    let said: ReturnType<Shorthand["read"]>;
    try {
      said = this.#shorthand.read(frame);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return this.cut("cut");
    }
    if ("signal" in said) this.#listener.signals([said.signal]);
    else this.#listener.events([said.event]);
  }

  #enter(): void {
    this.up = true;
    this.#shorthand.clear();
    clearTimeout(this.#deadline);
  }

  #tell(news: () => void): void {
    if (!this.#over) news();
  }

  #watchEngine(): void {
    const { engine } = this.#socket.io;
    engine.on("handshake", (data: { pingInterval: number; maxPayload?: number }) => {
      this.pingInterval = data.pingInterval;
      this.#frameBytes = data.maxPayload ?? this.#frameBytes;
    });
    engine.on("packet", () => {
      this.heardAt = performance.now();
      this.#tell(() => this.#listener.heard());
    });
  }

  #end(otherwise: Bye): void {
    if (this.#over) return;
    const unsaid = otherwise.code === "cut" && !this.#connected ? { ...otherwise, code: "unreachable" } : otherwise;
    const reason = this.#bye ?? { ...unsaid, temporary: unsaid.temporary ?? true };
    this.close();
    this.#listener.down(reason);
  }
}

/** What the server said when it refused the connection; null where it was not the server who spoke. */
function refusalOf(error: Error & { data?: Partial<Bye> }): Bye | null {
  const { data } = error;
  if (typeof data?.code !== "string") return null;
  // `temporary` is left out on the wire when it is false.
  return { ...data, code: data.code, message: data.message ?? error.message, temporary: data.temporary ?? false };
}
