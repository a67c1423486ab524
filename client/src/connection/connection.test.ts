/// Against a real Socket.IO server, over real sockets.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memory } from "../testing/memory";
import { said } from "../testing/rooms";
import { TestServer } from "../testing/server";
import { ClassroomConnection, type ConnectionOptions } from "./connection";
import type { KeyValue } from "./storage";
import type { Phase } from "./types";

const QUICK = { backoffBase: 20, backoffCap: 100, connectTimeout: 1_000, ackSlow: 60, ackTimeout: 400, retryBase: 5, silenceGrace: 60, watchEvery: 10 };
const SAY = { type: "chat.say", text: "hello" } as const;

let server: TestServer;
let storage: KeyValue;
const open: ClassroomConnection[] = [];

function connect(change: Partial<ConnectionOptions> = {}): ClassroomConnection {
  const options = { room: "physics", name: "Asha", url: server.url, storage, timings: QUICK };
  const connection = new ClassroomConnection({ ...options, ...change });
  open.push(connection);
  connection.start();
  return connection;
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 5_000, interval: 5 });
const reach = (connection: ClassroomConnection, phase: Phase) => until(() => expect(connection.status.phase).toBe(phase));

/// The phases that it goes through from now on, however short.
function phasesOf(connection: ClassroomConnection): Phase[] {
  const phases: Phase[] = [];
  connection.on("status", () => phases.push(connection.status.phase));
  return phases;
}

const texts = (connection: ClassroomConnection) => connection.room?.chat.messages.map((message) => message.text);
const logged = () => server.log.map((event) => (event.type === "chat.said" ? event.text : event.type));

beforeEach(async () => {
  server = await new TestServer().start();
  storage = memory();
});

afterEach(async () => {
  for (const connection of open.splice(0)) connection.stop();
  await server.stop();
});

describe("entering", () => {
  it("says who it is, and has the room once welcomed", async () => {
    const connection = connect();
    await reach(connection, "live");

    expect(server.hellos[0]).toMatchObject({ v: 1, room: "physics", name: "Asha" });
    expect(server.hellos[0]).not.toHaveProperty("since");
    expect(connection.room?.me.id).toBe("s1");
    expect(connection.pass).toBe("pass");
    expect(Math.abs(connection.clockOffset - 60_000)).toBeLessThan(1_000);
  });

  it("shows a token rather than a name, where there is one", async () => {
    await reach(connect({ token: "ey", name: "Asha" }), "live");

    expect(server.hellos[0]).toMatchObject({ token: "ey" });
    expect(server.hellos[0]).not.toHaveProperty("name");
  });

  it("is the same device at every visit, and another one elsewhere", async () => {
    await reach(connect(), "live");
    await reach(connect(), "live");
    await reach(connect({ storage: memory() }), "live");

    const [first, second, other] = server.hellos.map((hello) => hello.client);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(second).toBe(first);
    expect(other).not.toBe(first);
  });

  it("stays outside when refused for good, and says why", async () => {
    server.refusal = { code: "banned", message: "You were banned." };
    const connection = connect();
    await reach(connection, "refused");

    expect(connection.status).toMatchObject({ reason: { code: "banned", message: "You were banned." }, retryAt: null });
  });

  it("comes back when refused for now, not before it was told to", async () => {
    server.refusal = { code: "busy", message: "Too many at once.", temporary: true, retry_in: 150 };
    const connection = connect();
    await until(() => expect(connection.status.reason?.code).toBe("busy"));
    const refusedAt = Date.now();
    expect(connection.status.retryAt).toBeGreaterThanOrEqual(refusedAt + 100);
    server.refusal = null;
    await reach(connection, "live");

    expect(Date.now() - refusedAt).toBeGreaterThanOrEqual(100);
  });

  it("keeps trying while nobody is there", async () => {
    await server.stop();
    const connection = connect();
    await until(() => expect(connection.status.attempt).toBeGreaterThan(2));
    expect(connection.status).toMatchObject({ phase: "connecting", reason: { code: "unreachable" } });
    await server.start();

    await reach(connection, "live");
  });

  it("does not wait for a welcome that never comes", async () => {
    let silent = true;
    server.onHello = (hello, socket) => !silent && server.enter(hello, socket);
    const connection = connect({ timings: { ...QUICK, connectTimeout: 100 } });
    await until(() => expect(connection.status.reason?.code).toBe("unreachable"));
    silent = false;

    await reach(connection, "live");
  });
});

