"""Real WebRTC peers for the tests: aiortc's own, on loopback, and the forwarding unit that they speak to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aioice.ice
import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack

from classroom.media.sfu.fanout import Fanout
from classroom.media.sfu.feeds import Session
from classroom.media.sfu.port import Port, bind
from classroom.media.sfu.sfu import Bounds, Sfu
from classroom.media.tap import Source, Taps, Track


class Recorded:
    """A tap that keeps what it is given."""

    def __init__(self) -> None:
        self.packets: list[tuple[Track, bytes]] = []
        self.reports: list[tuple[Track, float, int]] = []
        self.over: list[Track] = []

    def rtp(self, track: Track, packet: bytes) -> None:
        self.packets.append((track, packet))

    def report(self, track: Track, ntp: float, rtp_time: int) -> None:
        assert abs(ntp - time.time()) < 60
        self.reports.append((track, ntp, rtp_time))

    def ended(self, track: Track) -> None:
        self.over.append(track)


class Unit:
    """A forwarding unit on a port of its own."""

    def __init__(self, bounds: Bounds | None = None, fanout: Fanout | None = None) -> None:
        self.began: list[Session] = []
        self.ended: list[Session] = []
        self.tap = Recorded()
        self.port = Port(bind("127.0.0.1", 0), time.monotonic, fanout)
        address = self.port.sock.getsockname()
        self.address = (address[0], address[1])
        self.taps = Taps(self.tap)
        self.sfu = Sfu(self.port, (self.address,), bounds or Bounds(), self.taps, self.began.append, self.ended.append)

    async def turn(self) -> None:
        while True:
            await asyncio.sleep(0.05)
            self.sfu.tick()


@asynccontextmanager
async def forwarding(bounds: Bounds | None = None, fanout: Fanout | None = None) -> AsyncIterator[Unit]:
    unit = Unit(bounds, fanout)
    unit.port.start()
    ticking = asyncio.create_task(unit.turn())
    try:
        yield unit
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await unit.port.close()


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiortc's peers use loopback, and nothing else: no STUN server, no other address of the machine."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def published(
    unit: Unit, room: str = "r", member: str = "t1", codec: str = "video/H264", wanted: tuple[Source, ...] = ()
) -> Any:
    """A publisher of picture and sound (`wanted`: of what) that has begun; its connection and session."""
    peer = connection()
    peer.addTrack(AudioStreamTrack())
    peer.addTrack(VideoStreamTrack())
    for one in peer.getTransceivers():
        if one.kind == "video":
            known = RTCRtpSender.getCapabilities("video").codecs
            one.setCodecPreferences([c for c in known if c.mimeType == codec or c.mimeType == "video/rtx"])
    await peer.setLocalDescription(await peer.createOffer())
    session, answer = unit.sfu.publish(room, member, peer.localDescription.sdp, wanted)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return peer, session


async def watching(unit: Unit, room: str = "r", publisher: str = "t1", member: str = "s1") -> Any:
    """A viewer; its connection, session, and tracks by kind."""
    peer = connection()
    tracks: dict[str, MediaStreamTrack] = {}
    peer.on("track", lambda track: tracks.__setitem__(track.kind, track))
    peer.addTransceiver("audio", direction="recvonly")
    peer.addTransceiver("video", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    try:
        session, answer = unit.sfu.watch(room, publisher, peer.localDescription.sdp, member)
    except BaseException:
        await peer.close()
        raise
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return peer, session, tracks


async def shut(*peers: RTCPeerConnection) -> None:
    for peer in peers:
        with suppress(ConnectionError):
            await peer.close()
