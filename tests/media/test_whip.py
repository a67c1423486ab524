"""WHIP and WHEP as clients meet them: a whole server with its media process, real peers, and the RFC's statuses and headers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack
from yarl import URL

from classroom.media.stage import Published, Unpublished
from tests.media.peers import connection, loopback, shut
from tests.running import Subprocess, serving_alone
from tests.sockets.peer import Peer

__all__ = ["loopback"]
pytestmark = [pytest.mark.usefixtures("loopback"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"


class Desk:
    """Somebody at a server, by HTTP."""

    def __init__(self, server: Subprocess, http: aiohttp.ClientSession) -> None:
        self.server, self.http = server, http
        self.answer = ""  # the last that was given

    def bearer(self, role: str = "instructor", sub: str = "t1", room: str = "demo") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.server.auth.mint(room, sub, role, sub)}"}

    async def ask(
        self, method: str, path: str, body: str | None = None, content: str = SDP, **headers: str
    ) -> tuple[int, Any, str]:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            more["Content-Type"] = content
        async with self.http.request(method, self.server.url + path, data=body, headers=more) as response:
            return response.status, response.headers, await response.text()

    async def ready(self) -> None:
        while (await self.ask("GET", "/api/rooms/demo/live", **self.bearer()))[0] == 503:
            await asyncio.sleep(0.05)

    async def publish(self, **who: str) -> tuple[RTCPeerConnection, Any]:
        peer = connection()
        peer.addTrack(AudioStreamTrack())
        peer.addTrack(VideoStreamTrack())
        await peer.setLocalDescription(await peer.createOffer())
        status, headers, text = await self.ask(
            "POST", "/api/rooms/demo/whip", peer.localDescription.sdp, **self.bearer(**who)
        )
        if status != 201:
            await peer.close()
            raise AssertionError(f"{status} {text}")
        self.answer = text
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return peer, headers

    async def watch(self, **who: str) -> tuple[RTCPeerConnection, Any, dict[str, MediaStreamTrack]]:
        peer = connection()
        tracks: dict[str, MediaStreamTrack] = {}
        peer.on("track", lambda track: tracks.__setitem__(track.kind, track))
        peer.addTransceiver("audio", direction="recvonly")
        peer.addTransceiver("video", direction="recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        while True:
            status, headers, text = await self.ask(
                "POST", "/api/rooms/demo/whep", peer.localDescription.sdp, **self.bearer("student", "s1")
            )
            if status != 409:
                break
            await asyncio.sleep(0.1)
        assert status == 201, text
        await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
        return peer, headers, tracks

    async def said(self, kind: type, count: int = 1) -> list[Any]:
        """Events of a kind, when there are so many."""
        while True:
            found = [one.event for one in await self.server.read() if isinstance(one.event, kind)]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


@asynccontextmanager
async def desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    with serving_alone(folder, **settings) as server:
        async with aiohttp.ClientSession() as http, asyncio.timeout(90):
            at = Desk(server, http)
            await at.ready()
            yield at


async def test_what_is_published_by_whip_is_told_to_the_room_and_seen_by_whep(tmp_path: Path) -> None:
    servers = ["stun:stun.example.org:3478", "turn:turn.example.org:3478?transport=udp"]
    async with desk(tmp_path, media_ice_servers=servers, media_turn_secret="s3cret") as at:
        teacher, made = await at.publish()
        assert re.fullmatch(r"/api/rooms/demo/whip/[\w-]{20,}", made["Location"])
        assert re.fullmatch(r'"\w+"', made["ETag"])
        assert made["Content-Type"].startswith(SDP)
        assert made.getall("Link")[0] == '<stun:stun.example.org:3478>; rel="ice-server"'
        assert re.search(
            r'rel="ice-server"; username="\d+:\w+"; credential="[\w+/=]+"; credential-type="password"',
            made.getall("Link")[1],
        )
        (published,) = await at.said(Published)
        assert published.member == "t1"
        assert set(published.sources) == {"camera", "microphone"}
        assert published.stream == made["Classroom-Stream"]

        viewer, _, tracks = await at.watch()
        assert (await tracks["video"].recv()).width == 640
        assert (await tracks["audio"].recv()).sample_rate == 48_000

        status, _, _ = await at.ask("DELETE", made["Location"], **at.bearer("student", "s1"))
        assert status == 403
        status, _, _ = await at.ask("DELETE", made["Location"], **at.bearer())
        assert status == 200
        await at.said(Unpublished)
        status, _, _ = await at.ask("DELETE", made["Location"], **at.bearer())
        assert status == 404
        await shut(teacher, viewer)


@pytest.mark.parametrize("how", ["roster.ban", "roster.remove"])
async def test_who_is_sent_away_watches_no_longer_whatever_their_client_does(tmp_path: Path, how: str) -> None:
    async with desk(tmp_path) as at:
        student = at.server.auth.mint("demo", "S", "student", "s1")
        member = await Peer.join(at.server.port, token=student)
        teacher = await Peer.join(at.server.port, token=at.server.auth.mint("demo", "T", "instructor", "t1"))
        publishing, _ = await at.publish()
        watching, _, tracks = await at.watch()
        try:
            async with asyncio.timeout(40):
                while not tracks:
                    await asyncio.sleep(0.05)
                await tracks["video"].recv()
                while not (await teacher.command(how, member="s1"))["ok"]:  # before it is known that they have come
                    await asyncio.sleep(0.1)
                await member.ended.wait()
                while watching.connectionState != "closed":
                    await asyncio.sleep(0.05)
            assert publishing.connectionState == "connected"
        finally:
            await shut(watching)
            await shut(publishing)
            await member.close()
            await teacher.close()


async def test_who_is_banned_while_their_offer_comes_in_does_not_watch(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        token = at.server.auth.mint("demo", "S", "student", "s1")
        member = await Peer.join(at.server.port, token=token)
        teacher = await Peer.join(at.server.port, token=at.server.auth.mint("demo", "T", "instructor", "t1"))
        banned, begun = asyncio.Event(), asyncio.Event()

        async def offer() -> AsyncIterator[bytes]:
            yield b"v=0\r\n"
            begun.set()
            await banned.wait()
            yield b"o=- 1 1 IN IP4 0.0.0.0\r\n"

        headers = {"Authorization": f"Bearer {token}", "Content-Type": SDP}
        asked = asyncio.create_task(
            at.http.post(f"{at.server.url}/api/rooms/demo/whep?publisher=t1", data=offer(), headers=headers)
        )
        await begun.wait()
        while not (await teacher.command("roster.ban", member="s1"))["ok"]:  # before it is known that they have come
            await asyncio.sleep(0.1)
        await member.ended.wait()
        banned.set()
        async with await asked as response:
            assert (response.status, (await response.json())["code"]) == (403, "banned")
        await member.close()
        await teacher.close()


async def test_every_refusal_has_the_status_of_the_rfc(tmp_path: Path) -> None:
    async with desk(tmp_path, server_allowed_origins=["https://class.example.org"]) as at:
        whip, whep = "/api/rooms/demo/whip", "/api/rooms/demo/whep"
        teacher, student = at.bearer(), at.bearer("student", "s1")
        offer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
        ice = f"a=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\na=fingerprint:sha-256 {'AA:' * 31}AA\r\na=setup:actpass\r\n"
        strange = offer + ice + "m=video 9 UDP/TLS/RTP/SAVPF 99\r\na=mid:0\r\na=rtpmap:99 H261/90000\r\n"
        assert (await at.ask("POST", whip, offer))[0] == 401
        assert (await at.ask("POST", whip, offer, **at.bearer(room="other")))[0] == 403
        assert (await at.ask("POST", whip, offer, **student))[0] == 403
        assert (await at.ask("POST", whip, offer, content="text/plain", **teacher))[0] == 415
        assert (await at.ask("POST", whip, "v=0", **teacher))[0] == 400
        assert (await at.ask("POST", whip, strange, **teacher))[0] == 422
        assert (await at.ask("POST", whip, "v=" + "0" * 70_000, **teacher))[0] == 413
        assert (await at.ask("POST", whep, offer, **student))[0] == 409
        for method, told in (("GET", 204), ("HEAD", 204), ("PUT", 405)):
            assert (await at.ask(method, whip, **teacher))[0] == told
            assert (await at.ask(method, f"{whip}/nothing", **teacher))[0] == told
        assert (await at.ask("DELETE", f"{whip}/nothing", **teacher))[0] == 404
        status, headers, _ = await at.ask("OPTIONS", whip)
        assert (status, headers["Accept-Post"]) == (200, SDP)
        asked = {"Origin": "https://class.example.org", "Access_Control_Request_Method": "PATCH"}
        status, headers, _ = await at.ask("OPTIONS", f"{whip}/x", **asked)
        assert status == 204
        assert "PATCH" in headers["Access-Control-Allow-Methods"]
        assert "If-Match" in headers["Access-Control-Allow-Headers"]
        _, headers, _ = await at.ask("POST", whip, "", Origin="https://class.example.org", **teacher)
        assert "Location" in headers["Access-Control-Expose-Headers"]


async def test_no_address_leads_to_what_workers_and_the_media_process_say_to_each_other(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        for path in ("/live/../", "/live/%2e%2e/", "/live/x/%2E%2e/../", "/live/./../", "/live/x/../../", "/live//../"):
            for inner in ("metrics", "facts", "rooms/demo/hls"):
                address = URL(at.server.url + path + inner, encoded=True)
                async with at.http.get(address) as response:
                    assert response.status == 404, (address, await response.text())
        teacher, headers = await at.publish()
        try:
            # Whose session it is is not for its name to say.
            session, thief = headers["Location"], at.bearer("student", "s1")
            address = URL(f"{at.server.url}{session}%3Froom=demo%26member=t1", encoded=True)
            async with at.http.delete(address, headers=thief) as response:
                assert response.status == 404
            assert (await at.ask("DELETE", session, **thief))[0] == 403
            assert (await at.ask("DELETE", session, **at.bearer()))[0] == 200
        finally:
            await shut(teacher)


async def test_candidates_and_ice_restarts_come_by_patch_with_their_conditions(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        teacher, made = await at.publish()
        where, tag, who = made["Location"], made["ETag"], at.bearer()
        candidate = "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"
        anew = f"a=ice-ufrag:anew\r\na=ice-pwd:{'q' * 24}\r\n"
        assert (await at.ask("PATCH", where, candidate, FRAGMENT, **who))[0] == 428
        assert (await at.ask("PATCH", where, candidate, FRAGMENT, If_Match='"other"', **who))[0] == 412
        assert (await at.ask("PATCH", where, candidate, SDP, If_Match=tag, **who))[0] == 415
        assert (await at.ask("PATCH", where, "nonsense", FRAGMENT, If_Match=tag, **who))[0] == 400
        assert (await at.ask("PATCH", where, candidate, FRAGMENT, If_Match=tag, **who))[0] == 204
        status, headers, text = await at.ask("PATCH", where, anew, FRAGMENT, If_Match="*", **who)
        assert status == 200
        assert headers["ETag"] != tag
        assert headers["Content-Type"].startswith(FRAGMENT)
        assert re.search(r"a=ice-ufrag:\w+\r\na=ice-pwd:\w+\r\na=candidate:", text)
        assert (await at.ask("PATCH", where, candidate, FRAGMENT, If_Match=tag, **who))[0] == 412
        await shut(teacher)


async def test_when_the_media_process_is_killed_the_room_is_told_and_another_takes_its_place(tmp_path: Path) -> None:
    async with desk(tmp_path) as at:
        teacher, _ = await at.publish()
        await at.said(Published)
        assert at.server.process is not None
        children = psutil.Process(at.server.process.pid).children()
        (media,) = [child for child in children if "media" in child.cmdline()]
        os.kill(media.pid, signal.SIGKILL)
        await at.said(Unpublished)
        again, _ = await _again(at)
        assert len(await at.said(Published, 2)) == 2
        await shut(teacher, again)


async def _again(at: Desk) -> tuple[RTCPeerConnection, Any]:
    while True:
        try:
            return await at.publish()
        except AssertionError as error:
            assert str(error).startswith("503")  # noqa: PT017
            await asyncio.sleep(0.1)