describe("a cut", () => {
  it("loses nothing and doubles nothing", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.say(said("s2", "one"));
    await until(() => expect(texts(connection)).toEqual(["one"]));
    const phases = phasesOf(connection);
    server.cut();
    server.append(said("s2", "two"));
    await until(() => expect(phases).toContain("reconnecting"));
    await reach(connection, "live");
    server.say(said("s2", "three"));

    await until(() => expect(texts(connection)).toEqual(["one", "two", "three"]));
    expect(server.hellos[1]).toMatchObject({ since: 1, epoch: "e1" });
  });

  it("is followed by a whole new state when the log is another", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.say(said("s2", "one"));
    await until(() => expect(texts(connection)).toEqual(["one"]));
    server.epoch = "e2";
    server.cut();

    await until(() => expect(server.hellos).toHaveLength(2));
    await until(() => expect(texts(connection)).toEqual([]));
  });

  it("moves the seq over places that were hidden from me", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onHello = (_, socket) => socket.emit("resumed", { seq: 7, now: 0, events: [] });
    server.cut();

    await until(() => expect(connection.room?.seq).toBe(7));
  });

  it("tells each event to listeners once", async () => {
    const heard: number[] = [];
    const connection = connect();
    connection.on("event", (event) => heard.push(event.seq));
    await reach(connection, "live");
    server.say(said("s2", "one"));
    await until(() => expect(heard).toEqual([1]));
    server.onHello = (_, socket) => socket.emit("resumed", { seq: 2, now: 0, events: server.log });
    server.append(said("s2", "two"));
    server.cut();

    await until(() => expect(heard).toEqual([1, 2]));
  });
});

describe("a goodbye", () => {
  it("for good is final: removed, banned, replaced by another device", async () => {
    const connection = connect();
    await reach(connection, "live");
    for (const socket of server.sockets) {
      socket.emit("bye", { code: "replaced", message: "You are here on another device." });
      socket.disconnect(true);
    }

    await reach(connection, "closed");
    expect(connection.status.reason?.code).toBe("replaced");
    expect(connection.status.retryAt).toBeNull();
  });

  it("for now is followed by a return, after the time that was given", async () => {
    const connection = connect();
    await reach(connection, "live");
    const leftAt = Date.now();
    for (const socket of server.sockets) {
      socket.emit("bye", { code: "restarting", message: "Back in a moment.", temporary: true, retry_in: 120 });
      socket.disconnect(true);
    }
    await reach(connection, "reconnecting");
    expect(connection.status.reason?.code).toBe("restarting");

    await reach(connection, "live");
    expect(Date.now() - leftAt).toBeGreaterThanOrEqual(120);
  });

  it("for a restart stays the reason while nobody answers", async () => {
    const connection = connect();
    await reach(connection, "live");
    for (const socket of server.sockets) {
      socket.emit("bye", { code: "restarting", message: "Back in a moment.", temporary: true });
      socket.disconnect(true);
    }
    await server.stop();
    await until(() => expect(connection.status.attempt).toBeGreaterThan(2));
    expect(connection.status.reason).toEqual({ code: "restarting", message: "Back in a moment." });
    await server.start();
    await reach(connection, "live");
    const reasons: (string | undefined)[] = [];
    connection.on("status", () => reasons.push(connection.status.reason?.code));
    server.cut();

    await until(() => expect(reasons).toContain("cut"));
    expect(reasons).not.toContain("restarting");
  });

  it("can be overruled by the member", async () => {
    const connection = connect();
    await reach(connection, "live");
    for (const socket of server.sockets) {
      socket.emit("bye", { code: "removed", message: "" });
      socket.disconnect(true);
    }
    await reach(connection, "closed");
    connection.retryNow();

    await reach(connection, "live");
  });
});

describe("a welcome in between", () => {
  it("replaces everything, my role too", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.me = { id: "s1", name: "Asha", role: "assistant" };
    for (const socket of server.sockets) server.enter({ room: "physics" }, socket);

    await until(() => expect(connection.room?.me.role).toBe("assistant"));
    expect(connection.status.phase).toBe("live");
  });
});

