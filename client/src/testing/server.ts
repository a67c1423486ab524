/// A small real Socket.IO server that speaks the room's protocol, and does to a connection what networks do.

import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server, type Socket } from "socket.io";
import * as parser from "socket.io-msgpack-parser";
import type { Ack, Hello, RoomEvent, SignalIn, Stamped } from "../protocol";
import { ASHA, stamped, welcomeTo } from "./rooms";

type Answer = (ack: Ack) => void;
export type Received = { readonly cid: string; readonly type: string; readonly text?: string };

export class TestServer {
  readonly hellos: Hello[] = [];
  /** Every command that arrived, repeats too. */
  readonly received: Received[] = [];
  readonly signals: SignalIn[] = [];
  /** The log: what was applied, each `cid` once. */
  readonly log: Stamped[] = [];
  /** What to do with a command; missing: apply it and acknowledge. */
  onCommand: ((command: Received, answer: Answer, socket: Socket) => void) | null = null;
  /** What to do with a newcomer; missing: welcome or resume. */
  onHello: ((hello: Hello, socket: Socket) => void) | null = null;
  /** A refusal of the connection, told as CONNECT_ERROR's `data`. */
  refusal: Record<string, unknown> | null = null;
  me = ASHA;
  epoch = "e1";

  readonly #places = new Map<string, number>();
  readonly #pingInterval: number;
  readonly #frameBytes: number;
  #http: HttpServer | null = null;
  #io: Server | null = null;
  #port = 0;

  constructor({ pingInterval = 25_000, frameBytes = 65_536 } = {}) {
    this.#pingInterval = pingInterval;
    this.#frameBytes = frameBytes;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get sockets(): Socket[] {
    return [...(this.#io?.sockets.sockets.values() ?? [])];
  }

  /** Listen; after `stop()` on the same port as before. */
  async start(): Promise<this> {
    const http = createServer();
    this.#http = http;
    this.#io = new Server(http, {
      path: "/socket.io/msgpack/",
      parser,
      transports: ["websocket"],
      pingInterval: this.#pingInterval,
      maxHttpBufferSize: this.#frameBytes,
      pingTimeout: 20_000,
    });
    this.#io.use((_, next) => next(this.refusal === null ? undefined : Object.assign(new Error("refused"), { data: this.refusal })));
    this.#io.on("connection", (socket) => this.#connected(socket));
    await new Promise<void>((ready) => http.listen(this.#port, "127.0.0.1", ready));
    this.#port = (http.address() as AddressInfo).port;
    return this;
  }

  async stop(): Promise<void> {
    this.cut();
    await this.#io?.close();
    this.#http?.closeAllConnections();
    this.#io = this.#http = null;
  }

  /** End every connection as a network does: without a word. */
  cut(): void {
    for (const socket of this.sockets) this.cutOne(socket);
  }

  cutOne(socket: Socket): void {
    (socket.conn.transport as unknown as { socket: { terminate(): void } }).socket.terminate();
  }

  say(event: RoomEvent): void {
    this.#io?.emit("events", [this.append(event)]);
  }

  append(event: RoomEvent): Stamped {
    const [placed] = stamped(this.log.length + 1, event);
    this.log.push(placed as Stamped);
    return placed as Stamped;
  }

  /** Apply a command, once per `cid`; the acknowledgement. */
  apply({ cid, text = "" }: Received): Ack {
    const known = this.#places.get(cid);
    if (known !== undefined) return { ok: true, seq: known };
    this.say({ type: "chat.said", by: this.me.id, name: this.me.name, role: this.me.role, text });
    this.#places.set(cid, this.log.length);
    return { ok: true, seq: this.log.length };
  }

  enter(hello: Hello, socket: Socket): void {
    if (hello.since != null && hello.epoch === this.epoch) {
      socket.emit("resumed", { seq: this.log.length, now: 2_000_000, events: this.log.slice(hello.since) });
    } else {
      socket.emit("welcome", welcomeTo(this.me, { epoch: this.epoch, seq: this.log.length, now: Date.now() + 60_000 }));
    }
  }

  #connected(socket: Socket): void {
    const hello = socket.handshake.auth as unknown as Hello;
    this.hellos.push(hello);
    socket.on("signal", (signal: SignalIn) => this.signals.push(signal));
    socket.on("command", (command: Received, answer: Answer) => {
      this.received.push(command);
      if (this.onCommand === null) answer(this.apply(command));
      else this.onCommand(command, answer, socket);
    });
    if (this.onHello === null) this.enter(hello, socket);
    else this.onHello(hello, socket);
  }
}
