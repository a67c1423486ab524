// A stock Socket.IO client in node. Told what to do by lines of JSON on standard input, it answers each with one line;
// what comes from the server meanwhile it keeps, and gives when asked.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../client/package.json", import.meta.url));
const { io } = require("socket.io-client");
const msgpack = require("socket.io-msgpack-parser");

const NAMES = ["welcome", "resumed", "events", "signals", "bye"];
let socket;
let got = [];
let waiting = [];

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

function note(name, data) {
  got.push([name, data]);
  waiting = waiting.filter((look) => !look());
}

function connect({ url, parser, transports, auth, multiplex }) {
  const options = { transports, auth, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };
  if (parser === "msgpack") Object.assign(options, { parser: msgpack, path: "/socket.io/msgpack/" });
  socket = io(url, options);
  socket.on("connect", () => note("connect", socket.id));
  socket.on("disconnect", (reason) => note("disconnect", reason));
  socket.on("connect_error", (error) => note("connect_error", { message: error.message, data: error.data ?? null }));
  for (const name of NAMES) socket.on(name, (data) => note(name, data));
}

// `count` things named `name` must have come; all that came is the answer.
function until({ name, count = 1 }) {
  return new Promise((resolve) => {
    const look = () => {
      const enough = got.filter(([each]) => each === name).length >= count;
      if (enough) resolve(got);
      return enough;
    };
    if (!look()) waiting.push(look);
  });
}

const does = {
  connect: async (order) => connect(order),
  until,
  command: ({ command }) => socket.timeout(10_000).emitWithAck("command", command),
  signal: async ({ signal }) => void socket.emit("signal", signal),
  // The transport breaks, as when the network goes: the client comes back by itself, with the auth given.
  cut: async ({ auth }) => {
    socket.auth = auth;
    socket.io.engine.close();
  },
  disconnect: async () => void socket.disconnect(),
  connected: async () => socket.connected,
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  try {
    say({ answer: (await does[order.do](order)) ?? null });
  } catch (error) {
    say({ error: String(error) });
  }
}
socket?.disconnect();