describe("degraded", () => {
  it("is what a late answer is called, until it comes", async () => {
    const connection = connect();
    await reach(connection, "live");
    let answer = () => {};
    server.onCommand = (command, ack) => (answer = () => ack(server.apply(command)));
    const sent = connection.send(SAY);
    await reach(connection, "degraded");
    expect(connection.status.reason?.code).toBe("slow");
    answer();

    expect(await sent).toEqual({ ok: true, seq: 1 });
    await reach(connection, "live");
  });

  it("is what silence is called; a longer one is a cut", async () => {
    await server.stop();
    server = await new TestServer({ pingInterval: 30 }).start();
    const connection = connect();
    await reach(connection, "live");
    const phases = phasesOf(connection);
    for (const socket of server.sockets) {
      // From now on the network takes what we send and brings nothing.
      socket.conn.transport.send = () => undefined;
    }

    await until(() => expect(phases).toContain("reconnecting"));
    expect(phases[0]).toBe("degraded");
    await reach(connection, "live");
  });
});

describe("a command", () => {
  it("is answered with its place in the log", async () => {
    const connection = connect();
    await reach(connection, "live");

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(connection.pending).toEqual([]);
    expect(server.received[0]).toEqual({ type: "chat.say", text: "hello", cid: expect.stringMatching(/^[0-9a-f]{32}$/) });
  });

  it("given before the welcome waits for it", async () => {
    const connection = connect();
    const sent = connection.send(SAY);
    expect(connection.pending).toMatchObject([{ command: SAY, state: "queued" }]);

    expect(await sent).toMatchObject({ ok: true });
  });

  it("given while cut off is sent once when back, in order", async () => {
    const connection = connect();
    await reach(connection, "live");
    await server.stop();
    await reach(connection, "reconnecting");
    const sent = ["a", "b", "c"].map((text) => connection.send({ type: "chat.say", text }));
    expect(connection.pending.map((pending) => pending.state)).toEqual(["queued", "queued", "queued"]);
    await server.start();

    expect(await Promise.all(sent)).toEqual([1, 2, 3].map((seq) => ({ ok: true, seq })));
    expect(logged()).toEqual(["a", "b", "c"]);
    expect(server.received).toHaveLength(3);
  });

  it("cut off between its sending and its answer is sent again under the same cid, and applied once", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (command, _, socket) => {
      server.apply(command);
      server.onCommand = null;
      server.cutOne(socket);
    };

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(server.received).toHaveLength(2);
    expect(new Set(server.received.map((command) => command.cid)).size).toBe(1);
    expect(logged()).toEqual(["hello"]);
    await until(() => expect(texts(connection)).toEqual(["hello"]));
  });

  it("cut off before it arrived is sent again too", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, __, socket) => {
      server.onCommand = null;
      server.cutOne(socket);
    };

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(logged()).toEqual(["hello"]);
  });

  it("whose answer does not come is sent again over the same connection", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (command) => {
      server.apply(command);
      server.onCommand = null;
    };

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(server.received.map((command) => command.cid)).toHaveLength(2);
    expect(server.hellos).toHaveLength(1);
    expect(logged()).toEqual(["hello"]);
  });

  it("is answered once, however many answers come", async () => {
    const connection = connect();
    await reach(connection, "live");
    const late: (() => void)[] = [];
    server.onCommand = (command, ack) => late.push(() => ack(server.apply(command)));
    const changes: number[] = [];
    const sent = connection.send(SAY);
    await until(() => expect(late).toHaveLength(2));
    connection.on("pending", () => changes.push(connection.pending.length));
    for (const answer of late) answer();

    expect(await sent).toEqual({ ok: true, seq: 1 });
    server.onCommand = null;
    await connection.send({ type: "chat.say", text: "later" });
    expect(changes).toEqual([0, 1, 0]);
  });

  it("is pending until its event is here, even if the answer is earlier", async () => {
    const connection = connect();
    await reach(connection, "live");
    let happen = () => {};
    server.onCommand = (command, ack) => {
      ack({ ok: true, seq: 1 });
      happen = () => void server.apply(command);
    };
    const shown: number[] = [];
    const count = () => shown.push(connection.pending.length + (texts(connection)?.length ?? 0));

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(connection.pending).toHaveLength(1);
    connection.on("pending", count);
    happen();
    await until(() => expect(connection.pending).toEqual([]));
    expect(shown).toEqual([1]);
    expect(connection.status.phase).toBe("live");
  });

  it("whose event I am not shown is not pending for ever", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => ack({ ok: true, seq: 1 });
    await connection.send(SAY);

    await until(() => expect(connection.pending).toEqual([]));
    expect(server.received).toHaveLength(1);
  });

  it("refused stays to be seen where it carries a text, until dismissed", async () => {
    const connection = connect();
    await reach(connection, "live");
    const refused = { ok: false, code: "muted", message: "You are muted.", temporary: true, until: 5 } as const;
    server.onCommand = (_, ack) => ack(refused);

    expect(await connection.send(SAY)).toEqual(refused);
    expect(connection.pending).toMatchObject([{ state: "refused", reason: refused }]);
    expect(server.received).toHaveLength(1);
    connection.dismiss(connection.pending[0]?.cid ?? "");
    expect(connection.pending).toEqual([]);
  });

  it("refused is forgotten where there is no text to lose", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => ack({ ok: false, code: "wrong_state", message: "Closed.", temporary: false });

    expect(await connection.send({ type: "poll.vote", id: 1, choice: [0] })).toMatchObject({ ok: false });
    expect(connection.pending).toEqual([]);
  });

  it("refused is forgotten where the page has no place to show its text", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => ack({ ok: false, code: "class_ended", message: "The class has ended.", temporary: false });

    expect(await connection.send({ type: "doubt.answer", id: 3, text: "It cancels out." })).toMatchObject({ ok: false });
    expect(connection.pending).toEqual([]);
  });

  it("longer than the server takes is refused here, and neither ends the connection nor holds up the others", async () => {
    const connection = connect();
    await reach(connection, "live");
    const phases = phasesOf(connection);
    const long = connection.send({ type: "chat.say", text: "यह".repeat(12_000) });
    const short = connection.send(SAY);

    expect(await long).toMatchObject({ ok: false, code: "too_large", temporary: false });
    expect(await short).toMatchObject({ ok: true });
    expect(phases).toEqual([]);
    expect(server.hellos).toHaveLength(1);
    expect(logged()).toEqual(["hello"]);
  });

  it("kept from an earlier visit and longer than the server takes is refused, too", async () => {
    const before = connect();
    await reach(before, "live");
    before.stop();
    storage.set("classroom.outbox/physics/s1/c1", JSON.stringify({ cid: "c1", command: { type: "board.put", page: 0, changes: [{ id: "x".repeat(70_000), version: 1, nonce: 1 }] }, at: Date.now() }));
    const connection = connect();
    await reach(connection, "live");

    expect(await connection.send(SAY)).toMatchObject({ ok: true });
    await until(() => expect(storage.keys().filter((key) => key.includes("outbox"))).toEqual([]));
    expect(server.hellos).toHaveLength(2);
  });

  it("refused can be tried once more, as a new wish", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => ack({ ok: false, code: "too_fast", message: "Slowly.", temporary: true });
    await connection.send(SAY);
    server.onCommand = null;

    expect(await connection.retry(connection.pending[0]?.cid ?? "")).toEqual({ ok: true, seq: 1 });
    expect(new Set(server.received.map((command) => command.cid)).size).toBe(2);
    expect(connection.pending).toEqual([]);
  });

  it("is tried again by itself, before those after it, where the server could not just now", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => {
      server.onCommand = null;
      ack({ ok: false, code: "unavailable", message: "Later.", temporary: true });
    };

    expect(await connection.send(SAY)).toEqual({ ok: true, seq: 1 });
    expect(server.received).toHaveLength(2);
    expect(new Set(server.received.map((command) => command.cid)).size).toBe(1);
  });

  it("that came too soon is sent by itself when it may be, in order, and holds back nothing of another kind", async () => {
    const connection = connect();
    await reach(connection, "live");
    let next = 0;
    const rejected: string[] = [];
    server.onCommand = (command, ack) => {
      const now = Date.now();
      if (command.type !== "chat.say" || now >= next) {
        if (command.type === "chat.say") next = now + 150;
        return ack(server.apply(command));
      }
      rejected.push(command.text ?? "");
      // The server's clock is a minute ahead of ours.
      ack({ ok: false, code: "too_fast", message: "Slowly.", temporary: true, until: next + 60_000 });
    };
    const texts = ["a", "b", "c"];
    const said = texts.map((text) => connection.send({ type: "chat.say", text }));
    await until(() => expect(connection.pending).toMatchObject([{ state: "queued" }, { state: "queued" }]));
    expect(Math.abs((connection.pending[0]?.until ?? 0) - Date.now())).toBeLessThan(200);
    expect(await connection.send({ type: "poll.vote", id: 1, choice: [0] })).toMatchObject({ ok: true });
    expect(connection.pending).toHaveLength(2);

    expect(await Promise.all(said)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    expect(logged().filter((text) => text !== "")).toEqual(texts);
    expect(rejected.length).toBeLessThan(5);
    expect(connection.pending).toEqual([]);
  });

  it("that came too soon waits no longer than slow mode is on", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.say({ type: "chat.configured", slow: 300, locked: false });
    await until(() => expect(connection.room?.chat.slow).toBe(300));
    server.onCommand = (_, ack) =>
      ack({ ok: false, code: "too_fast", message: "Slowly.", temporary: true, until: Date.now() + 300_000 });
    const said = ["a", "b"].map((text) => connection.send({ type: "chat.say", text }));
    await until(() => expect(connection.pending[0]?.until).not.toBeNull());
    server.onCommand = null;
    server.say({ type: "chat.configured", slow: 0, locked: false });

    expect(await Promise.all(said)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(connection.pending).toEqual([]);
  });

  it("is not tried for ever", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = (_, ack) => ack({ ok: false, code: "unavailable", message: "Later.", temporary: true });

    expect(await connection.send(SAY)).toMatchObject({ ok: false, code: "unavailable" });
    expect(server.received).toHaveLength(5);
    expect(connection.pending).toMatchObject([{ state: "refused" }]);
  });

  it("leaves out what is undefined", async () => {
    const connection = connect();
    await reach(connection, "live");
    await connection.send({ ...SAY, reply_to: undefined } as never);

    expect(server.received[0]).not.toHaveProperty("reply_to");
  });
});

