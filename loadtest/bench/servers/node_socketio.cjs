// A peer: Socket.IO for node as its documentation has it. `argv[2]`: the package.json beside whose node_modules it is.
const { createRequire } = require("node:module");
const { createServer } = require("node:http");
const { createInterface } = require("node:readline");
const { Server } = createRequire(process.argv[2])("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], pingInterval: 3_600_000 });
io.on("connection", (socket) => socket.join("class"));

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const does = {
  usage: () => {
    const { user, system } = process.cpuUsage();
    return { cpu: (user + system) / 1e6 };
  },
  emit: ({ payload }) => {
    io.to("class").emit("events", payload);
    return {};
  },
};

http.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => {
  say({ port: http.address().port });
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const values = JSON.parse(line);
    say(does[values.op](values));
  });
  lines.on("close", () => process.exit(0));
});
