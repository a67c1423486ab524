"""Chromium publishes its fake camera by WHIP and another page watches by WHEP: `python -m tests.media.chromium FOLDER`.

To be run in a network namespace with nothing but loopback, since a browser else uses the machine's own addresses. Prints what was
seen as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.e2e.people import WITHOUT
from tests.running import serving_alone

FLAGS = [
    WITHOUT,
    "--no-sandbox",
    "--no-zygote",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]
COMMON = """
async function offer(pc, url, token) {
  await pc.setLocalDescription(await pc.createOffer());
  for (;;) {
    const answer = await fetch(url, {
      method: 'POST', body: pc.localDescription.sdp,
      headers: {'Content-Type': 'application/sdp', Authorization: 'Bearer ' + token},
    });
    if (answer.status === 409 || answer.status === 503) { await new Promise((go) => setTimeout(go, 50)); continue; }
    if (answer.status !== 201) throw new Error(answer.status + ' ' + await answer.text());
    await pc.setRemoteDescription({type: 'answer', sdp: await answer.text()});
    return answer.headers;
  }
}
async function estimate(pc) {
  for (const one of (await pc.getStats()).values()) if (one.availableOutgoingBitrate) return one.availableOutgoingBitrate;
  return 0;
}
async function stats(pc, type, kind) {
  for (const one of (await pc.getStats()).values()) if (one.type === type && one.kind === kind) return one;
  return null;
}
"""
PUBLISHER = """async ([url, token]) => {
  const media = await navigator.mediaDevices.getUserMedia({video: {width: 640, height: 480, frameRate: 30}, audio: true});
  const pc = window.pc = new RTCPeerConnection();
  for (const track of media.getTracks()) pc.addTransceiver(track, {direction: 'sendonly', streams: [media]});
  const headers = await offer(pc, url, token);
  window.session = headers.get('Location'); window.tag = headers.get('ETag');
  while (pc.connectionState !== 'connected') await new Promise((go) => setTimeout(go, 20));
}"""
VIEWER = """async ([url, token]) => {
  const began = performance.now();
  const pc = window.pc = new RTCPeerConnection();
  pc.addTransceiver('video', {direction: 'recvonly'});
  pc.addTransceiver('audio', {direction: 'recvonly'});
  const video = document.createElement('video');
  video.muted = true; video.autoplay = true; document.body.append(video);
  const stream = new MediaStream(); video.srcObject = stream;
  pc.ontrack = ({track}) => stream.addTrack(track);
  const first = new Promise((go) => video.requestVideoFrameCallback(() => go(performance.now() - began)));
  await offer(pc, url, token);
  return await first;
}"""
RESTART = """async ([token]) => {
  pc.restartIce();
  const made = await pc.createOffer();
  await pc.setLocalDescription(made);
  const take = (name) => made.sdp.match(new RegExp('a=' + name + ':.*'))[0];
  const body = take('ice-ufrag') + '\\r\\n' + take('ice-pwd') + '\\r\\n';
  const answer = await fetch(session, {method: 'PATCH', body, headers: {
    'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*', Authorization: 'Bearer ' + token}});
  const fragment = await answer.text();
  const told = (name) => fragment.match(new RegExp('a=' + name + ':.*'))[0].trim();
  const sdp = pc.remoteDescription.sdp.replace(/a=ice-ufrag:.*/g, told('ice-ufrag')).replace(/a=ice-pwd:.*/g, told('ice-pwd'));
  await pc.setRemoteDescription({type: 'answer', sdp});
  return answer.status;
}"""


async def play(folder: Path) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    with serving_alone(folder) as server:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            context = await browser.new_context(permissions=["camera", "microphone"])
            teacher = server.auth.mint("demo", "Teacher", "instructor", "t1")
            student = server.auth.mint("demo", "Asha", "student", "s1")
            publisher, viewer = await context.new_page(), await context.new_page()
            for page in (publisher, viewer):
                await page.goto(server.url + "/healthz")
                await page.add_script_tag(content=COMMON)
            await publisher.evaluate(PUBLISHER, ["/api/rooms/demo/whip", teacher])
            seen["first_frame_ms"] = await viewer.evaluate(VIEWER, ["/api/rooms/demo/whep", student])
            begun = asyncio.get_running_loop().time()
            seen["bits"] = []
            before = 0
            while asyncio.get_running_loop().time() - begun < 6:
                await asyncio.sleep(1)
                sent = await publisher.evaluate("stats(pc, 'outbound-rtp', 'video')")
                seen["bits"].append((sent["bytesSent"] - before) * 8)
                before = sent["bytesSent"]
            seen["estimate"] = await publisher.evaluate("estimate(pc)")
            before_restart = (await viewer.evaluate("stats(pc, 'inbound-rtp', 'video')"))["framesDecoded"]
            seen["restart"] = await publisher.evaluate(RESTART, [teacher])
            await asyncio.sleep(2)
            video = await viewer.evaluate("stats(pc, 'inbound-rtp', 'video')")
            audio = await viewer.evaluate("stats(pc, 'inbound-rtp', 'audio')")
            seen["after_restart"] = video["framesDecoded"] - before_restart
            seen |= {
                "state": await publisher.evaluate("pc.connectionState"),
                "lost": video["packetsLost"],
                "freezes": video["freezeCount"],
                "frames": video["framesDecoded"],
                "audio_packets": audio["packetsReceived"],
                "audio_lost": audio["packetsLost"],
                "width": video["frameWidth"],
            }
            await browser.close()
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(play(Path(sys.argv[1])))) + "\n")