describe("a reload", () => {
  it("keeps what was not answered, and sends it under the same cid", async () => {
    const before = connect();
    await reach(before, "live");
    server.onCommand = (command) => void server.apply(command);
    const sent = before.send(SAY);
    await until(() => expect(server.received).toHaveLength(1));
    before.stop();
    expect(await sent).toMatchObject({ ok: false, code: "stopped" });
    server.onCommand = null;
    await reach(connect(), "live");

    await until(() => expect(server.received).toHaveLength(2));
    expect(server.received[1]).toEqual(server.received[0]);
    expect(logged()).toEqual(["hello"]);
  });

  it("of what was stopped goes on where it was", async () => {
    const connection = connect();
    await reach(connection, "live");
    server.onCommand = () => undefined;
    const texts = ["a", "b", "c"];
    for (const text of texts) void connection.send({ type: "chat.say", text });
    connection.stop();
    expect(connection.pending).toEqual([]);
    server.onCommand = null;
    connection.start();

    await until(() => expect(logged()).toEqual(texts));
  });

  it("given after it was stopped is answered at once, and sent when it was started again", async () => {
    const connection = connect();
    await reach(connection, "live");
    connection.stop();
    expect(await connection.send(SAY)).toMatchObject({ ok: false, code: "stopped" });
    expect(connection.pending).toEqual([]);
    connection.retryNow();
    expect(await connection.send({ type: "chat.say", text: "back" })).toMatchObject({ ok: true });

    expect(logged()).toEqual(["back"]);
  });

  it("keeps what was refused, with the reason, and does not send it again", async () => {
    const before = connect();
    await reach(before, "live");
    const refused = { ok: false, code: "not_found", message: "It is no longer there.", temporary: false } as const;
    server.onCommand = (_, ack) => ack(refused);
    await before.send(SAY);
    before.stop();
    server.onCommand = null;
    const after = connect();
    await reach(after, "live");
    await after.send({ type: "chat.say", text: "later" });

    expect(after.pending).toMatchObject([{ command: SAY, state: "refused", reason: refused }]);
    expect(logged()).toEqual(["later"]);
    after.dismiss(after.pending[0]?.cid ?? "");
    expect(after.pending).toEqual([]);
    expect(storage.keys()).toEqual(["classroom.client"]);
  });

  it("tells what is refused of it, where nothing shows that", async () => {
    const before = connect();
    await reach(before, "live");
    server.onCommand = () => undefined;
    void before.send({ type: "poll.vote", id: 3, text: "inertia" });
    void before.send(SAY);
    await until(() => expect(server.received).toHaveLength(2));
    before.stop();
    const refused = { ok: false, code: "wrong_state", message: "This poll is closed.", temporary: false } as const;
    server.onCommand = (_, ack) => ack(refused);
    const after = connect();
    const told: unknown[] = [];
    after.on("refused", (late) => told.push(late));
    await reach(after, "live");

    await until(() => expect(after.pending).toMatchObject([{ command: SAY, state: "refused" }]));
    expect(told).toEqual([refused]);
  });

  it("after a refusal was tried again keeps nothing of it", async () => {
    const before = connect();
    await reach(before, "live");
    server.onCommand = (_, ack) => ack({ ok: false, code: "muted", message: "You are muted.", temporary: true });
    await before.send(SAY);
    before.stop();
    server.onCommand = null;
    const after = connect();
    await reach(after, "live");
    await after.retry(after.pending[0]?.cid ?? "");

    expect(logged()).toEqual(["hello"]);
    expect(storage.keys()).toEqual(["classroom.client"]);
  });

  it("leaves nothing behind of what was answered", async () => {
    const connection = connect();
    await reach(connection, "live");
    await connection.send(SAY);

    expect(storage.keys().filter((key) => key.includes("outbox"))).toEqual([]);
  });

  it("as another member sends nothing in their name", async () => {
    const before = connect();
    await reach(before, "live");
    server.onCommand = () => undefined;
    void before.send(SAY);
    await until(() => expect(server.received).toHaveLength(1));
    before.stop();
    server.onCommand = null;
    server.me = { id: "s2", name: "Ravi", role: "student" };
    const after = connect();
    await reach(after, "live");
    await after.send({ type: "chat.say", text: "mine" });

    expect(logged()).toEqual(["mine"]);
  });

  it("survives what cannot be read", async () => {
    const old = { cid: "d", command: SAY, at: Date.now() - 48 * 3_600_000 };
    const left = ["{not json", "null", JSON.stringify({ cid: "c", command: {}, at: Date.now() }), JSON.stringify(old)];
    left.forEach((text, place) => storage.set(`classroom.outbox/physics/s1/${place}`, text));
    const connection = connect();
    await reach(connection, "live");

    expect(connection.pending).toEqual([]);
    expect(storage.keys()).toEqual(["classroom.client"]);
  });
});

