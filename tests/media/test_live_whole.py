"""From a WHIP publisher to the playlists and the recording, through a whole server with its media process."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path

import av
import pytest
from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from tests.media.peers import connection, loopback, shut
from tests.media.test_playlist import read
from tests.media.test_recorder import times
from tests.media.test_whip import Desk, desk

__all__ = ["loopback"]
pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


async def publish_h264(at: Desk) -> RTCPeerConnection:
    peer = connection()
    peer.addTrack(AudioStreamTrack())
    sender = peer.addTrack(VideoStreamTrack())
    transceiver = next(one for one in peer.getTransceivers() if one.sender == sender)
    codecs = RTCRtpSender.getCapabilities("video").codecs
    transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
    await peer.setLocalDescription(await peer.createOffer())
    status, _, text = await at.ask("POST", "/api/rooms/demo/whip", peer.localDescription.sdp, **at.bearer())
    assert status == 201, text
    await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
    return peer


async def test_what_is_published_by_whip_is_watched_by_hls_and_recorded(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        peer = await publish_h264(at)
        try:
            address = None
            while address is None:
                await asyncio.sleep(0.1)
                told = json.loads((await at.ask("GET", "/api/rooms/demo/live", **at.bearer()))[2])
                assert told["webrtc"] is True
                address = told["hls"]
            status, index = 0, ""
            while status != 200 or "avc1" not in index:
                await asyncio.sleep(0.1)
                status, _, index = await at.ask("GET", f"{address}index.m3u8")
            status, headers, text = await at.ask("GET", f"{address}camera1/playlist.m3u8?_HLS_msn=1&_HLS_part=0")
            assert status == 200
            assert "max-age" in headers["Cache-Control"]
            listed = read(text)
            async with at.http.get(f"{at.server.url}{address}camera1/init1.mp4") as answer:
                film = await answer.read()
            for _, name in listed.segments:
                async with at.http.get(f"{at.server.url}{address}camera1/{name}") as answer:
                    film += await answer.read()
            with av.open(io.BytesIO(film)) as file:
                assert sum(1 for _ in file.decode(video=0)) > 20
        finally:
            await shut(peer)
        assert (await at.ask("GET", "/recordings/demo/"))[0] == 401
        status, _, text = await at.ask("GET", "/recordings/demo/", **at.bearer("student", "s1"))
        assert status == 200
        kinds = {one["kind"]: one for one in json.loads(text)["recordings"]}
        assert "camera" in kinds
        path = tmp_path / "recordings" / "demo" / kinds["camera"]["name"]
    assert len(times(path, "video")) > 20
    assert len(times(path, "audio")) > 20
