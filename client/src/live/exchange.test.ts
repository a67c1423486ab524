import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { askLive, exchange, Refusal, sourcesOf, withCredentials } from "./exchange";

const ANSWER = [
  "v=0",
  "a=group:BUNDLE 0 1",
  "m=video 9 UDP/TLS/RTP/SAVPF 102",
  "a=ice-ufrag:old",
  "a=ice-pwd:oldpassword",
  "a=mid:0",
  "a=msid:t1 screen",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111",
  "a=ice-ufrag:old",
  "a=ice-pwd:oldpassword",
  "a=mid:1",
  "a=msid:t1 microphone",
  "m=video 0 UDP/TLS/RTP/SAVPF 102",
  "a=mid:2",
  "a=inactive",
  "",
].join("\r\n");

it("reads what each section of an answer is, and leaves out what was refused", () => {
  expect([...sourcesOf(ANSWER)]).toEqual([
    ["0", "screen"],
    ["1", "microphone"],
  ]);
});

it("puts a restart's credentials into all sections and changes nothing else", () => {
  const renewed = withCredentials(ANSWER, "a=ice-ufrag:new\r\na=ice-pwd:newpassword\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n");
  expect(renewed).toBe(ANSWER.replaceAll("old", "new"));
});

it("ends a session whose answer the browser cannot take", async () => {
  const asked: string[] = [];
  const fetch = async (path: string, { method = "GET" }: RequestInit = {}) => {
    asked.push(`${method} ${path}`);
    return new Response(ANSWER, { status: 201, headers: { Location: "/api/rooms/physics/whep/s1" } });
  };
  const pc = {
    createOffer: async () => ({ sdp: "" }),
    setLocalDescription: async () => undefined,
    setRemoteDescription: () => Promise.reject(new DOMException("", "InvalidAccessError")),
  } as unknown as RTCPeerConnection;

  await expect(exchange(fetch, "/whep?publisher=t1", pc)).rejects.toThrow(DOMException);
  expect(asked).toEqual(["POST /whep?publisher=t1", "DELETE /whep/s1"]);
});

describe("a refusal", () => {
  it("has the server's code", async () => {
    const body = JSON.stringify({ code: "take_hls", message: "All places are taken.", temporary: true });
    const refused = askLive(async () => new Response(body, { status: 503 }));
    await expect(refused).rejects.toMatchObject({ code: "take_hls", message: "All places are taken.", temporary: true });
    await expect(refused).rejects.toBeInstanceOf(Refusal);
  });

  it("is temporary where no answer came, or none that can be read", async () => {
    await expect(askLive(() => Promise.reject(new TypeError("network")))).rejects.toMatchObject({ code: "unavailable", temporary: true });
    await expect(askLive(async () => new Response("<html>", { status: 502 }))).rejects.toMatchObject({ code: "unavailable", temporary: true });
  });

  it("is temporary where a server that has taken the request does not answer, or not to the end", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const wait = () => vi.advanceTimersByTime(20_000);
    const server = createServer((request, response) => (request.url === "/silent/live" ? wait() : response.write("{")));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const room = (name: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}`;
    try {
      const silent = askLive((path, init) => fetch(room("silent") + path, init));
      await expect(silent).rejects.toMatchObject({ code: "unavailable", temporary: true });
      const begun = askLive((path, init) => fetch(room("begun") + path, init).finally(wait));
      await expect(begun).rejects.toMatchObject({ code: "unavailable", temporary: true });
    } finally {
      vi.useRealTimers();
      server.close();
      server.closeAllConnections();
    }
  });
});