describe("two tabs of one member", () => {
  it("each send their own", async () => {
    const [one, two] = [connect(), connect()];
    await Promise.all([reach(one, "live"), reach(two, "live")]);
    await Promise.all([one.send({ type: "chat.say", text: "one" }), two.send({ type: "chat.say", text: "two" })]);

    expect(logged().sort()).toEqual(["one", "two"]);
    expect(new Set(server.received.map((command) => command.cid)).size).toBe(2);
  });

  it("take up what a closed one left", async () => {
    const closed = connect();
    await reach(closed, "live");
    server.onCommand = () => undefined;
    void closed.send(SAY);
    await until(() => expect(server.received).toHaveLength(1));
    closed.stop();
    server.onCommand = null;
    await reach(connect(), "live");

    await until(() => expect(storage.keys().filter((key) => key.includes("outbox"))).toEqual([]));
    expect(logged()).toEqual(["hello"]);
  });
});

describe("signals", () => {
  it("go out while connected, and come in as passing state", async () => {
    const connection = connect();
    await reach(connection, "live");
    connection.signal({ type: "react", emoji: "👏" });
    for (const socket of server.sockets) socket.emit("signals", [{ type: "present", count: 3 }]);

    await until(() => expect(server.signals).toEqual([{ type: "react", emoji: "👏" }]));
    await until(() => expect(connection.room?.passing.present).toBe(3));
  });

  it("all go out, also in the turn of something else", async () => {
    const connection = connect();
    await reach(connection, "live");
    const sent = ["👏", "❤️", "😂"].map((emoji) => ({ type: "react", emoji }) as const);
    void connection.send(SAY);
    for (const signal of sent) connection.signal(signal);

    await until(() => expect(server.signals).toEqual(sent));
  });
});
