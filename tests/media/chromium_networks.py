"""Chromium publishes in layers, and pages watch over networks of all kinds: `python -m tests.media.chromium_networks FOLDER CODEC
SECONDS KIND…`, where a kind is `clean`, `thin` (300 kbit/s) or a share lost with 50 ms of jitter, such as `0.1` or `0.1-` (the
latter without NACK). CODEC is `VP8` or `H264`; with `-1` behind it the publisher sends one layer only.

To be run in a network namespace with nothing but loopback. Prints what was seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
from playwright.async_api import Page, async_playwright

from classroom.media.link import socket_path
from tests.e2e.clock import CAMERA
from tests.media.chromium import COMMON, FLAGS
from tests.media.impaired import Relay, Trouble
from tests.running import serving_alone

PUBLISHER = """async ([url, token, codec, layered]) => {
  const media = await navigator.mediaDevices.getUserMedia({video: {width: 960, height: 540, frameRate: 15}, audio: true});
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver(media.getAudioTracks()[0], {direction: 'sendonly', streams: [media]});
  const sendEncodings = layered ? [
    {rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 120000},
    {rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 350000},
    {rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1000000},
  ] : [{maxBitrate: 1100000}];
  const video = pc.addTransceiver(media.getVideoTracks()[0], {direction: 'sendonly', streams: [media], sendEncodings});
  const known = RTCRtpSender.getCapabilities('video').codecs;
  video.setCodecPreferences(known.filter((one) => one.mimeType === 'video/' + codec || one.mimeType === 'video/rtx'));
  await offer(pc, url, token);
  while (pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 20));
}"""
HOLD = 250  # ms, as our client has it where packets are lost (`client/src/live/hold.ts`)
VIEWER = """async ([url, token, port, nack]) => {
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  const video = document.createElement('video');
  video.muted = true; video.autoplay = true; document.body.append(video);
  const stream = new MediaStream(); video.srcObject = stream;
  pc.ontrack = ({track}) => stream.addTrack(track);
  let {sdp} = await pc.createOffer();
  if (!nack) sdp = sdp.replace(/a=rtcp-fb:\\d+ nack\\r\\n/g, '');
  await pc.setLocalDescription({type: 'offer', sdp});
  sdp = pc.localDescription.sdp;
  if (/ nack\\r\\n/.test(sdp) !== nack) throw new Error('the offer has NACK or not, as was not wanted');
  for (;;) {
    const answer = await fetch(url, {method: 'POST', body: sdp, headers: {
      'Content-Type': 'application/sdp', Authorization: 'Bearer ' + token}});
    if (answer.status === 409 || answer.status === 503) { await new Promise((go) => setTimeout(go, 50)); continue; }
    if (answer.status !== 201) throw new Error(answer.status + ' ' + await answer.text());
    let told = await answer.text();
    if (/ nack\\r\\n/.test(told) !== nack) throw new Error('the answer has NACK or not, as was not wanted');
    if (port) told = told.replace(/(a=candidate:\\S+ 1 udp \\d+ \\S+) \\d+/g, '$1 ' + port);
    await pc.setRemoteDescription({type: 'answer', sdp: told});
    if (port) for (const receiver of pc.getReceivers()) receiver.jitterBufferTarget = HOLD;
    return;
  }
}""".replace("HOLD", str(HOLD))
SEEN = """async () => {
  const video = await stats(pc, 'inbound-rtp', 'video') || {}, audio = await stats(pc, 'inbound-rtp', 'audio') || {};
  return {
    height: video.frameHeight || 0, frames: video.framesDecoded || 0, freezes: video.freezeCount || 0,
    frozen: video.totalFreezesDuration || 0, lost: video.packetsLost || 0, packets: video.packetsReceived || 0,
    nacks: video.nackCount || 0, again: video.retransmittedPacketsReceived || 0, keys: video.keyFramesDecoded || 0,
    audio: audio.packetsReceived || 0, audio_lost: audio.packetsLost || 0, audio_bytes: audio.bytesReceived || 0,
    concealed: audio.concealedSamples || 0, gaps: audio.concealmentEvents || 0, samples: audio.totalSamplesReceived || 0,
  };
}"""
LAYERS = """async () => [...(await pc.getStats()).values()].filter((one) => one.type === 'outbound-rtp' && one.kind === 'video')
  .map((one) => ({rid: one.rid || '', height: one.frameHeight || 0, bytes: one.bytesSent,
    limited: one.qualityLimitationReason, active: one.active, target: one.targetBitrate || 0}))"""


def trouble_of(kind: str) -> Trouble:
    if kind == "clean":
        return Trouble()
    if kind == "thin":
        return Trouble(rate=300_000)
    return Trouble(loss=float(kind.rstrip("-")), jitter=0.05)


async def repeated(folder: Path) -> int:
    """Packets that the server has sent again for NACK, to whomever."""
    connector = aiohttp.UnixConnector(str(socket_path(folder)))
    async with aiohttp.ClientSession(connector=connector) as http, http.get("http://media/metrics") as response:
        text = await response.text()
    return int(float(text.partition("\nclassroom_media_repeated ")[2].split()[0]))


async def play(folder: Path, codec: str, seconds: float, kinds: list[str]) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        server = stack.enter_context(serving_alone(folder))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        stack.push_async_callback(browser.close)
        context = await browser.new_context(permissions=["camera", "microphone"])

        async def page(script: str = "") -> Page:
            made = await context.new_page()
            if script:
                await made.add_init_script(script)
            await made.goto(server.url + "/healthz")
            await made.add_script_tag(content=COMMON)
            return made

        teacher = server.auth.mint("demo", "Teacher", "instructor", "t1")
        publisher = await page(CAMERA)
        name, _, single = codec.partition("-")
        await publisher.evaluate(PUBLISHER, ["/api/rooms/demo/whip", teacher, name, not single])
        media = await publisher.evaluate(
            "pc.remoteDescription.sdp.match(/candidate:\\S+ 1 udp \\d+ (\\S+) (\\d+)/).slice(1)"
        )
        viewers: dict[str, Page] = {}
        for number, kind in enumerate(kinds):
            student = server.auth.mint("demo", "Asha", "student", f"s{number}")
            port = 0
            if kind != "clean":
                relay = Relay(trouble_of(kind), number)
                port = await relay.start((media[0], int(media[1])))
                stack.push_async_callback(relay.close)
            viewers[kind] = await page()
            arguments = ["/api/rooms/demo/whep", student, port, not kind.endswith("-")]
            await viewers[kind].evaluate(VIEWER, arguments)
        seen: dict[str, Any] = {"heights": {kind: [] for kind in kinds}}
        before: dict[str, Any] = {}
        for second in range(int(seconds)):
            await asyncio.sleep(1)
            for kind, viewer in viewers.items():
                told = await viewer.evaluate(SEEN)
                if second == int(seconds) // 3:
                    before[kind] = told
                seen["heights"][kind].append(told["height"])
                seen[kind] = (
                    {name: round(value - before[kind][name], 2) for name, value in told.items()} if before else {}
                )
        seen["repeated"] = await repeated(folder)
        seen["estimate"] = await publisher.evaluate("estimate(pc)")
        seen["layers"] = await publisher.evaluate(LAYERS)
        return seen


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(play(Path(given[0]), given[1], float(given[2]), given[3:]))) + "\n")
