"""Programs of others' making publish by WHIP: `python -m tests.media.programs gstreamer|whip-whep|relay FOLDER`.

To be run in a network namespace of its own, on whose one link (`LINK`) the server, the TURN server and the publisher have
addresses: GStreamer's ICE leaves loopback out. Prints what was seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Page, async_playwright

from classroom.media.stage import Published, Unpublished
from tests.media.chromium import FLAGS
from tests.media.peers import shut
from tests.media.test_whip import Desk
from tests.running import ROOT, serving_alone

SERVER, TURN = "10.77.0.1", "10.77.0.2"
LINK = (
    f"ip link set lo up && ip link add stage0 type veth peer name stage1 && ip addr add {SERVER}/24 dev stage0 && "
    f"ip addr add {TURN}/24 dev stage0 && ip link set stage0 up && ip link set stage1 up && ip route add default dev stage0"
)
SECRET = "s3cret"
CLIENTS = ROOT / "client" / "node_modules" / "whip-whep"
PUBLISH = """async ([url, token, policy]) => {
  const media = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480, frameRate: 30}, audio: true});
  window.pc = new RTCPeerConnection({iceTransportPolicy: policy, bundlePolicy: 'max-bundle'});
  for (const track of media.getTracks()) pc.addTransceiver(track, {direction: 'sendonly', streams: [media]});
  window.client = new WHIPClient();
  await client.publish(pc, new URL(url, location).href, token);
  while (pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 20));
}"""
VIEW = """async ([url, token, policy]) => {
  window.pc = new RTCPeerConnection({iceTransportPolicy: policy, bundlePolicy: 'max-bundle'});
  pc.addTransceiver('audio'); pc.addTransceiver('video');
  window.client = new WHEPClient();
  const frames = async () => {
    const all = [...(await pc.getStats()).values()];
    return all.find((one) => one.type === 'inbound-rtp' && one.kind === 'video')?.framesDecoded ?? 0;
  };
  await client.view(pc, new URL(url, location).href, token);
  while (await frames() < 20) await new Promise((go) => setTimeout(go, 50));
  return await frames();
}"""
TOLD = (
    "pc.iceGatheringState === 'complete' && !client.iceTrickeTimeout && !client.candidates.length && !client.restartIce"
)
PAIR = """async () => {
  const all = new Map((await pc.getStats()).entries());
  for (const one of all.values()) if (one.type === 'transport') {
    const pair = all.get(one.selectedCandidatePairId);
    return [all.get(pair.localCandidateId).candidateType, all.get(pair.localCandidateId).address];
  }
}"""


@asynccontextmanager
async def desk(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    with serving_alone(folder, media_host=SERVER, **settings) as server:
        async with aiohttp.ClientSession() as http:
            at = Desk(server, http)
            await at.ready()
            yield at


async def watched(at: Desk) -> list[Any]:
    """What aiortc is shown: width, height, sample rate."""
    viewer, _, tracks = await at.watch()
    picture, sound = await tracks["video"].recv(), await tracks["audio"].recv()
    await shut(viewer)
    return [picture.width, picture.height, sound.sample_rate]


async def packaged(at: Desk) -> str:
    """The multivariant playlist, when the camera is in it."""
    while True:
        address = json.loads((await at.ask("GET", "/api/rooms/demo/live", **at.bearer()))[2])["hls"]
        status, _, text = await at.ask("GET", f"{address}index.m3u8") if address else (0, {}, "")
        if status == 200 and "RESOLUTION" in text:
            return text
        await asyncio.sleep(0.1)


async def gstreamer(folder: Path) -> dict[str, Any]:
    async with desk(folder) as at:
        token = at.bearer()["Authorization"].split()[1]
        script = Path(__file__).parent / "whip_gst.py"
        process = await asyncio.create_subprocess_exec(
            *("/usr/bin/python3", str(script), f"{at.server.url}/api/rooms/demo/whip", token),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = (await process.stdout.readline()).decode().strip()
            (published,) = await at.said(Published)
            seen = {"said": said, "sources": sorted(published.sources), "watched": await watched(at)}
            seen["playlist"] = await packaged(at)
            process.stdin.close()
            seen["ended"] = await process.wait()
            await at.said(Unpublished)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return seen


@asynccontextmanager
async def pages(at: Desk) -> AsyncIterator[tuple[Page, Page]]:
    """A page that has the WHIP client, and one that has the WHEP client."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = await browser.new_context(permissions=["camera", "microphone"])
        made = []
        for name in ("WHIPClient", "WHEPClient"):
            page = await context.new_page()
            await page.goto(at.server.url + "/healthz")
            text = (
                (CLIENTS / f"{name[:4].lower()}.js")
                .read_text()
                .replace(f"export class {name}", f"window.{name} = class")
            )
            await page.add_script_tag(content=text)
            made.append(page)
        yield made[0], made[1]
        await browser.close()


