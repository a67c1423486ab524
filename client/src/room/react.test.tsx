// @vitest-environment happy-dom
/// The hooks, over a real connection to a real server.

import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { memory } from "../testing/memory";
import { said } from "../testing/rooms";
import { TestServer } from "../testing/server";
import { ClassroomConnection, ClassroomProvider, useConnection, useMe, usePending, useReactions, useRoomState, useSend } from "./index";

let server: TestServer;
let connection: ClassroomConnection;
let root: Root;
let page: HTMLElement;

const until = (check: () => void) => vi.waitFor(() => act(async () => check()), { timeout: 5_000, interval: 5 });

async function show(element: React.ReactNode): Promise<void> {
  await act(async () => root.render(<ClassroomProvider connection={connection}>{element}</ClassroomProvider>));
}

beforeEach(async () => {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  server = await new TestServer().start();
  connection = new ClassroomConnection({ room: "physics", name: "Asha", url: server.url, storage: memory() });
  page = document.createElement("div");
  root = createRoot(page);
});

afterEach(async () => {
  await act(async () => root.unmount());
  connection.stop();
  await server.stop();
});

it("shows the room as it changes, and who I am", async () => {
  function Chat() {
    const messages = useRoomState((room) => room.chat.messages);
    const me = useMe();
    return <p>{`${me?.name}: ${messages?.map((message) => message.text).join(", ")}`}</p>;
  }
  await show(<Chat />);
  expect(page.textContent).toBe("undefined: undefined");

  connection.start();
  await until(() => expect(page.textContent).toBe("Asha: "));
  server.say(said("s2", "hello"));

  await until(() => expect(page.textContent).toBe("Asha: hello"));
});

it("renders again only what reads what has changed", async () => {
  let renders = 0;
  function Doubts() {
    renders += 1;
    return <p>{useRoomState((room) => room.doubts.doubts.length)}</p>;
  }
  function Seq() {
    return <i>{useRoomState((room) => room.seq)}</i>;
  }
  connection.start();
  await vi.waitFor(() => expect(connection.status.phase).toBe("live"));
  await show([<Doubts key="doubts" />, <Seq key="seq" />]);
  const before = renders;
  server.say(said("s2", "one"));
  server.say(said("s2", "two"));
  await until(() => expect(page.querySelector("i")?.textContent).toBe("2"));

  expect(renders).toBe(before);
});

it("shows how the connection stands, and what waits to be sent", async () => {
  function Status() {
    const { phase, reason, clockOffset } = useConnection();
    const pending = usePending();
    const send = useSend();
    return (
      <button type="button" onClick={() => void send({ type: "chat.say", text: "hi" })}>
        {`${phase} ${reason?.code ?? "-"} ${pending.length} ${Math.round(clockOffset / 60_000)}`}
      </button>
    );
  }
  await show(<Status />);
  const button = page.querySelector("button");
  await act(async () => button?.click());
  expect(page.textContent).toBe("connecting - 1 0");
  connection.start();

  await until(() => expect(page.textContent).toBe("live - 0 1"));
  expect(server.log).toHaveLength(1);
});

it("tells of each burst of emoji", async () => {
  const bursts: unknown[] = [];
  function Confetti() {
    useReactions((counts) => bursts.push(counts));
    return null;
  }
  await show(<Confetti />);
  connection.start();
  await vi.waitFor(() => expect(connection.status.phase).toBe("live"));
  for (const socket of server.sockets) socket.emit("signals", [{ type: "reactions", counts: { "👏": 3 } }]);

  await until(() => expect(bursts).toEqual([{ "👏": 3 }]));
});

it("says so when a hook is used outside a classroom", () => {
  function Lost() {
    useMe();
    return null;
  }
  const quiet = vi.spyOn(console, "error").mockImplementation(() => undefined);

  expect(() => act(() => root.render(<Lost />))).toThrow("outside ClassroomProvider");
  quiet.mockRestore();
});
