"""aiortc's `MediaRelay`, as its documentation has it: what a publisher sends is decoded, and encoded anew for each viewer."""

from __future__ import annotations

import asyncio
from typing import Any

import aioice.ice
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from loadtest.bench.obey import obey


class Server:
    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._tracks: list[MediaStreamTrack] = []
        self._peers: list[RTCPeerConnection] = []

    async def publish(self, offer: str) -> dict[str, Any]:
        peer = self._peer()
        peer.on("track", self._tracks.append)
        return await self._answer(peer, offer)

    async def watch(self, offer: str) -> dict[str, Any]:
        peer = self._peer()
        for track in self._tracks:
            peer.addTrack(self._relay.subscribe(track))
        return await self._answer(peer, offer)

    def _peer(self) -> RTCPeerConnection:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        return peer

    async def _answer(self, peer: RTCPeerConnection, offer: str) -> dict[str, Any]:
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return {"answer": peer.localDescription.sdp}


async def main() -> None:
    # aioice leaves loopback out, and the benchmark is on nothing else.
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    server = Server()
    await obey({}, {"publish": server.publish, "watch": server.watch})


if __name__ == "__main__":
    asyncio.run(main())