async def whip_whep(folder: Path) -> dict[str, Any]:
    async with desk(folder) as at, pages(at) as (publisher, viewer):
        teacher, student = (
            at.bearer(*who)["Authorization"].split()[1] for who in (("instructor", "t1"), ("student", "s1"))
        )
        begun: list[str] = []
        asked: list[list[Any]] = []
        publisher.on("request", lambda request: begun.append(request.method))
        publisher.on("response", lambda answer: asked.append([answer.request.method, answer.status]))
        await publisher.evaluate(PUBLISH, ["/api/rooms/demo/whip", teacher, "all"])
        await at.said(Published)
        seen: dict[str, Any] = {"frames": await viewer.evaluate(VIEW, ["/api/rooms/demo/whep", student, "all"])}
        seen["playlist"] = await packaged(at)
        before = await publisher.evaluate("pc.localDescription.sdp.match(/ice-ufrag:(.*)/)[1]")
        await publisher.evaluate("client.restart()")
        await publisher.wait_for_function("pc.signalingState === 'stable'", polling=50)
        seen["restarted"] = before != await publisher.evaluate("pc.localDescription.sdp.match(/ice-ufrag:(.*)/)[1]")
        shown = (
            "(all) => [...all.values()].find(one => one.type === 'inbound-rtp' && one.kind === 'video').framesDecoded"
        )
        before = await viewer.evaluate(f"pc.getStats().then({shown})")
        await viewer.wait_for_function(f"pc.getStats().then({shown}).then(count => count > {before + 60})", polling=200)
        seen["state"] = await publisher.evaluate("pc.connectionState")
        await viewer.evaluate("client.stop()")
        # Candidates that it still tells of when it closes its connection, and so ends the session, would find none.
        await publisher.wait_for_function(TOLD, polling=50)
        while len(asked) < len(begun):
            await asyncio.sleep(0.05)
        await publisher.evaluate("client.stop()")
        await at.said(Unpublished)
        seen["asked"] = asked
    return seen


@contextmanager
def coturn(folder: Path) -> Iterator[int]:
    """Debian's TURN server with time-limited credentials; its port."""
    words = f"""--use-auth-secret --static-auth-secret={SECRET} --realm=classroom --listening-ip={TURN} --relay-ip={TURN}
        --listening-port=3478 --no-cli --no-tls --no-dtls --log-file=stdout --pidfile={folder}/turn.pid
        --userdb={folder}/turndb --no-rfc5780 --no-stdout-log""".split()
    with subprocess.Popen(
        ["turnserver", "-n", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield 3478
        finally:
            process.terminate()


async def relay(folder: Path) -> dict[str, Any]:
    with coturn(folder) as port:
        settings = {"media_ice_servers": [f"turn:{TURN}:{port}?transport=udp"], "media_turn_secret": SECRET}
        async with desk(folder, **settings) as at, pages(at) as (publisher, viewer):
            teacher, student = (
                at.bearer(*who)["Authorization"].split()[1] for who in (("instructor", "t1"), ("student", "s1"))
            )
            await publisher.evaluate(PUBLISH, ["/api/rooms/demo/whip", teacher, "relay"])
            await at.said(Published)
            seen: dict[str, Any] = {"frames": await viewer.evaluate(VIEW, ["/api/rooms/demo/whep", student, "relay"])}
            seen["pairs"] = [await page.evaluate(PAIR) for page in (publisher, viewer)]
            seen["server"] = await publisher.evaluate("pc.getConfiguration().iceServers[0]")
    return seen


if __name__ == "__main__":
    run = {"gstreamer": gstreamer, "whip-whep": whip_whep, "relay": relay}[sys.argv[1]]
    sys.stdout.write(json.dumps(asyncio.run(run(Path(sys.argv[2])))) + "\n")
