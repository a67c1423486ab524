"""Janus (Debian's package), its streaming plugin: it is given the stream as plain RTP, and sends it to WebRTC viewers.

Configured as its documentation has it, with nothing left on but what is needed; told what to do over its HTTP interface.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from classroom.media.sfu import packets
from loadtest.bench.forwarders import Forwarder, Sends
from tests.media.bare import Bare

SETTINGS = """
general: {{
  configs_folder = "{folder}"
  plugins_folder = "{folder}/plugins"
  transports_folder = "{folder}/transports"
  debug_level = 2
  session_timeout = 0
  {loops}
}}
nat: {{ ice_enforce_list = "{address}" }}
"""
HTTP = (
    'general: {{ json = "compact", http = true, port = {port}, ip = "127.0.0.1" }}\nadmin: {{ admin_http = false }}\n'
)
STREAM = """
bench: {{
  type = "rtp"
  id = 1
  audio = true
  audioport = {audio}
  audiopt = 111
  audiocodec = "opus"
  video = true
  videoport = {video}
  videopt = 96
  videocodec = "h264"
  videofmtp = "profile-level-id=42e01f;packetization-mode=1"
}}
"""
LIBRARIES = "/usr/lib/*-linux-gnu/janus"
PATIENCE = 20.0  # seconds


class Plain:
    """A publisher that sends plain RTP, pictures to one port and sound to another."""

    def __init__(self, video: int, audio: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ports = {96: video, 111: audio}

    def rtp(self, packet: bytes) -> None:
        head = packets.read(packet)
        assert head is not None
        self._sock.sendto(packet, ("127.0.0.1", self._ports[head.payload_type]))

    def rtcp(self, packet: bytes) -> None:
        """Janus writes sender reports of its own."""

    def close(self) -> None:
        self._sock.close()


class Janus(Forwarder):
    """`address`: of an interface other than loopback, which it does not use. `loops`: how many event loops viewers share; 0, the
    default: a thread for each viewer."""

    def __init__(self, address: str, loops: int = 0) -> None:
        super().__init__()
        self.name = f"Janus, {loops} event loops" if loops else "Janus"
        self._address, self._loops = address, loops
        self._waiting: dict[int, asyncio.Future[str]] = {}
        self._listening: asyncio.Task[None] | None = None

    @staticmethod
    def is_here() -> bool:
        return shutil.which("janus") is not None

    async def start(self) -> None:
        folder = self.folder()
        http, self._video, self._audio = _free_ports(3)
        loops = f"event_loops = {self._loops}" if self._loops else ""
        (folder / "janus.jcfg").write_text(SETTINGS.format(folder=folder, loops=loops, address=self._address))
        (folder / "janus.transport.http.jcfg").write_text(HTTP.format(port=http))
        (folder / "janus.plugin.streaming.jcfg").write_text(STREAM.format(audio=self._audio, video=self._video))
        (libraries,) = Path("/").glob(LIBRARIES.removeprefix("/"))
        for kind, name in (("plugins", "libjanus_streaming.so"), ("transports", "libjanus_http.so")):
            (folder / kind).mkdir()
            (folder / kind / name).symlink_to(libraries / kind / name)
        process = self.run(["janus", "-C", str(folder / "janus.jcfg"), "-F", str(folder)], folder)
        self._http = aiohttp.ClientSession(f"http://127.0.0.1:{http}", connector=aiohttp.TCPConnector(limit=0))
        self._session = await self._first(process, folder)
        self._listening = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        if hasattr(self, "_http"):
            await self._http.close()

    async def publish(self) -> Sends:
        plain = Plain(self._video, self._audio)
        self.stack.callback(plain.close)
        return plain

    async def watch(self) -> Bare:
        handle = (await self._ask("", janus="attach", plugin="janus.plugin.streaming"))["data"]["id"]
        offered = self._waiting[handle] = asyncio.get_running_loop().create_future()
        await self._ask(f"/{handle}", janus="message", body={"request": "watch", "id": 1})
        async with asyncio.timeout(PATIENCE):
            offer = await offered
            peer = Bare(controls=False, host=self._address)
            answer = {"type": "answer", "sdp": _answer(offer, peer)}
            await self._ask(f"/{handle}", janus="message", body={"request": "start"}, jsep=answer)
            await peer.connect(offer)
        return peer

    async def _first(self, process: subprocess.Popen[bytes], folder: Path) -> int:
        """A session, as soon as Janus is there."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    answer = await self._post("/janus", janus="create")
                    return int(answer["data"]["id"])
                except aiohttp.ClientConnectorError:
                    if process.poll() is not None:
                        raise RuntimeError(f"Janus has ended:\n{(folder / 'log').read_text()[-2_000:]}") from None
                    await asyncio.sleep(0.1)

    async def _ask(self, path: str, **body: Any) -> dict[str, Any]:
        return await self._post(f"/janus/{self._session}{path}", **body)

    async def _post(self, path: str, **body: Any) -> dict[str, Any]:
        async with self._http.post(path, json={"transaction": secrets.token_hex(6), **body}) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            if answer["janus"] not in ("success", "ack"):
                raise RuntimeError(f"Janus refuses: {answer}")
            return answer

    async def _listen(self) -> None:
        """Its events: whoever waits for an offer is given it."""
        while True:
            async with self._http.get(f"/janus/{self._session}", params={"maxev": 10}) as response:
                found = await response.json(content_type=None)
            for event in found if isinstance(found, list) else [found]:
                waiting = self._waiting.get(event.get("sender", 0))
                if waiting is not None and not waiting.done() and "jsep" in event:
                    waiting.set_result(event["jsep"]["sdp"])


def _answer(offer: str, peer: Bare) -> str:
    """Take all that is offered, as it is offered."""
    ours = {
        "a=ice-ufrag": f"a=ice-ufrag:{peer.ufrag}",
        "a=ice-pwd": f"a=ice-pwd:{peer.password}",
        "a=fingerprint": f"a=fingerprint:sha-256 {peer.certificate.fingerprint}" if peer.certificate else "",
        "a=setup": "a=setup:active",
        "a=sendonly": "a=recvonly",
    }
    lines = []
    for line in offer.splitlines():
        key = line.partition(":")[0]
        if key in ("a=candidate", "a=end-of-candidates", "a=ssrc", "a=msid", "a=ssrc-group", "a=extmap"):
            continue
        lines.append(ours.get(key, line))
        if key == "a=ice-pwd":
            host, port = peer.sock.getsockname()
            lines.append(f"a=candidate:1 1 udp 2130706431 {host} {port} typ host")
    return "\r\n".join([*lines, ""])


def _free_ports(count: int) -> list[int]:
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for sock in socks:
        sock.bind(("127.0.0.1", 0))
    ports = [sock.getsockname()[1] for sock in socks]
    for sock in socks:
        sock.close()
    return ports
